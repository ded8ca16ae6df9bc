"""Recordings that travel while they are made: their pieces are in Redis until they are complete, then they are uploads.

A recording is a hash (its owner, what is known of it, how long it is so far) and one string with its bytes. A script
appends a piece only where the recording ends, so pieces can neither be lost nor doubled, whoever sends them again. Like
the accepted log, what is acknowledged is in Redis's append-only file and survives a kill -9 of any process.

Once its last piece has come, a recording is `complete`. It is then prepared like any upload and stored in GridFS under
its own id; from then on it is `stored`, and the upload of that id can be claimed. If a process dies in between, whoever
asks how far the recording is stores it. One that nobody continues expires after `RECORDING_TTL`.

`keys.recording_key` has these fields: `owner`, `receiver` (a person's id or empty), `type` (as its sender calls it),
`name`, `language` (BCP 47 or empty), `share` (1 if the receiver may read along), `metadata` (as it was sent), `offset`,
`length` (empty until it is known), `paused` (the offset at which its speaker stopped last), `cut` (the second at which
it is cut off once it is whole), `started` (ms), `expires` (s), `call` (the last append), and `stored` (1) or `ended`
(why) later.
"""

import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO, NamedTuple

import structlog
from redis.client import Pipeline

from chat import audio
from chat.audio import NewRecording, Upload, allowance
from chat.audio import heard as hearing
from chat.errors import Conflict, Gone, Invalid, NotFound, TooLarge, Unavailable, UnsupportedMedia
from chat.media.pieces import write_all
from chat.media.sandbox import Prepared, Sandbox
from chat.messages.log import parse_receipt
from chat.people import accounts
from chat.store import clock, keys
from chat.store.cluster import has_slots
from chat.store.connection import Stores
from chat.store.locks import try_renewed_lock
from chat.store.scripts import execute
from chat.voice import leases

log = structlog.get_logger(__name__)

KNOWN_SECONDS = 86_400  # that an abandoned or discarded recording is remembered, to say that it is gone
READABLE_SECONDS = 120  # that the pieces stay readable after it is stored, for a follower that is not done
LOCK_SECONDS = 4.0  # after this another process may complete what a dead one began
BUSY_RETRY_SECONDS = 1
FULL_RETRY_SECONDS = 30
READ_BYTES = 256 * 1024
MEASURED_SECONDS = 1.0  # that a follower may take to the end of a recording that has just become whole
HEARD_SECONDS = 1.0  # that it may then take until the last words are settled
NOBODYS = ""  # what is asked for instead of a text that can be no recording's id
FOLLOWER_STEP = 0.02  # seconds between two looks
# By which the expiry of a recording moves at least, so that few pieces have to note it with its owner's reservation and
# in `keys.RECORDINGS`: so many seconds, or this share of `RECORDING_TTL`
EXPIRY_STEP, EXPIRY_SHARE = 10, 20

Follow = Callable[[str], None]


class Recording(NamedTuple):
    """A recording that can be continued, followed or sent. `offset` and `length` are in bytes.

    `paused`: its speaker has stopped, and may go on. `complete`: all its bytes are here. `stored`: it is an upload.
    `cut`: the second at which it is cut off once it is whole.
    """

    id: str
    owner: str
    receiver: str | None
    type: str
    offset: int
    length: int | None
    paused: bool
    cut: float | None
    complete: bool
    stored: bool
    name: str
    language: str
    share: bool
    metadata: str
    started: int  # Unix ms
    expires: int  # Unix seconds


class Piece(NamedTuple):
    """A piece that begins at `offset`. `length` is that of the whole recording, once it is known.

    `paused`: its speaker stops behind it, and may go on. `cut`: the second at which the recording is cut off once it is
    whole.
    """

    offset: int
    content: bytes = b""
    length: int | None = None
    paused: bool = False
    cut: float | None = None


class Plan(NamedTuple):
    """What is known of a recording before its first piece; all of it is its sender's word."""

    length: int | None = None
    receiver: str | None = None
    type: str = ""
    name: str = ""
    language: str = ""
    share: bool = False
    metadata: str = ""


