"""Which languages a voice message is probably in, by its sender's setting or browser at the time of sending.

They are kept beside the message until it is transcribed. Losing them only makes the detection less sure.
"""

import re
from collections.abc import Mapping, Sequence

from chat.store import keys
from chat.store.connection import Stores

LANGUAGE = r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}"  # the part of BCP 47 that recognisers use
MAX_LANGUAGES = 5  # browsers send the few their owner reads
KEPT_SECONDS = 7 * 86_400

_LANGUAGE = re.compile(LANGUAGE)


def clean(languages: Sequence[str]) -> tuple[str, ...]:
    """Returns the valid language tags, without repetitions, at most `MAX_LANGUAGES`."""
    return tuple(dict.fromkeys(each for each in languages if _LANGUAGE.fullmatch(each)))[:MAX_LANGUAGES]


def keep(stores: Stores, hints: Mapping[str, Sequence[str]]) -> None:
    """Stores the languages of voice messages, by message id."""
    wanted = {message_id: ",".join(languages) for message_id, languages in hints.items() if languages}
    if not wanted:
        return
    with stores.redis.pipeline(transaction=False) as pipe:
        for message_id, languages in wanted.items():
            pipe.set(keys.transcription_hints_key(message_id), languages, ex=KEPT_SECONDS)
        pipe.execute()


def of(stores: Stores, message_id: str) -> tuple[str, ...]:
    """Returns the languages of a voice message, likeliest first."""
    kept = stores.redis.get(keys.transcription_hints_key(message_id))
    return tuple(kept.decode().split(",")) if kept else ()
