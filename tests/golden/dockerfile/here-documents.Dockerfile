FROM scratch
RUN <<EOF
echo a
	x \
EOF
RUN cat <<A - 3<<-"B B" > f
# kept

A
	two
	B B
COPY --chown=1 <<-D a <<E /y/
	doc $x
	D
E
ADD <<'F' /f
$x
F
CMD cat <<G
