# One image for every process of Procfile; docker-compose.yml says which runs which.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

COPY requirements.txt constraints.txt ./
RUN pip install -r requirements.txt

COPY beat beat
COPY chat chat
COPY config config
COPY web web
COPY workers workers

RUN useradd --create-home chattergram
USER chattergram

EXPOSE 8080
STOPSIGNAL SIGTERM
CMD ["gunicorn", "-c", "python:config.gunicorn", "web.app:create_app()"]
