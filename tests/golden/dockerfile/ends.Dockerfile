FROM scratch
RUN ends with the file \