FROM scratch
COPY --chmod=755 \
     --oops=1 a b
