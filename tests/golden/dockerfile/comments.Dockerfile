# syntax=docker/dockerfile:1
#check=skip=all
# escape=\

# a comment \
FROM scratch
   # an indented one
RUN a \
# between
   # and indented

    b \

    && c # no comment of ours
LABEL a="# none" \
      # one
      b=1
RUN d \
