# escape=`
# Escape=\

FROM scratch
RUN a `
  b
COPY c:\d `
  e
