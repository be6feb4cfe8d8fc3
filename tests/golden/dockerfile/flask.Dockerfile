# The classic: a small web application.
FROM onggi/python:latest

ENV PYTHONUNBUFFERED=1 APP_HOME=/app
WORKDIR $APP_HOME
COPY requirements.txt .
RUN pip install --no-index --find-links wheels \
    -r requirements.txt
COPY --chown=1000:1000 --chmod=755 app.py static/ ./
USER 1000
EXPOSE 8000 9000/udp
LABEL org.opencontainers.image.title="Hello, flask" version='1.0'
CMD ["python", "app.py"]
