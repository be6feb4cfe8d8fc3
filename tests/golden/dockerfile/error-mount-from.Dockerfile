FROM scratch
RUN --mount=type=bind,from=$STAGE,target=/c make
