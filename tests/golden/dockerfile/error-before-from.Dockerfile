WORKDIR /x
FROM scratch
