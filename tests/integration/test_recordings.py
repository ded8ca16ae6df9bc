"""A recording that grows in Redis: each acknowledged piece stays, once, and all of it becomes an upload."""

import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import Any, BinaryIO

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chat import audio
from chat.audio import allowance, chunks
from chat.errors import Conflict, Gone, Invalid, NotFound, StorageFull, TooLarge, TooMany, Unavailable, UnsupportedMedia
from chat.media.sandbox import Sandbox
from chat.messages import editing
from chat.store import keys
from chat.store.connection import Stores
from chat.store.memory import Reading
from chat.upkeep import erasure
from chat.voice import leases, recordings
from chat.voice.recordings import Piece, Plan, Recording
from tests import recordings as samples
from tests.integration.conftest import Limited
from tests.people import drain, send_voice, someone

SPOKEN = samples.spoken()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.stop()


def nobody(_: str) -> None:
    """A `follow` for tests that follow nothing."""


def new_file() -> BinaryIO:
    opened = os.fdopen(os.memfd_create("recording"), "w+b", buffering=0)
    assert isinstance(opened, io.FileIO)
    return opened


def grow(stores: Stores, recording: Recording, content: bytes, length: int | None = None) -> Recording:
    return recordings.append(stores, recording, Piece(recording.offset, content, length), nobody)


def record(stores: Stores, owner: str, content: bytes = SPOKEN) -> Recording:
    """Records all of it, which is not stored yet."""
    return grow(stores, recordings.create(stores, owner, Plan(name="voice.webm")), content, len(content))


def content_of(stores: Stores, recording: Recording) -> bytes:
    return b"".join(recordings.stream(stores, recording))


# --- Pieces


@hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_however_it_is_cut_and_repeated_every_byte_is_there_once(connected: Stores, data: st.DataObject) -> None:
    """Each piece may get lost on its way, arrive with its acknowledgement lost, or late, after others."""
    content = data.draw(st.binary(min_size=1, max_size=300))
    recording = recordings.create(connected, "01JD4XBCEA8X4M6Z9T1V0QW5RK", Plan())
    try:
        known, late = recording, []
        while known.offset < len(content):
            start = known.offset
            piece = content[start : start + data.draw(st.integers(1, 60))]
            what = data.draw(st.sampled_from(["arrives", "is lost", "is not acknowledged", "is late", "comes twice"]))
            if what == "is late":
                late.append((start, piece))
            elif what != "is lost":
                grown = recordings.append(connected, known, Piece(start, piece), nobody)
                assert grown.offset == start + len(piece)
                known = grown if what == "arrives" else known
            if what == "comes twice" or (late and data.draw(st.booleans())):
                start, piece = late.pop() if late else (start, piece)
                with suppress(Conflict):
                    recordings.append(connected, known, Piece(start, piece), nobody)
            found = recordings.find(connected, recording.id)
            assert found is not None
            known = found
            assert content_of(connected, known) == content[: known.offset]
        assert content_of(connected, known) == content
    finally:
        recordings.discard(connected, recording)
        connected.redis.delete(*connected.redis.scan_iter("chattergram:{u*}:limit:upload:*"))


def test_a_piece_in_the_middle_tells_its_follower_and_its_owner_s_reservation_nothing(
    stores: Stores, anna: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def note(what: str, call: Any) -> Any:
        return lambda *arguments: (told.append(what), call(*arguments))[1]

    monkeypatch.setattr(leases, "begin", note("follower", leases.begin))
    monkeypatch.setattr(recordings, "_note_growing", note("reservation", recordings._note_growing))
    recording = recordings.create(stores, anna, Plan())

    def add(**last: Any) -> None:
        known = recordings.find_own(stores, recording.id, anna)
        recordings.append(stores, known, Piece(known.offset, b"piece", **last), nobody)

    add()
    assert told == ["reservation", "follower"]
    for _ in range(3):
        add()
    assert told == ["reservation", "follower"]
    stores.redis.zrem(keys.FOLLOWING, recording.id)  # as if its follower rested
    add()
    add(paused=True)
    add(length=35)
    assert told == ["reservation", "follower", "follower", *2 * ["reservation", "follower"]]


def test_a_recording_its_reservation_and_the_list_expire_together(
    stores: Stores, anna: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "EXPIRY_STEP", 1)
    recording, moved = recordings.create(stores, anna, Plan()), 0

    def reserved_until() -> float | None:
        return stores.redis.zscore(keys.recordings_key(anna), allowance.recording_token(recording.id))

    recording, before = grow(stores, recording, b"piece"), 0
    while moved < 2:
        recording, before = grow(stores, recording, b"piece"), recording.expires
        moved += recording.expires > before
        assert reserved_until() == recording.expires
        last = recording.expires - stores.settings.recording_ttl
        assert stores.redis.zscore(keys.RECORDINGS, recording.id) == last * 1_000
        assert 0 <= recordings.clock.now_ms(stores.redis) // 1_000 - last <= 2


def test_of_many_who_append_at_one_offset_one_succeeds(stores: Stores, anna: str) -> None:
    recording = recordings.create(stores, anna, Plan())

    def one(number: int) -> bool:
        try:
            return bool(grow(stores, recording, bytes([number]) * 100))
        except Conflict:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(8))) == 1
    found = recordings.find(stores, recording.id)
    assert found is not None
    assert len(set(content_of(stores, found))) == 1
    assert found.offset == 100