def create(stores: Stores, owner_id: str, plan: Plan) -> Recording:
    """Begins a recording, and reserves room for all of it: for the largest possible one where its length is unknown.

    Raises:
        NotFound: there is no such receiver.
        TooLarge: it would be longer than an upload may be.
        TooMany, StorageFull: see `allowance.begin_recording`.
        Unavailable: Redis has no room.
        PyMongoError: Redis does not know the receiver, or how much the owner has stored, and MongoDB is away.
    """
    most = stores.settings.upload_max_bytes
    if plan.length is not None and plan.length > most:
        raise audio.too_large(stores)
    _require_room(stores)
    if plan.receiver is not None:
        accounts.require(stores, plan.receiver)
    recording_id, now = str(uuid.uuid4()), clock.now_ms(stores.redis)
    expires = now // 1_000 + stores.settings.recording_ttl
    fields: dict[str, str | int] = {
        "owner": owner_id,
        "receiver": plan.receiver or "",
        "type": plan.type,
        "name": plan.name,
        "language": plan.language,
        "share": int(plan.share),
        "metadata": plan.metadata,
        "offset": 0,
        "length": "" if plan.length is None else plan.length,
        "started": now,
        "expires": expires,
    }
    key = keys.recording_key(recording_id)
    with stores.redis.pipeline() as pipe:
        pipe.hset(key, mapping=fields)
        pipe.expireat(key, expires + KNOWN_SECONDS)
        pipe.execute()
    try:
        allowance.begin_recording(stores, owner_id, recording_id, most if plan.length is None else plan.length)
    except BaseException:
        stores.redis.delete(key)
        raise
    return _parse(recording_id, {name.encode(): str(value).encode() for name, value in fields.items()})


def find(stores: Stores, recording_id: str) -> Recording | None:
    """Returns a recording, whoever owns it; None if there is none, or it was discarded or has expired."""
    found, time_ = _load(stores, recording_id)
    return _parse(recording_id, found) if _is_alive(found, clock.read_ms(time_)) else None


def find_own(stores: Stores, recording_id: str, owner_id: str) -> Recording:
    """Returns a person's recording.

    Raises:
        NotFound: there is none, or it is somebody else's.
        Gone: it was discarded, refused or sent, or has expired.
    """
    return own(recording_id, owner_id, _load(stores, recording_id))


def ask(pipe: Pipeline, recording_id: str) -> None:
    """Asks, as part of a pipeline, for what `own` needs."""
    pipe.hgetall(keys.recording_key(recording_id if audio.is_upload_id(recording_id) else NOBODYS))
    pipe.time()


def own(recording_id: str, owner_id: str, replies: Sequence[Any]) -> Recording:
    """Returns a person's recording, by the replies to what `ask` asked for. Raises what `find_own` raises."""
    found, time_ = replies
    if found.get(b"owner", b"").decode() != owner_id:
        raise NotFound("no_such_recording")
    if not _is_alive(found, clock.read_ms(time_)):
        raise Gone("recording_gone")
    return _parse(recording_id, found)


def read(stores: Stores, recording_id: str, start: int, limit: int) -> bytes:
    """Returns at most `limit` bytes from `start` on; fewer at its end, none where there are none (any more)."""
    return bytes(stores.redis.getrange(keys.recording_bytes_key(recording_id), start, start + limit - 1))


def stream(stores: Stores, recording: Recording) -> Iterator[bytes]:
    """Lazily yields the bytes that had come when it was found."""
    for start in range(0, recording.offset, READ_BYTES):
        yield read(stores, recording.id, start, min(READ_BYTES, recording.offset - start))


def growing(stores: Stores, most: int) -> list[str]:
    """The ids of recordings that are not stored, those first whose last piece came last, and of some that expired."""
    return [raw.decode() for raw in stores.redis.zrevrange(keys.RECORDINGS, 0, most - 1)]


