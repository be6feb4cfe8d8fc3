FROM scratch
RUN --mount=type=ssh make
