"""Recordings are stored whole, shown only to those they concern, and deleted if nobody claims them."""

import io
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, cast

import gridfs
import pytest
from pydantic import SecretStr
from pymongo import MongoClient

from chat import audio, ids
from chat.audio import chunks, erasing, store
from chat.errors import NotFound
from chat.media.sandbox import Prepared
from chat.messages import editing, history, storing
from chat.store import keys
from chat.store.archive import AUDIO_BUCKET
from chat.store.connection import Stores
from dev.processes import free_port
from tests import recordings
from tests.killed import Killed, killed
from tests.people import PEAKS, drain, key_of, log_of, partition_of, send_voice, someone, upload


def let_expire(stores: Stores, *upload_ids: str) -> None:
    """Makes uploads expire, as if so much time had passed that nobody may claim them any more."""
    long_ago = datetime.now(UTC) - timedelta(seconds=stores.settings.upload_ttl + 120)
    stores.mongo[chunks.FILES].update_many({"_id": {"$in": list(upload_ids)}}, {"$set": {"uploadDate": long_ago}})
    for own in map(keys.upload_key, upload_ids):
        if stores.redis.ttl(own) > 0:  # what a message has claimed stays in Redis
            stores.redis.delete(own)


def whole(stores: Stores, upload_id: str, reader: str) -> bytes:
    return b"".join(audio.stream(stores, audio.find(stores, upload_id, reader)))


def kept(stores: Stores) -> set[str]:
    """The ids of uploads of which anything is left."""
    files = {file["_id"] for file in stores.mongo[chunks.FILES].find()}
    return files | set(stores.mongo[chunks.CHUNKS].distinct("files_id"))


def assert_unknown(stores: Stores, upload_id: str, readers: Sequence[str]) -> None:
    for reader in readers:
        with pytest.raises(NotFound):
            audio.find(stores, upload_id, reader)


def test_a_recording_comes_back_as_it_was(stores: Stores, pair: tuple[str, str]) -> None:
    content = recordings.large(3 * chunks.CHUNK_BYTES + 1_234)
    upload_id = upload(stores, pair[0], content)
    assert whole(stores, upload_id, pair[0]) == content
    found = audio.find(stores, upload_id, pair[0])
    assert (found.length, found.owner, found.mimetype) == (len(content), pair[0], "audio/webm")
    assert max(map(len, audio.stream(stores, found))) <= chunks.CHUNK_BYTES
    border = chunks.CHUNK_BYTES
    for start, stop in ((0, 1), (border - 1, border + 1), (10, 2 * border + 10), (len(content) - 1, len(content))):
        assert b"".join(audio.stream(stores, found, start, stop)) == content[start:stop]
    assert b"".join(audio.stream(stores, found, 5, len(content) + 100)) == content[5:]


def test_an_upload_is_its_owners_until_a_message_claims_it(stores: Stores, pair: tuple[str, str]) -> None:
    anna, bert = pair
    carl = someone(stores, "carl")
    upload_id = upload(stores, anna)
    assert whole(stores, upload_id, anna) == recordings.spoken()
    assert_unknown(stores, upload_id, [bert, carl])
    send_voice(stores, anna, bert, recording=upload_id)
    for drained in (False, True):
        assert whole(stores, upload_id, anna) == whole(stores, upload_id, bert) == recordings.spoken(), drained
        assert_unknown(stores, upload_id, [carl])
        drain(stores)
    stores.redis.flushdb()
    assert whole(stores, upload_id, bert) == recordings.spoken()
    assert_unknown(stores, upload_id, [carl])


def test_an_upload_is_claimed_once(stores: Stores, pair: tuple[str, str]) -> None:
    upload_id = upload(stores, pair[0])

    def claim(_: int) -> str | None:
        try:
            return send_voice(stores, *pair, recording=upload_id)["_id"]
        except NotFound:
            return None

    with ThreadPoolExecutor(10) as pool:
        sent = {each for each in pool.map(claim, range(10)) if each is not None}
    assert len(sent) == 1
    assert stores.redis.xlen(log_of(stores, pair)) == 1


