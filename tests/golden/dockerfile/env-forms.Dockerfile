FROM scratch
ENV a b=c "d e"
ENV name   value with  blanks
LABEL "a b"="c d" e\ f=g
ARG x y= z="q r"
