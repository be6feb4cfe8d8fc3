FROM scratch
echo hello
