FROM scratch
  ADD --keep-git-dir=true https://example.com/x.git /x
