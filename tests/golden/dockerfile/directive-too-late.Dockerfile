# a comment ends the directives
# escape=`
FROM scratch
RUN a \
  b
