FROM scratch
HEALTHCHECK --timeout=10us CMD x
