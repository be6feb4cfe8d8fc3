FROM scratch
RUN --network=host make