def test_a_call_that_the_redis_client_repeats_appends_once(
    stores: Stores, anna: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = recordings.create(stores, anna, Plan())
    monkeypatch.setattr("secrets.token_hex", lambda _: "the same call")
    assert grow(stores, recording, b"one").offset == grow(stores, recording, b"one").offset == 3
    assert recordings.read(stores, recording.id, 0, 10) == b"one"


def test_the_first_piece_and_no_other_has_the_recording_followed(stores: Stores, anna: str) -> None:
    followed: list[str] = []
    recording = recordings.create(stores, anna, Plan())
    for piece in (b"", b"one", b"two"):
        recording = recordings.append(stores, recording, Piece(recording.offset, piece), followed.append)
    assert followed == [recording.id]

    def fail(_: str) -> None:
        raise Unavailable("queue_unavailable")

    other = recordings.append(stores, recordings.create(stores, anna, Plan()), Piece(0, b"one"), fail)
    assert recordings.read(stores, other.id, 0, 10) == b"one"
    assert set(recordings.growing(stores, 10)) == {other.id, recording.id}


def test_a_length_that_lies_is_refused_and_what_came_before_stays(limited: Limited, anna: str) -> None:
    stores = limited(upload_max_bytes=1_024)
    with pytest.raises(TooLarge):
        recordings.create(stores, anna, Plan(length=1_025))
    recording = grow(stores, recordings.create(stores, anna, Plan(length=10)), b"12345")
    for piece, length, refusal in ((b"678901", None, TooLarge), (b"6", 11, Invalid), (b"", 5, Invalid)):
        with pytest.raises(refusal):
            grow(stores, recording, piece, length)
    assert grow(stores, recording, b"67890", 10).complete
    unknown = grow(stores, recordings.create(stores, anna, Plan()), b"12345")
    for piece, length in ((b"", 4), (bytes(1_020), None), (b"6", 1_025)):
        with pytest.raises(TooLarge):
            grow(stores, unknown, piece, length)
    assert recordings.find(stores, unknown.id) == recordings.find(stores, unknown.id)._replace(offset=5)  # type: ignore[union-attr]


# --- Completion


def test_a_complete_recording_is_an_upload_of_its_id(stores: Stores, anna: str, sandbox: Sandbox) -> None:
    bert = someone(stores, "bert")
    recording = record(stores, anna)
    with pytest.raises(NotFound):
        send_voice(stores, anna, bert, recording=recording.id)
    stored = recordings.complete(stores, sandbox, recording, new_file)
    upload = audio.find(stores, recording.id, anna)
    assert (upload.name, upload.mimetype, upload.duration) == ("voice.webm", "audio/webm", 6.05)
    assert b"".join(audio.stream(stores, upload)) == SPOKEN
    assert [each.stored for each in recordings.of_owner(stores, anna)] == [True]
    assert recordings.growing(stores, 10) == []
    send_voice(stores, anna, bert, recording=recording.id)
    assert recordings.of_owner(stores, anna) == []
    recordings.discard(stores, stored)
    drain(stores)
    assert audio.find(stores, recording.id, bert).length == len(SPOKEN)


def test_a_deleted_message_takes_along_what_its_recording_left(stores: Stores, anna: str, sandbox: Sandbox) -> None:
    bert = someone(stores, "bert")
    recording = recordings.complete(stores, sandbox, record(stores, anna), new_file)
    message = send_voice(stores, anna, bert, recording=recording.id)
    drain(stores)
    left = (keys.recording_key(recording.id), keys.recording_bytes_key(recording.id))
    assert all(0 < stores.redis.ttl(key) <= stores.settings.upload_ttl for key in left)
    editing.delete(stores, anna, message["_id"])
    assert not stores.redis.exists(*left)


def test_a_recording_whose_sender_died_before_it_was_accepted_is_still_theirs(
    stores: Stores, anna: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(**_: object) -> None:
        raise KeyboardInterrupt

    stored = recordings.complete(stores, sandbox, record(stores, anna), new_file)
    bert = someone(stores, "bert")
    with monkeypatch.context() as patched:
        patched.setattr(stores.scripts, "append_message", die)
        with pytest.raises(KeyboardInterrupt):
            send_voice(stores, anna, bert, recording=stored.id)
    assert [each.id for each in recordings.of_owner(stores, anna)] == [stored.id]
    send_voice(stores, anna, bert, recording=stored.id)
    assert recordings.of_owner(stores, anna) == []


STEPS = ("chat.audio.save", "chat.audio.chunks.write", "chat.audio.store._hash", "chat.audio.keep", "chat.audio.offer")


@pytest.mark.parametrize("step", STEPS)
def test_completing_is_repeated_after_a_death_at_any_step(
    stores: Stores, anna: str, sandbox: Sandbox, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(stores, anna)

    def die(*_: Any) -> None:
        if step == "chat.audio.store._hash":  # its chunks were written
            assert stores.mongo[chunks.CHUNKS].count_documents({"files_id": recording.id})
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(step, die)
        with pytest.raises(KeyboardInterrupt):
            recordings.complete(stores, sandbox, recording, new_file)
    for _ in range(2):
        assert recordings.complete(stores, sandbox, recording, new_file).stored
        assert not stores.redis.exists(keys.UPLOADS_PENDING_DELETION), "or it would go although it was sent"
    upload = audio.find(stores, recording.id, anna)
    recordings._note_stored(stores, recording, upload)  # the Redis client repeats a call whose reply was lost
    assert b"".join(audio.stream(stores, upload)) == SPOKEN
    assert int(stores.redis.get(keys.uploads_stored_key(anna))) == len(SPOKEN)
    assert stores.redis.hgetall(keys.uploads_unclaimed_key(anna)) == {recording.id.encode(): b"%d" % len(SPOKEN)}
    assert not stores.redis.exists(keys.UPLOADS_PENDING_DELETION, keys.RECORDINGS, keys.recordings_key(anna))


def test_it_is_completed_by_one_process_at_a_time(stores: Stores, anna: str, sandbox: Sandbox) -> None:
    recording = record(stores, anna)
    begun, may_end = Event(), Event()

    def wait() -> BinaryIO:
        begun.set()
        assert may_end.wait(20)
        return new_file()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(recordings.complete, stores, sandbox, recording, wait)
        assert begun.wait(20)
        with pytest.raises(Unavailable):
            recordings.complete(stores, sandbox, recording, new_file)
        with pytest.raises(Unavailable):
            recordings.discard(stores, recording)
        may_end.set()
        assert first.result(30).stored


def test_what_is_no_recording_is_gone_and_what_cannot_be_stored_now_stays(
    stores: Stores, anna: str, sandbox: Sandbox
) -> None:
    for content in (b"", b"no audio at all"):
        no_audio = record(stores, anna, content)
        with pytest.raises(UnsupportedMedia):
            recordings.complete(stores, sandbox, no_audio, new_file)
    with pytest.raises(Gone):
        recordings.find_own(stores, no_audio.id, anna)
    assert recordings.read(stores, no_audio.id, 0, 10) == b""

    def full() -> BinaryIO:
        raise StorageFull("no_room", sentence="no_room_for_recordings")

    recording = record(stores, anna)
    with pytest.raises(StorageFull):
        recordings.complete(stores, sandbox, recording, full)
    assert recordings.complete(stores, sandbox, recording, new_file).stored


# --- Whose it is, and for how long


def test_a_discarded_recording_is_gone_for_its_owner_and_unknown_to_others(
    stores: Stores, anna: str, sandbox: Sandbox
) -> None:
    growing, complete = recordings.create(stores, anna, Plan()), record(stores, anna)
    stored = recordings.complete(stores, sandbox, record(stores, anna), new_file)
    grown = grow(stores, growing, b"one")
    for recording in (grown, complete, stored):
        with pytest.raises(NotFound):
            recordings.find_own(stores, recording.id, "01JD4XBCEA8X4M6Z9T1V0QW5RK")
        recordings.discard(stores, recording)
        assert recordings.find(stores, recording.id) is None
        with pytest.raises(Gone):
            recordings.find_own(stores, recording.id, anna)
        with pytest.raises(Gone):
            grow(stores, recording, b"two")
        with pytest.raises(NotFound):
            audio.find(stores, recording.id, anna)
    left = {key.decode() for key in stores.redis.scan_iter("*recording*")}
    assert left == {keys.recording_key(each.id) for each in (growing, complete, stored)}
    assert all(stores.redis.ttl(key) > 0 for key in left)
    assert stores.mongo[chunks.CHUNKS].count_documents({}) == 0


def test_a_piece_that_was_on_its_way_when_the_recording_was_discarded_takes_no_place(
    stores: Stores, anna: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing, note = recordings.create(stores, anna, Plan()), recordings._note_growing

    def discard_first(*arguments: Any) -> None:
        recordings.discard(stores, growing)
        note(*arguments)

    monkeypatch.setattr(recordings, "_note_growing", discard_first)
    grow(stores, growing, b"one")
    assert stores.redis.zcard(keys.recordings_key(anna)) == 0


def test_everything_of_an_unfinished_recording_goes_by_itself(stores: Stores, anna: str) -> None:
    recording = grow(stores, recordings.create(stores, anna, Plan()), b"one")
    ttl = stores.settings.recording_ttl
    kept = {
        keys.recording_bytes_key(recording.id): ttl,
        keys.recordings_key(anna): ttl,
        keys.recording_key(recording.id): ttl + recordings.KNOWN_SECONDS,
    }
    for key, seconds in kept.items():
        assert seconds - 10 < stores.redis.ttl(key) <= seconds
    stores.redis.hset(keys.recording_key(recording.id), "expires", 1)
    stores.redis.zadd(keys.recordings_key(anna), {allowance.recording_token(recording.id): 1})
    stores.redis.zadd(keys.RECORDINGS, {recording.id: 1})
    assert recordings.find(stores, recording.id) is None
    assert recordings.of_owner(stores, anna) == []
    with pytest.raises(Gone):
        grow(stores, recording, b"two")
    recordings.forget_expired(stores)
    assert recordings.growing(stores, 10) == []
    recordings.create(stores, anna, Plan())  # counts what had expired no longer
    assert stores.redis.hlen(keys.uploads_unclaimed_key(anna)) == 1
    assert int(stores.redis.get(keys.uploads_stored_key(anna))) == stores.settings.upload_max_bytes


def test_an_erased_account_leaves_no_recording(stores: Stores, anna: str, sandbox: Sandbox) -> None:
    grow(stores, recordings.create(stores, anna, Plan()), b"one")
    recordings.complete(stores, sandbox, record(stores, anna), new_file)
    erasure.begin(stores, anna)
    erasure.erase(stores, anna, 10)
    assert not [key for key in stores.redis.scan_iter("*recording*") if b":bytes" in key or anna.encode() in key]
    assert stores.mongo[chunks.FILES].count_documents({}) == 0


# --- How much


def test_recordings_count_in_the_same_limits_as_uploads(limited: Limited, anna: str) -> None:
    stores = limited(recordings_at_once=2, limit_uploads="4 per hour")
    first = recordings.create(stores, anna, Plan(length=10))
    recordings.create(stores, anna, Plan())
    with pytest.raises(TooMany, match="recordings_at_once"):
        recordings.create(stores, anna, Plan())
    with allowance.upload(stores, anna, 1_000):
        pass  # an upload may run beside them
    recordings.discard(stores, first)
    recordings.create(stores, anna, Plan(length=10))
    most = stores.settings.upload_max_bytes
    for limits, refusal in (
        ({"uploads_unclaimed_bytes": most + 19}, TooMany),
        ({"uploads_all_bytes": most + 19}, StorageFull),
        ({"limit_uploads": "4 per hour"}, TooMany),
    ):
        with pytest.raises(refusal):
            recordings.create(limited(**limits), anna, Plan(length=10))
        with pytest.raises(refusal), allowance.upload(limited(**limits), anna, 10):
            pass
    assert len(recordings.of_owner(stores, anna)) == 2
    stores.redis.delete(keys.uploads_stored_key(anna))  # what is reserved counts also where MongoDB was asked again
    with pytest.raises(StorageFull):
        recordings.create(limited(uploads_all_bytes=most + 19), anna, Plan(length=10))


def test_a_redis_near_its_limit_takes_no_pieces_and_still_has_room_for_messages(stores: Stores, anna: str) -> None:
    recording = recordings.create(stores, anna, Plan())
    share = (stores.settings.redis_memory_warning + stores.settings.redis_memory_full) / 2
    stores.memory.last = Reading(used=int(1_000 * share), limit=1_000)
    try:
        assert not stores.memory.is_full
        for attempt in (lambda: recordings.create(stores, anna, Plan()), lambda: grow(stores, recording, b"one")):
            with pytest.raises(Unavailable) as refused:
                attempt()
            assert refused.value.retry_after >= 1
    finally:
        stores.memory.last = Reading()
    assert grow(stores, recording, b"one").offset == 3
