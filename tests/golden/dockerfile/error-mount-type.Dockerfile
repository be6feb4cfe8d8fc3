FROM scratch
RUN --mount=type=cahce,target=/c make
