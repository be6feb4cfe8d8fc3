FROM scratch
ONBUILD RUM \
 x
