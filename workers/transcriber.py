"""How the worker of the queue `transcription` runs: `celery -A workers.transcriber worker -Q transcription`.

Deepgram is waited for, so one process has many recordings on their way, each in a thread. PocketSphinx computes, and
holds the interpreter while it does, so it gets a process for each core it may use.
"""

from config.settings import get_settings
from workers.app import app

THREADS, PROCESSES = 12, 2

_settings = get_settings()
app.conf.worker_pool = "threads" if _settings.deepgram_wanted else "prefork"
app.conf.worker_concurrency = _settings.transcription_concurrency or (
    THREADS if _settings.deepgram_wanted else PROCESSES
)
