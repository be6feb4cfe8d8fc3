FROM onggi/base AS 1st
