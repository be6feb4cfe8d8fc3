FROM scratch
COPY --parents --exclude=*.log --exclude=tmp --link --chmod=u=rwX,go=rX a/./b c /d/
ADD --checksum=sha256:0000000000000000000000000000000000000000000000000000000000000000 --unpack=false https://example.com/x.tgz /x/
ADD --unpack --chown=1:2 a.tar /
