ARG VERSION=latest
ARG OTHER
FROM onggi/base:${VERSION} AS Build
RUN make
FROM build
ENTRYPOINT ["/app"]
FROM scratch as last.one
