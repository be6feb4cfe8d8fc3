# escape=`
# syntax=docker/dockerfile:1
FROM onggi/base
RUN dir C:\ `
  /s
ENV name=a` b quoted="c` d"