def test_somebody_elses_upload_is_unknown(stores: Stores, pair: tuple[str, str]) -> None:
    upload_id = upload(stores, pair[0])
    with pytest.raises(NotFound):
        send_voice(stores, pair[1], pair[0], recording=upload_id)
    stores.redis.flushdb()
    with pytest.raises(NotFound):
        send_voice(stores, pair[1], pair[0], recording=upload_id)


@pytest.mark.parametrize(
    "upload_id", ["", "nothing", "../etc/passwd", "00000000-0000-4000-8000-000000000000", "x" * 999]
)
def test_an_id_that_is_not_an_upload_is_unknown(stores: Stores, pair: tuple[str, str], upload_id: str) -> None:
    assert_unknown(stores, upload_id, pair)
    with pytest.raises(NotFound):
        audio.find_linked(stores, upload_id)
    if upload_id:
        with pytest.raises(NotFound):
            send_voice(stores, *pair, recording=upload_id)


def test_uploads_nobody_claims_go_and_claimed_ones_stay(stores: Stores, pair: tuple[str, str]) -> None:
    claimed, on_its_way, fresh, unclaimed = (upload(stores, pair[0]) for _ in range(4))
    send_voice(stores, *pair, recording=claimed)
    drain(stores)
    send_voice(stores, *pair, recording=on_its_way)
    let_expire(stores, claimed, on_its_way, unclaimed)
    assert_unknown(stores, unclaimed, [*pair])  # at once, not only when it is swept
    assert audio.sweep_unclaimed(stores) == 1
    assert kept(stores) == {claimed, on_its_way, fresh}
    assert audio.sweep_unclaimed(stores) == 0
    drain(stores)
    stores.redis.flushdb()
    assert audio.sweep_unclaimed(stores) == 0
    for upload_id in (claimed, on_its_way):
        assert whole(stores, upload_id, pair[1]) == recordings.spoken()


def test_a_claimed_recording_waits_for_mongodb_however_long_it_is_away(stores: Stores, pair: tuple[str, str]) -> None:
    upload_id = upload(stores, pair[0])
    own = keys.upload_key(upload_id)
    assert 0 < stores.redis.ttl(own) <= stores.settings.upload_ttl
    send_voice(stores, *pair, recording=upload_id)
    assert stores.redis.ttl(own) == -1, "with the claim the recording would go, before its message is archived"
    let_expire(stores, upload_id)
    assert audio.sweep_unclaimed(stores) == 0
    drain(stores)
    assert 0 < stores.redis.ttl(own) <= stores.settings.upload_ttl + store.CLAIM_KEPT_SECONDS
    assert whole(stores, upload_id, pair[1]) == recordings.spoken()


def test_a_request_that_may_still_be_claiming_keeps_its_upload(stores: Stores, pair: tuple[str, str]) -> None:
    upload_id = upload(stores, pair[0])
    just_over = datetime.now(UTC) - timedelta(seconds=stores.settings.upload_ttl + erasing.GRACE_SECONDS / 2)
    stores.mongo[chunks.FILES].update_one({"_id": upload_id}, {"$set": {"uploadDate": just_over}})
    assert audio.sweep_unclaimed(stores) == 0
    send_voice(stores, *pair, recording=upload_id)
    assert kept(stores) == {upload_id}


def test_an_upload_that_redis_lost_is_restored_for_the_rest_of_its_time(stores: Stores, pair: tuple[str, str]) -> None:
    upload_id = upload(stores, pair[0])
    half = datetime.now(UTC) - timedelta(seconds=stores.settings.upload_ttl / 2)
    stores.mongo[chunks.FILES].update_one({"_id": upload_id}, {"$set": {"uploadDate": half}})
    stores.redis.delete(keys.upload_key(upload_id))
    assert audio.restore_upload(stores, upload_id, pair[0])
    assert 0 < stores.redis.ttl(keys.upload_key(upload_id)) <= stores.settings.upload_ttl / 2
    stores.redis.delete(keys.upload_key(upload_id))
    assert send_voice(stores, *pair, recording=upload_id)["audioFileId"] == upload_id


