"""Configures the worker of the queue `push`: `celery -A workers.launch:pusher worker -Q push`.

One process sends several notifications at once, one per thread: it mostly waits for push services.
"""

from workers.app import app

THREADS = 8

app.conf.worker_pool = "threads"
app.conf.worker_concurrency = THREADS
