FROM scratch
COPY --chown 1 a b