def test_a_claim_that_mongodb_has_not_got_yet_is_not_undone_by_restoring_its_upload(
    stores: Stores, pair: tuple[str, str]
) -> None:
    upload_id = upload(stores, pair[0])
    send_voice(stores, *pair, recording=upload_id)
    assert audio.restore_upload(stores, upload_id, pair[0])  # by a request that found it missing a moment before
    assert stores.redis.ttl(keys.upload_key(upload_id)) == -1
    with pytest.raises(NotFound):
        send_voice(stores, *pair, recording=upload_id)


def test_a_sweep_goes_through_more_than_a_page(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "PAGE", 2)
    claimed, *unclaimed = (upload(stores, pair[0], b"x") for _ in range(6))
    pending = [upload(stores, pair[0], b"x") for _ in range(5)]
    send_voice(stores, *pair, recording=claimed)
    let_expire(stores, claimed, *unclaimed)
    stores.redis.zadd(keys.UPLOADS_PENDING_DELETION, dict.fromkeys(pending, 1))
    assert audio.sweep_unclaimed(stores) == 10
    assert kept(stores) == {claimed}
    assert stores.redis.zcard(keys.UPLOADS_PENDING_DELETION) == 0


def test_a_sweep_ends_after_some_pages_and_the_next_one_goes_on(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "PAGE", 1)
    monkeypatch.setattr(erasing, "PAGES", 2)
    pending = [upload(stores, pair[0], b"x") for _ in range(3)]
    unclaimed = [upload(stores, pair[0], b"x") for _ in range(3)]
    let_expire(stores, *unclaimed)
    stores.redis.zadd(keys.UPLOADS_PENDING_DELETION, dict.fromkeys(pending, 1))
    assert [audio.sweep_unclaimed(stores) for _ in range(3)] == [4, 2, 0]


def test_an_upload_that_was_swept_can_not_be_claimed(stores: Stores, pair: tuple[str, str]) -> None:
    upload_id = upload(stores, pair[0])
    let_expire(stores, upload_id)
    audio.sweep_unclaimed(stores)
    with pytest.raises(NotFound):
        send_voice(stores, *pair, recording=upload_id)


def test_an_upload_redis_has_lost_can_still_be_claimed_in_its_time(stores: Stores, pair: tuple[str, str]) -> None:
    in_time, too_late = upload(stores, pair[0]), upload(stores, pair[0])
    let_expire(stores, too_late)
    stores.redis.flushdb()
    send_voice(stores, *pair, recording=in_time)
    with pytest.raises(NotFound):
        send_voice(stores, *pair, recording=too_late)
    drain(stores)
    assert whole(stores, in_time, pair[1]) == recordings.spoken()


def test_a_message_carries_how_long_its_recording_is_and_how_it_looks(stores: Stores, pair: tuple[str, str]) -> None:
    upload_id = upload(stores, pair[0])
    stores.redis.delete(keys.upload_key(upload_id))  # it comes back from GridFS with all that is known of it
    message = send_voice(stores, *pair, recording=upload_id)
    drain(stores)
    for wipe in (False, True):
        if wipe:
            stores.redis.flushdb()
        shown = history.recent(stores, pair[1], pair[0])[-1]
        assert (shown["duration"], shown["peaks"]) == (6.05, PEAKS)
        assert audio.find(stores, upload_id, pair[1]).peaks == PEAKS
    editing.delete(stores, pair[0], message["_id"])
    storing.flush(stores)
    gone = history.recent(stores, pair[1], pair[0])[-1]
    assert "deletedAt" in gone
    assert not {"duration", "peaks"} & gone.keys()


def test_a_recording_of_before_there_were_peaks_is_sent_as_ever(stores: Stores, pair: tuple[str, str]) -> None:
    upload_id = upload(stores, pair[0])
    stores.mongo[chunks.FILES].update_one({"_id": upload_id}, {"$unset": {"metadata.peaks": ""}})
    stores.redis.delete(keys.upload_key(upload_id))
    send_voice(stores, *pair, recording=upload_id)
    drain(stores)
    shown = history.recent(stores, pair[1], pair[0])[-1]
    assert shown["duration"] == 6.05
    assert "peaks" not in shown


