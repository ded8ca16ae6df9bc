"""What listening to a recording costs its speaker, who may have so much audio transcribed (`LIMIT_TRANSCRIPTION`).

A message is charged when it is accepted, so listening to its recording before costs nothing more. One that is discarded
after somebody listened to it is charged then, or people could have recognisers listen for ever.
"""

from chat.store import keys, limits
from chat.store.connection import Stores


def may_be_heard(stores: Stores, speaker: str) -> bool:
    """Whether this person may still have audio transcribed."""
    windows = limits.audio_windows(stores.settings.limit_transcription, speaker)
    counts = stores.redis.mget([window.key for window in windows]) if windows else []
    return all(int(count or 0) < window.max for count, window in zip(counts, windows, strict=True))


def charge_discarded(stores: Stores, speaker: str, recording_id: str, seconds: float) -> None:
    """Charges what was heard of a recording that no message has."""
    windows = limits.audio_windows(stores.settings.limit_transcription, speaker)
    if not seconds or stores.redis.hexists(keys.upload_key(recording_id), "message"):
        return
    with stores.redis.pipeline(transaction=False) as pipe:
        for window in windows:
            pipe.incrby(window.key, int(seconds * 1_000))
            pipe.expire(window.key, window.seconds, nx=True)
        pipe.execute()
