FROM scratch
RUN ["exec", "form", "with \"quotes\" and \u0041"]
RUN [not json, so a shell reads it
RUN ["json"] and more is none
RUN [ -f /etc/passwd ] && true
CMD []
ENTRYPOINT exec top -b
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
COPY ["a file with blanks", "/to/"]
STOPSIGNAL SIGINT
MAINTAINER Kim <kim@example.com>
