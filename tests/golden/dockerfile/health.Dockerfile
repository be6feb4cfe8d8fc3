FROM scratch
HEALTHCHECK --interval=1m30.5s --timeout=.5h --retries=3 CMD \
  curl -f x
healthcheck --start-period=5s --start-interval=10ms cmd ["a", "b"]
HEALTHCHECK NONE
VOLUME /a $b
VOLUME ["/c d"]
ONBUILD RUN  echo \
  hi
ONBUILD add a /b
