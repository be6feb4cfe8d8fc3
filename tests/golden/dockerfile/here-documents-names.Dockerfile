FROM scratch
RUN << EOF
spaced
EOF
RUN <<-  EOF > /file
	tabs
	EOF
RUN <<eo'f' cat
quoted in part
eof
RUN <<eo\'f
a quote in its name
eo'f
RUN <<$EOF
no variable
$EOF
RUN "<<EOF"
RUN cat <<<EOF
RUN ["<<EOF"]
USER <<EOF
COPY << X /dest/
spaced, too
X
COPY <<X <<Y /dest/
Y
X
X
Y
