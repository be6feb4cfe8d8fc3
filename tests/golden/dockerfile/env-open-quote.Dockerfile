FROM scratch
ENV a=1 b="2 3" c=4\ 5 d=$a e="
