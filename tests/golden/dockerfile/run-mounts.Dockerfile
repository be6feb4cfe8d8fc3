FROM scratch
ARG DIR=/c
RUN --mount=type=cache,target=/root/.cache,sharing=locked \
    --mount=type=bind,from=build,source=/out,target=/in \
    --network=none \
    --security=sandbox make
RUN --mount=type=secret,id=token,env=TOKEN --mount=type=cache,target=$DIR \
    ["make", "all"]
RUN --mount='type=bind,"source=a,b",target=/x' <<EOT
#!/usr/bin/env python3
print("hello")
EOT
