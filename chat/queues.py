"""The names of Celery's queues and tasks, shared by the code that sends tasks and the code that runs them."""

CHAT = "chat"
TRANSCRIPTION = "transcription"
PUSH = "push"

DRAIN = "chat.drain"
TRANSCRIBE = "transcription.transcribe"
FOLLOW = "transcription.follow"
SEND_PUSHES = "push.send"
SWEEP = "beat.sweep"
SYNC = "beat.sync"
AGE = "beat.age"
UPLOADS = "beat.uploads"
ERASE = "beat.erase"

QUEUE_OF = {
    **dict.fromkeys((DRAIN, SWEEP, SYNC, AGE, UPLOADS, ERASE), CHAT),
    **dict.fromkeys((TRANSCRIBE, FOLLOW), TRANSCRIPTION),
    SEND_PUSHES: PUSH,
}
