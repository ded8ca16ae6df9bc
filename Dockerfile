# Three images: the last stage for the web, worker and beat processes, and for a transcriber that asks Deepgram;
# `transcriber` for one that transcribes by itself, with Whisper and its model; `flower` for Flower.
# docker-compose.yml says which service runs what.

# What is needed to install stays here. http-ece alone has no wheel; pip makes one of its Python.
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements requirements
RUN pip install --require-hashes --requirement requirements/pip.txt \
    && python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv install --require-hashes --only-binary=:all: --no-binary=http-ece --requirement requirements/base.txt

# The page, bundled and compressed.
FROM node:24-slim AS build-page
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
COPY dev/build-page.js dev/bundles.js dev/
COPY web/static web/static
RUN node dev/build-page.js

FROM build AS build-flower
RUN pip --python /opt/venv install --require-hashes --only-binary=:all: --requirement requirements/flower.txt

FROM build AS build-speech
ARG WHISPER_MODEL=base
COPY dev/whisper_model.py dev/
RUN pip --python /opt/venv install --require-hashes --only-binary=:all: --requirement requirements/speech.txt \
    && python dev/whisper_model.py "$WHISPER_MODEL" /opt/whisper

FROM python:3.11-slim AS application
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 FLASK_APP=web.app
WORKDIR /app
COPY beat beat
COPY chat chat
COPY config config
COPY web web
COPY workers workers
COPY --from=build-page /build/web/static/built web/static/built
# A clone made under a strict umask has files that only its owner may read, and COPY keeps their modes.
RUN chmod -R a+rX . \
    && python -m compileall -q . \
    && useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin chattergram

# It owns nothing and writes only to /tmp.
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM

FROM application AS transcriber
COPY --from=build-speech /opt/venv /opt/venv
COPY --from=build-speech /opt/whisper /opt/whisper
ENV WHISPER_MODEL=/opt/whisper

FROM application AS flower
COPY --from=build-flower /opt/venv /opt/venv

FROM application
COPY --from=build /opt/venv /opt/venv
CMD ["gunicorn", "-c", "python:config.gunicorn", "web.app:create_app()"]
