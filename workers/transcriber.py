"""Configures the worker of the queue `transcription`: `celery -A workers.launch:transcriber worker -Q transcription`.

Calls to Deepgram mostly wait, so one process handles many recordings at once, one per thread. PocketSphinx computes and
holds the interpreter lock meanwhile, so it gets one process per core it may use.
"""

from config.settings import get_settings
from workers.app import app

THREADS, PROCESSES = 12, 2

_settings = get_settings()
app.conf.worker_pool = "threads" if _settings.deepgram_wanted else "prefork"
app.conf.worker_concurrency = _settings.transcription_concurrency or (
    THREADS if _settings.deepgram_wanted else PROCESSES
)
