FROM scratch
RUN --mount=type=cache,tagret=/c make