def of_owner(stores: Stores, owner_id: str) -> list[Recording]:
    """A person's recordings that were neither sent nor discarded, oldest first.

    One that is about to be sent is among them: whoever sends it may die.
    """
    growing_ids, unclaimed = allowance.growing(stores, owner_id), allowance.unclaimed(stores, owner_id)
    wanted = [*growing_ids, *unclaimed]
    with stores.redis.pipeline(transaction=False) as pipe:
        for recording_id in wanted:
            pipe.hgetall(keys.recording_key(recording_id))
            pipe.hget(keys.upload_key(recording_id), "message")
        pipe.time()
        *replies, time_ = pipe.execute()
    now = clock.read_ms(time_)
    found = [
        _parse(recording_id, fields)
        for recording_id, fields, claim in zip(wanted, replies[::2], replies[1::2], strict=True)
        if _is_alive(fields, now) and not (claim and parse_receipt(claim).entry_id)
    ]
    return sorted(found, key=lambda recording: recording.started)


def append(stores: Stores, recording: Recording, piece: Piece, follow: Follow) -> Recording:
    """Appends a piece.

    What it returns has survived: see this module's text. `follow` is called with the recording's id if
    nobody follows it; if it raises Unavailable, the sweep does it later.

    Raises:
        Conflict: the recording ends elsewhere.
        Invalid: it already has another length.
        TooLarge: it would be longer than its length, or than an upload may be.
        Gone: it was discarded meanwhile, or has expired.
        Unavailable: Redis has no room.
    """
    _require_room(stores)
    settings = stores.settings
    arguments: list[str | int | float | bytes] = [recording.owner]
    arguments += [secrets.token_hex(8), piece.offset, "" if piece.length is None else piece.length]
    arguments += [settings.upload_max_bytes, settings.recording_ttl, KNOWN_SECONDS, piece.content]
    arguments += [int(piece.paused), "" if piece.cut is None else piece.cut]
    arguments.append(min(EXPIRY_STEP, settings.recording_ttl // EXPIRY_SHARE))
    script_keys = [keys.recording_key(recording.id), keys.recording_bytes_key(recording.id)]
    with stores.redis.pipeline(transaction=False) as pipe:
        stores.scripts.append_piece(keys=script_keys, args=arguments, client=pipe)
        leases.ask(pipe, recording.id)
        (outcome, after, expires, is_to_note), lease = execute(pipe)
    if has_slots(stores.redis):  # whose nodes are asked at the same time
        lease = leases.read(stores, recording.id)
    if outcome != b"appended":
        raise _refusal(stores, outcome.decode(), after)
    if is_to_note:
        _note_growing(stores, recording, expires)
    length = recording.length if piece.length is None else piece.length
    cut = recording.cut if piece.cut is None else piece.cut
    grown = recording._replace(offset=after, length=length, cut=cut, complete=after == length, expires=expires)
    # Whoever follows it looks once more after they have given it up, so a piece in the middle need not tell them.
    if piece.paused or grown.complete or (piece.content and lease is None):
        _begin_following(stores, grown, follow)
    return grown


def complete(stores: Stores, sandbox: Sandbox, recording: Recording, new_file: Callable[[], BinaryIO]) -> Recording:
    """Stores a complete recording as an upload, unless it is one already. Safe to repeat, whoever died while doing it.

    `new_file` opens an empty temporary file.

    Raises:
        UnsupportedMedia, TooLarge: it is no recording, or lasts too long. It is gone.
        StorageFull, Unavailable: not now; it is kept, so that this can be called again.
        PyMongoError: MongoDB is away; the same.
    """
    if recording.stored or not recording.complete:
        return recording
    with try_renewed_lock(stores.redis, f"recording:{recording.id}", LOCK_SECONDS) as acquired, ExitStack() as closing:
        if not acquired:
            raise Unavailable("busy", BUSY_RETRY_SECONDS)
        current = find_own(stores, recording.id, recording.owner)
        if current.stored:
            return current
        upload = audio.find_stored(stores, recording.id)
        if upload is None:
            try:
                new = _prepared(stores, sandbox, recording, new_file, closing)
            except (UnsupportedMedia, TooLarge):
                _end(stores, recording, "refused")
                raise
            upload = audio.save(stores, recording.owner, recording.id, new)
        stored = _note_stored(stores, current, upload)
    _wait_for_words(stores, stored)
    return stored


def discard(stores: Stores, recording: Recording) -> None:
    """Discards a recording for good; a message that has it as its audio keeps that.

    Raises:
        Unavailable: it is being stored right now.
    """
    with try_renewed_lock(stores.redis, f"recording:{recording.id}", LOCK_SECONDS) as acquired:
        if not acquired:
            raise Unavailable("busy", BUSY_RETRY_SECONDS)
        _end(stores, recording, "discarded")
        if recording.complete:
            audio.delete_unclaimed(stores, [recording.id])


def forget_owner(stores: Stores, owner_id: str) -> None:
    """Erases a deleted account's recordings from Redis. Those in GridFS are uploads and go with those."""
    growing_ids, unclaimed = allowance.growing(stores, owner_id), allowance.unclaimed(stores, owner_id)
    with stores.redis.pipeline(transaction=False) as pipe:
        for recording_id in (*growing_ids, *unclaimed):
            pipe.delete(keys.recording_key(recording_id), keys.recording_bytes_key(recording_id))
            pipe.delete(keys.heard_key(recording_id))
            pipe.zrem(keys.RECORDINGS, recording_id)
        pipe.execute()


def forget_expired(stores: Stores) -> None:
    """Removes expired recordings from `keys.RECORDINGS`. The rest of them goes by itself."""
    before = clock.now_ms(stores.redis) - stores.settings.recording_ttl * 1_000
    stores.redis.zremrangebyscore(keys.RECORDINGS, "-inf", before)


def _require_room(stores: Stores) -> None:
    """Refuses recordings from `REDIS_MEMORY_WARNING` on, so that they never take the room that messages need."""
    if stores.memory.is_short:
        raise Unavailable("no_room", FULL_RETRY_SECONDS, sentence="no_room_for_recordings")


def _refusal(stores: Stores, outcome: str, offset: int) -> Exception:
    if outcome == "offset":
        return Conflict("wrong_offset", offset=offset)
    if outcome == "length":
        return Invalid("Upload-Length", "length_known")
    return audio.too_large(stores) if outcome == "large" else Gone("recording_gone")


def _begin_following(stores: Stores, recording: Recording, follow: Follow) -> None:
    try:
        if leases.begin(stores, recording.id):
            follow(recording.id)
    except Unavailable as error:
        log.warning("recording.not_followed", recording_id=recording.id, error=str(error))


def _prepared(
    stores: Stores, sandbox: Sandbox, recording: Recording, new_file: Callable[[], BinaryIO], closing: ExitStack
) -> NewRecording:
    source, target = closing.enter_context(new_file()), closing.enter_context(new_file())
    for piece in stream(stores, recording):
        write_all(source.fileno(), piece)
    prepared = None
    if recording.cut is not None:
        whole, source = source, closing.enter_context(new_file())
        sandbox.cut(whole, source, recording.cut, stores.settings.audio_max_seconds)
        hearing.cut_off(stores, recording.id, recording.cut)
    else:
        prepared = _measured_while_made(stores, recording)
    if prepared is None:
        prepared = sandbox.prepare(source, target, stores.settings.audio_max_seconds)
    return NewRecording(target if prepared.converted else source, recording.name, prepared)


def _measured_while_made(stores: Stores, recording: Recording) -> Prepared | None:
    """What its follower has measured, so that a long recording need not be decoded again; waits a moment for that."""
    found: list[Prepared | None] = [None]

    def is_measured() -> bool:
        found[0] = hearing.measured(stores, recording.id, recording.offset)
        return found[0] is not None

    _wait_for_follower(stores, recording, is_measured, MEASURED_SECONDS)
    return found[0]


def _wait_for_words(stores: Stores, recording: Recording) -> None:
    """Waits a moment until all is heard, so that a message that is sent right now has its words from the beginning."""

    def is_heard() -> bool:
        return not hearing.is_followed(stores, recording.id)

    _wait_for_follower(stores, recording, is_heard, HEARD_SECONDS)


def _wait_for_follower(stores: Stores, recording: Recording, is_done: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        is_followed = leases.is_followed(stores, recording.id)  # before the look: it may end in between
        if is_done() or not is_followed or time.monotonic() > until:
            return
        time.sleep(FOLLOWER_STEP)


def _note_stored(stores: Stores, recording: Recording, upload: Upload) -> Recording:
    expires = clock.now_ms(stores.redis) // 1_000 + stores.settings.upload_ttl
    key = keys.recording_key(recording.id)
    # It counts as stored last: until then this is repeated by whoever completes it. From then on it may be sent.
    with stores.redis.pipeline(transaction=False) as pipe:
        pipe.zrem(keys.RECORDINGS, recording.id)
        allowance.end_recording(stores, recording.owner, recording.id, [(upload.id, upload.length)], pipe)
        execute(pipe)
    audio.keep(stores, [upload.id])
    with stores.redis.pipeline() as pipe:
        audio.offer(stores, upload, pipe)
        pipe.hset(key, mapping={"stored": 1, "expires": expires})
        pipe.expireat(key, expires)
        pipe.expire(keys.recording_bytes_key(recording.id), READABLE_SECONDS)
        pipe.execute()
    return recording._replace(stored=True, expires=expires)


def _end(stores: Stores, recording: Recording, why: str) -> None:
    key = keys.recording_key(recording.id)
    with stores.redis.pipeline() as pipe:
        pipe.delete(key, keys.recording_bytes_key(recording.id))
        pipe.hset(key, mapping={"owner": recording.owner, "ended": why})
        pipe.expire(key, KNOWN_SECONDS)
        pipe.execute()
    with stores.redis.pipeline(transaction=False) as pipe:  # should this be lost, it all expires
        pipe.delete(keys.heard_key(recording.id))
        pipe.zrem(keys.RECORDINGS, recording.id)
        allowance.end_recording(stores, recording.owner, recording.id, [], pipe)
        execute(pipe)


def _note_growing(stores: Stores, recording: Recording, expires: int) -> None:
    """Keeps what is reserved for a recording until it expires. A later piece does the same, if this is lost."""
    growing = keys.recordings_key(recording.owner)
    with stores.redis.pipeline(transaction=False) as pipe:
        # It was added when the recording was begun; one that was discarded meanwhile would keep its place for a day.
        pipe.zadd(growing, {allowance.recording_token(recording.id): expires}, xx=True)
        pipe.expireat(growing, expires)
        pipe.zadd(keys.RECORDINGS, {recording.id: (expires - stores.settings.recording_ttl) * 1_000})
        pipe.execute()


def _load(stores: Stores, recording_id: str) -> list[Any]:
    """The replies to what `ask` asks for."""
    with stores.redis.pipeline(transaction=False) as pipe:
        ask(pipe, recording_id)
        replies: list[Any] = pipe.execute()
    return replies


def _is_alive(fields: dict[bytes, bytes], now: int) -> bool:
    return b"owner" in fields and b"ended" not in fields and int(fields[b"expires"]) * 1_000 > now


def _parse(recording_id: str, fields: dict[bytes, bytes]) -> Recording:
    text = {name.decode(): value.decode() for name, value in fields.items()}
    length = int(text["length"]) if text["length"] else None
    return Recording(
        id=recording_id,
        owner=text["owner"],
        receiver=text["receiver"] or None,
        type=text["type"],
        offset=int(text["offset"]),
        length=length,
        paused=text.get("paused") == text["offset"],
        cut=float(text["cut"]) if "cut" in text else None,
        complete=int(text["offset"]) == length,
        stored="stored" in text,
        name=text["name"],
        language=text["language"],
        share=text["share"] == "1",
        metadata=text["metadata"],
        started=int(text["started"]),
        expires=int(text["expires"]),
    )
