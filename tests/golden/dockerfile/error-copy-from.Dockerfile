FROM scratch
COPY --from=build /a /b
