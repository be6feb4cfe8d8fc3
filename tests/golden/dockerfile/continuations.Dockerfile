FROM scratch
RUN one \
# a comment in the middle
    # and an indented one
  && two \  

  && three \\
LABEL after="two escapes are no continuation"
run lower case keyword
RUN \
  starts on the next line
RUN ends with the file \
