"""Names of Celery's queues and tasks, for those who send and those who run them."""

CHAT = "chat"
TRANSCRIPTION = "transcription"

DRAIN = "chat.drain"
TRANSCRIBE = "transcription.transcribe"
SWEEP = "beat.sweep"
SYNC = "beat.sync"
AGE = "beat.age"
UPLOADS = "beat.uploads"

QUEUE_OF = {DRAIN: CHAT, TRANSCRIBE: TRANSCRIPTION, SWEEP: CHAT, SYNC: CHAT, AGE: CHAT, UPLOADS: CHAT}
