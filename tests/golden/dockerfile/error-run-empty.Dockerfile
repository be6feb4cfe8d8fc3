FROM scratch
RUN   
