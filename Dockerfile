# One image for every process of Procfile; docker-compose.yml says which runs which.

# What is needed to install stays here.
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.txt constraints.txt ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --requirement requirements.txt \
    && /opt/venv/bin/pip uninstall --yes pip

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 FLASK_APP=web.app
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY beat beat
COPY chat chat
COPY config config
COPY web web
COPY workers workers
RUN python -m compileall -q .

# Of nobody in particular; it owns nothing and writes to /tmp alone.
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
CMD ["gunicorn", "-c", "python:config.gunicorn", "web.app:create_app()"]
