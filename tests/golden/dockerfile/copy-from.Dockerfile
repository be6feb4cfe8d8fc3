FROM --platform=linux/amd64 a AS b
COPY --from=0 --link /x /y
COPY --link=false --from=B /x /y
ADD --chmod=600 a.tar.gz ["b c"] /d
ADD ["a b", "/d"]
