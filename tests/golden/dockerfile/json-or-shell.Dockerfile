FROM scratch
CMD   [ "a" , "b" ]
CMD ["a", "b"] trailing
CMD ['a', 'b']
CMD ["a",
CMD ["a" "b"]
CMD [NaN]
CMD [ ]
RUN [ -f x ] && true
ENTRYPOINT ["\u0061\\\"\ud55c", "\n"]
SHELL ["/bin/bash","-c"]
VOLUME ["/a b", "/c"]
COPY ["a b", "/c d/"]
