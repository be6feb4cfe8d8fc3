FROM scratch
ENV a=b c="d e" f='g h' i=j\ k l= m=n=o
ENV old form keeps "all" of   it  
ENV 이름=옹기 "quoted name"=value
LABEL "com.example.vendor"="ACME Incorporated" \
      description="This text \
that spans lines"
ARG plain with=default empty= quoted="a b"
