FROM onggi/base AS