def test_the_recording_of_a_deleted_message_is_gone_for_everybody(stores: Stores, pair: tuple[str, str]) -> None:
    message = send_voice(stores, *pair)
    drain(stores)
    editing.delete(stores, pair[0], message["_id"])
    assert kept(stores) == set()
    assert_unknown(stores, message["audioFileId"], pair)
    with pytest.raises(NotFound):
        audio.find_linked(stores, message["audioFileId"])


def test_deleted_while_mongodb_is_away_it_goes_when_it_is_back(stores: Stores, pair: tuple[str, str]) -> None:
    upload_id = upload(stores, pair[0])
    nowhere: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", free_port(), serverSelectionTimeoutMS=0)
    audio.delete(replace(stores, mongo=nowhere.chattergram), [upload_id])
    nowhere.close()
    assert kept(stores) == {upload_id}
    audio.sweep_unclaimed(stores)
    assert kept(stores) == set()


def test_the_recording_of_a_deleted_message_goes_also_when_its_process_was_killed_meanwhile(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = send_voice(stores, *pair)
    drain(stores)

    with monkeypatch.context() as patched:
        patched.setattr(audio, "delete", killed)
        with pytest.raises(Killed):
            editing.delete(stores, pair[0], message["_id"])
    assert kept(stores) == {message["audioFileId"]}
    audio.sweep_unclaimed(stores)
    assert kept(stores) == set()
    assert not stores.redis.exists(keys.upload_key(message["audioFileId"]))
    assert not stores.redis.exists(keys.doomed_key(partition_of(stores, pair)))
    assert_unknown(stores, message["audioFileId"], pair)


def test_only_the_recordings_of_messages_that_were_buried_go(stores: Stores, pair: tuple[str, str]) -> None:
    deleted, elsewhere, buried = (send_voice(stores, *pair)["_id"] for _ in range(3))
    drain(stores)
    found = storing.hot.read_messages(stores, [deleted, elsewhere, buried])
    messages = [message for message in found if message]
    editing.delete(stores, pair[0], deleted)
    stores.redis.delete(key_of(stores, elsewhere))  # as if it had aged since it was read
    now = editing.bury(stores, messages)
    assert [each and each["_id"] for each in now] == [None, None, buried]
    assert kept(stores) == {messages[1]["audioFileId"]}
    assert stores.redis.zcard(keys.UPLOADS_PENDING_DELETION) == 0
    assert not stores.redis.exists(keys.doomed_key(partition_of(stores, pair))), "the sweep would mark them again"


def test_a_recording_another_tool_wrote_in_chunks_of_its_own_size_is_read_whole_and_in_ranges(
    stores: Stores, pair: tuple[str, str]
) -> None:
    content, upload_id = recordings.large(10_500), "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    bucket = gridfs.GridFSBucket(stores.mongo, AUDIO_BUCKET, chunk_size_bytes=1_000)
    metadata = {"owner": pair[0], "name": "voice.webm", "mimetype": "audio/webm", "duration": 1.0}
    bucket.upload_from_stream_with_id(upload_id, "voice.webm", content, metadata=metadata)
    found = audio.find(stores, upload_id, pair[0])
    assert whole(stores, upload_id, pair[0]) == content
    for start, stop in ((0, 1), (999, 1_001), (1_000, 2_000), (2_500, 9_999), (10_499, 99_999)):
        assert b"".join(audio.stream(stores, found, start, stop)) == content[start:stop]


class Broken(io.BytesIO):
    """A file whose disk fails after the first megabyte."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= chunks.CHUNK_BYTES * chunks.CHUNKS_A_WRITE:
            raise OSError("disk failure")
        return super().read(size)


def test_of_several_uploads_all_are_stored_or_none(stores: Stores, pair: tuple[str, str]) -> None:
    prepared = Prepared("audio/webm", 1.0, [], converted=False)
    files: list[io.BytesIO] = [io.BytesIO(recordings.spoken()), Broken(bytes(3 * 2**20))]
    with pytest.raises(OSError, match="disk"):
        audio.save_all(stores, pair[0], [audio.NewRecording(cast("BinaryIO", file), None, prepared) for file in files])
    assert len(kept(stores)) == 2
    audio.sweep_unclaimed(stores)
    assert kept(stores) == set()
    assert not list(stores.redis.scan_iter(f"{keys.PREFIX}:upload:*"))


def test_an_upload_left_half_written_by_a_dead_process_is_removed(stores: Stores, pair: tuple[str, str]) -> None:
    stores.mongo[chunks.CHUNKS].insert_one({"files_id": "half", "n": 0, "data": b"half"})
    stores.redis.zadd(keys.UPLOADS_PENDING_DELETION, {"half": int(time.time()) + 60})
    audio.sweep_unclaimed(stores)
    assert kept(stores) == {"half"}  # it may still be written
    stores.redis.zadd(keys.UPLOADS_PENDING_DELETION, {"half": int(time.time()) - 1})
    audio.sweep_unclaimed(stores)
    assert kept(stores) == set()


def test_names_are_kept_without_paths_and_control_marks(stores: Stores, pair: tuple[str, str]) -> None:
    prepared = Prepared("audio/webm", 1.0, [], converted=False)
    given = ["../../etc/passwd", "a\0b\r\nSet-Cookie: x.webm", None, "C:\\tmp\\voice.html", "\u202egpj.webm"]
    files = [audio.NewRecording(io.BytesIO(b"x"), name, prepared) for name in given]
    stored = [saved.name for saved in audio.save_all(stores, pair[0], files)]
    assert stored == ["passwd", "abSet-Cookie: x.webm", "voice.webm", "voice.html", "gpj.webm"]
    assert audio.download_name("voice.html", "audio/webm") == "voice.html.webm"


def test_a_signed_link_opens_one_recording_for_a_while_and_names_the_session_that_made_it(stores: Stores) -> None:
    settings, now = stores.settings, 1_800_000_000
    maker = audio.Maker("01JD4XBCEA8X4M6Z9T1V0QW5RK", "7c9e6679-7425-40de-944b-e07fc1f90ae7", 1_799_999_999_000)
    token, expires = audio.sign(settings, "one", maker, now + 10**6, now)
    assert expires == now + settings.audio_link_lifetime
    assert audio.read_link(settings, "one", token, now) == maker
    assert audio.read_link(settings, "one", token, expires - 1) == maker
    assert audio.read_link(settings, "one", token, expires) is None
    assert audio.read_link(settings, "other", token, now) is None
    other_secret = settings.model_copy(update={"secret_key": SecretStr("another secret of thirty-two bytes or more")})
    assert audio.read_link(other_secret, "one", token, now) is None
    changed = [str(expires + 9_999), maker.user_id[::-1], maker.token_id[::-1], "1", "A" * 43]
    parts = token.split(".")
    forged = [".".join([*parts[:place], other, *parts[place + 1 :]]) for place, other in enumerate(changed)]
    for each in (
        *forged,
        "",
        ".",
        "x",
        f"{expires}.",
        token[:-1],
        token + "A",
        f"٣{token[1:]}",
        f" {token}",
        f"{token}\n",
    ):
        assert audio.read_link(settings, "one", each, now) is None


def test_a_signed_link_ends_no_later_than_the_session_that_made_it(stores: Stores) -> None:
    maker = audio.Maker("01JD4XBCEA8X4M6Z9T1V0QW5RK", "7c9e6679-7425-40de-944b-e07fc1f90ae7", 1)
    assert audio.sign(stores.settings, "one", maker, 1_800_000_005, 1_800_000_000)[1] == 1_800_000_005


def test_the_first_message_keeps_a_recording(stores: Stores, pair: tuple[str, str]) -> None:
    carl = someone(stores, "carl")
    upload_id = upload(stores, pair[0])
    for message_id, other in (("first", pair[1]), ("second", carl)):
        conversation = ids.conversation_id(pair[0], other)
        audio.record_claims(stores, [audio.Claim(upload_id, message_id, conversation)])
    assert whole(stores, upload_id, pair[1]) == recordings.spoken()
    assert_unknown(stores, upload_id, [carl])
