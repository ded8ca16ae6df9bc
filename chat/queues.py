"""Names of Celery's queues and tasks, for those who send and those who run them."""

CHAT = "chat"
TRANSCRIPTION = "transcription"

DRAIN = "chat.drain"
TRANSCRIBE = "transcription.transcribe"
SWEEP = "beat.sweep"
SYNC = "beat.sync"
AGE = "beat.age"
UPLOADS = "beat.uploads"
ERASE = "beat.erase"

QUEUE_OF = {
    **dict.fromkeys((DRAIN, SWEEP, SYNC, AGE, UPLOADS, ERASE), CHAT),
    TRANSCRIBE: TRANSCRIPTION,
}
