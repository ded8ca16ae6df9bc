"""Followers: each listens to one recording while it is made, so that its words are there when it is sent.

A recording is in `keys.FOLLOWING` from its first piece until all of it was heard, or nobody can hear it. A task is only
a nudge to take its lease (`chat.voice.leases`); the sweep nudges wherever a lease has run out, so a follower that dies
is replaced within ten seconds. The next one decodes the pieces from the beginning and goes on behind the words that
were settled (`chat.audio.heard`). A follower passes its recording on where its process is stopped, and rests where no
piece has come for a while; the next piece then calls another.

What cannot be followed, or not fast enough, is left: then the message is transcribed after it is sent, as any other.
Until it has its words, a message that is sent before waits for the follower, for `heard.WAIT_SECONDS` at most.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import structlog
from redis import RedisError

from chat import frames
from chat.audio import heard as hearing
from chat.audio.decoding import RATE, SAMPLE_BYTES
from chat.audio.heard import Heard
from chat.errors import ChatError
from chat.messages import delivery, hinting
from chat.store import counters
from chat.store.connection import Stores
from chat.voice import attempts, charging, leases, recordings
from chat.voice.leases import PASS, REST, Lease
from chat.voice.pieces import Ended, Pieces
from chat.voice.recognisers import Recogniser, Stream, TranscriptionRefused, TranscriptionUnavailable
from chat.voice.recordings import Recording

log = structlog.get_logger(__name__)

TAKE_SECONDS = 0.05  # that a follower waits for sound before it asks its recogniser for news
FED_SECONDS = 30.0  # that a recogniser may have in front of it; the rest waits in a buffer, and then in Redis
BEHIND_SECONDS = 60.0  # that the buffer may stay full
CAPTION_SECONDS = 0.2  # between two frames
CAPTION_BYTES = 64 * 1024  # of frames a second: the captions of a long recording come less often
SAVE_SECONDS = 1.0  # between two times that what was heard is saved
QUIET_SECONDS = 0.3  # without sound, after which a speaker who has stopped is taken at their word
HELD_SECONDS = 0.4  # of sound that decoders hold back until there is more, or the end: less than a word


def follow(stores: Stores, recogniser: Recogniser, recording_id: str, stopping: Callable[[], bool]) -> str:
    """Follows a recording until it ends, unless somebody else does. Safe to call any number of times.

    Returns how it ended: `leases.PASS` if another must take over, since `stopping()`; `heard.LEFT` if its message,
    should it wait, must be transcribed otherwise; '' if there was nothing to do.
    """
    lease = leases.take(stores, recording_id)
    if lease is None:
        return ""
    began = time.monotonic()
    try:
        outcome = _Follower(stores, recogniser, recording_id, lease, stopping).run()
    except RedisError as error:  # the lease runs out, and another begins again
        log.warning("recording.not_followed", recording_id=recording_id, error=type(error).__name__)
        return ""
    counters.count("followed", outcome)
    log.info("recording.followed", recording_id=recording_id, outcome=outcome, seconds=round(time.monotonic() - began))
    return outcome


def leave_unheard(stores: Stores, recording_id: str) -> bool:
    """Leaves a recording that is whole to the transcription after sending, if nobody has listened to it: all are busy.

    Returns whether that was so; its message, should it wait, must be transcribed now.
    """
    recording, heard = recordings.find(stores, recording_id), hearing.read(stores, recording_id)
    if recording is None or not recording.complete or heard is None or heard.seconds:
        return False
    lease = leases.take(stores, recording_id)
    if lease is None:
        return False
    lease.end(hearing.LEFT)
    attempts.hurry_followed(stores, recording_id)
    return True


class _Follower:
    def __init__(
        self,
        stores: Stores,
        recogniser: Recogniser,
        recording_id: str,
        lease: Lease,
        stopping: Callable[[], bool],
    ) -> None:
        self._stores = stores
        self._recogniser = recogniser
        self._id = recording_id
        self._lease = lease
        self._stopping = stopping
        self._behind_since = 0.0
        self._begun = Heard()
        self._seconds = 0.0  # of sound that the recogniser was given
        self._sound_at = 0.0  # when the last of it came
        self._held = b""
        self._settled_at = 0  # bytes of the recording behind which its speaker has stopped, all before them settled
        self._bytes = 0  # of the recording that were read

    def run(self) -> str:
        """Returns how it ended."""
        recording = recordings.find(self._stores, self._id)
        if recording is None:
            return self._forget()
        try:
            ended = self._listen(recording)
        except (TranscriptionRefused, TranscriptionUnavailable, ChatError) as error:
            log.warning("recording.left", recording_id=self._id, reason=str(error))
            return self._leave()
        if ended is Ended.GONE or (ended is Ended.LOST and recordings.find(self._stores, self._id) is None):
            charging.charge_discarded(self._stores, recording.owner, self._id, self._seconds)
            return self._forget()
        if ended is Ended.STOPPED:
            self._lease.end(PASS)
        elif ended is Ended.RESTING:
            self._rest()
        return str(ended.value)

    def _listen(self, recording: Recording) -> Ended:
        if not charging.may_be_heard(self._stores, recording.owner):
            raise TranscriptionRefused("Its speaker has had too much audio transcribed.")
        begun = self._begun = hearing.read(self._stores, self._id) or Heard()
        if recording.offset and begun.settled_bytes == recording.offset:  # nothing came since
            self._bytes = recording.offset
            if not recording.complete:
                return Ended.RESTING
            self._finish(begun, _Teller(self._stores, recording))
            return Ended.COMPLETE
        teller = _Teller(self._stores, recording)
        with Pieces(self._stores, recording, begun.settled_seconds, self._renew) as pieces:
            first = pieces.wait()  # a stream that hears nothing would be closed
            if first is not None and first is not Ended.COMPLETE:
                self._bytes = pieces.offset
                return first
            hints = hinting.clean([recording.language] if recording.language else [])
            with self._recogniser.listen(None, hints, begun) as stream:
                ended = self._hear(pieces, stream, teller)
                if ended is Ended.COMPLETE:
                    self._finish(stream.finish(), teller)
                return ended

    def _hear(self, pieces: Pieces, stream: Stream, teller: "_Teller") -> Ended:
        while True:
            if stream.behind > FED_SECONDS:
                samples, ended = b"", None
            else:
                samples, ended = pieces.take(TAKE_SECONDS)
            if samples:
                self._feed(stream, samples, pieces.offset)
            elif pieces.paused and ended is None:
                self._settle(stream, pieces.offset)
            if ended is not None and not samples:
                self._bytes = pieces.offset
                return ended
            if (news := stream.heard(lambda: pieces.ending)) is not None:
                teller.note(self._settled(news, pieces.offset))
            teller.tell()
            self._keep_up(is_behind=pieces.full)

    def _feed(self, stream: Stream, samples: bytes, offset: int) -> None:
        """Gives the recogniser sound, but not what the decoder held back of what is settled, unless more follows."""
        self._held += samples
        self._sound_at = time.monotonic()
        if self._settled_at == offset and len(self._held) < HELD_SECONDS * RATE * SAMPLE_BYTES:
            return
        stream.feed(self._held)
        self._seconds += len(self._held) / SAMPLE_BYTES / RATE
        self._held, self._settled_at = b"", 0

    def _settle(self, stream: Stream, offset: int) -> None:
        """Has all words settled once the sound of a speaker who has stopped is there: they are looking at them."""
        if self._settled_at != offset and time.monotonic() - self._sound_at >= QUIET_SECONDS:
            self._settled_at = offset
            stream.settle()

    def _settled(self, news: Heard, offset: int) -> Heard:
        """Adds that all words of a recording whose speaker has stopped are settled, if they are."""
        heard_all = news.seconds >= self._begun.settled_seconds + self._seconds - HELD_SECONDS
        if self._settled_at != offset or not heard_all or news.settled < len(news.words):
            return news
        return replace(news, settled_bytes=offset)

    def _keep_up(self, *, is_behind: bool) -> None:
        """Raises TranscriptionUnavailable if the recogniser does not keep up with the speaker."""
        if not is_behind:
            self._behind_since = 0.0
        elif not self._behind_since:
            self._behind_since = time.monotonic()
        elif time.monotonic() - self._behind_since > BEHIND_SECONDS:
            raise TranscriptionUnavailable("The recogniser does not keep up.")

    def _finish(self, heard: Heard, teller: "_Teller") -> None:
        teller.note(heard)
        teller.tell(at_once=True)
        hearing.save(self._stores, self._id, heard)  # whatever became of that
        if self._lease.end(hearing.FINISHED):
            attempts.finish_followed(self._stores, self._id)

    def _renew(self) -> Ended | None:
        """Renews the lease. Returns why the follower has to end, if it has to."""
        if self._stopping():
            return Ended.STOPPED
        return None if self._lease.renew() else Ended.LOST

    def _rest(self) -> None:
        self._lease.end(REST)
        now = recordings.find(self._stores, self._id)
        if now is not None and (now.offset > self._bytes or now.complete):
            leases.begin(self._stores, self._id)  # a piece that came in this moment; the sweep nudges

    def _leave(self) -> str:
        self._lease.end(hearing.LEFT)
        attempts.hurry_followed(self._stores, self._id)
        return hearing.LEFT

    def _forget(self) -> str:
        leases.drop(self._stores, self._id)
        attempts.hurry_followed(self._stores, self._id)  # it may have been sent before
        hearing.forget(self._stores, [self._id])
        return Ended.GONE.value


class _Teller:
    """Shows the words to the speaker, and to the receiver if the speaker wants it, and saves them."""

    def __init__(self, stores: Stores, recording: Recording) -> None:
        self._stores = stores
        self._recording = recording
        self._untold: Heard | None = None
        self._unsaved: Heard | None = None
        self._tell_at = self._save_at = 0.0

    def note(self, news: Heard) -> None:
        """Has this told and saved, as soon as the last time is long enough ago."""
        self._untold = self._unsaved = news

    def tell(self, *, at_once: bool = False) -> None:
        """Sends and saves what is due, or with `at_once` everything. Call it often."""
        now = time.monotonic()
        try:
            if self._untold is not None and (now >= self._tell_at or at_once):
                heard, self._untold = self._untold, None
                self._tell_at = now + self._send(heard)
            if self._unsaved is not None and (now >= self._save_at or at_once):
                heard, self._unsaved = self._unsaved, None
                self._save_at = now + SAVE_SECONDS
                hearing.save(self._stores, self._recording.id, heard)
        except RedisError as error:
            log.warning("recording.not_told", error=type(error).__name__)

    def _send(self, heard: Heard) -> float:
        """Returns the seconds until the next frame may follow."""
        recording = self._recording
        captions = frames.Captions(recording.id, heard.text, heard.words, heard.settled, heard.seconds)
        envelopes = frames.captions_envelopes(
            captions, recording.owner, recording.receiver if recording.share else None
        )
        delivery.announce_captions(self._stores, envelopes)
        return max(CAPTION_SECONDS, sum(map(len, envelopes)) / CAPTION_BYTES)
