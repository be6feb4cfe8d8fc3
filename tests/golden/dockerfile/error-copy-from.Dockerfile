FROM scratch
COPY --from=$stage /a /b
