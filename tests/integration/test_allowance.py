"""One person can fill only so much: by uploads at once, in an hour, not sent, and in all. What goes is given back."""

import io
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from chat import audio
from chat.audio import allowance
from chat.errors import StorageFull, TooMany
from chat.media.sandbox import Prepared
from chat.messages import editing
from chat.store import keys
from chat.store.connection import Stores
from tests.integration.conftest import Limited
from tests.people import drain, send_voice, someone

KB = 1_000


def put(stores: Stores, owner: str, size: int, kept: int | None = None) -> str:
    """Upload so many bytes, of which so many are kept (all, unless they are converted). Returns the upload's id."""
    new = audio.NewRecording(io.BytesIO(bytes(kept or size)), None, Prepared("audio/webm", 1.0, [], converted=False))
    with allowance.upload(stores, owner, size) as allowed:
        saved = audio.save_all(stores, owner, [new])
        allowed.stored = [(each.id, each.length) for each in saved]
    return saved[0].id


def test_no_more_uploads_at_once_than_one_may_make(limited: Limited, anna: str) -> None:
    stores = limited(uploads_at_once=3)
    all_are_in = Barrier(4)

    def hold(_: int) -> bool:
        try:
            with allowance.upload(stores, anna, KB):
                all_are_in.wait(20)
        except TooMany:
            all_are_in.wait(20)
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(hold, range(4))) == [False, True, True, True]
    put(stores, anna, KB)


def test_an_upload_whose_process_died_counts_for_a_while_only(limited: Limited, anna: str) -> None:
    stores = limited(uploads_at_once=1, uploads_unclaimed_bytes=KB)
    dead = allowance.upload(stores, anna, KB)
    dead.__enter__()
    with pytest.raises(TooMany):
        put(stores, anna, KB)
    now = keys.uploads_now_key(anna)
    stores.redis.zadd(now, dict.fromkeys(stores.redis.zrange(now, 0, -1), 1))  # as if its time were up
    put(stores, anna, KB)


def test_no_more_uploads_in_a_time_than_one_may_make(limited: Limited, anna: str) -> None:
    stores = limited(limit_uploads="3 per hour")
    for _ in range(3):
        put(stores, anna, KB)
    with pytest.raises(TooMany) as refused:
        put(stores, anna, KB)
    assert 3_500 < refused.value.retry_after <= 3_600
    put(stores, someone(stores, "bert"), KB)


def test_a_counter_of_uploads_without_an_end_gets_one(limited: Limited, anna: str) -> None:
    stores = limited(limit_uploads="3 per hour")
    counter = keys.limit_key("upload", anna, 3_600)
    stores.redis.set(counter, 1)
    put(stores, anna, KB)
    assert 1_800 < stores.redis.ttl(counter) <= 3_600


def test_whatever_is_counted_of_uploads_goes_by_itself(limited: Limited, anna: str) -> None:
    stores = limited(limit_uploads="1 per hour")
    put(stores, anna, KB)
    with pytest.raises(TooMany), allowance.upload(stores, anna, KB):
        pass
    counters = [key for key in stores.redis.scan_iter(f"*{anna}*") if stores.redis.type(key) != b"ReJSON-RL"]
    assert {keys.uploads_unclaimed_key(anna).encode(), keys.uploads_stored_key(anna).encode()} < set(counters)
    assert all(stores.redis.ttl(key) > 0 for key in counters)
    assert stores.redis.ttl(keys.uploads_stored_key(anna)) <= allowance.STORED_SECONDS, "MongoDB is asked again then"
    with allowance.upload(limited(), anna, KB):
        assert 0 < stores.redis.ttl(keys.uploads_now_key(anna)) <= allowance.LEASE_SECONDS


def test_what_was_sent_or_has_gone_makes_room_for_new_uploads(limited: Limited, anna: str) -> None:
    bert = someone(limited(), "bert")
    stores = limited(uploads_unclaimed_bytes=10 * KB)
    first, second = put(stores, anna, 5 * KB), put(stores, anna, 5 * KB)
    with pytest.raises(TooMany, match="unsent"):
        put(stores, anna, KB)
    send_voice(stores, anna, bert, recording=first)
    put(stores, anna, 5 * KB)
    with pytest.raises(TooMany):
        put(stores, anna, KB)
    audio.delete(stores, [second])
    put(stores, anna, 5 * KB)


def test_what_a_refused_or_a_smaller_one_had_set_aside_is_given_back(limited: Limited, anna: str) -> None:
    stores = limited(uploads_unclaimed_bytes=10 * KB, uploads_all_bytes=10 * KB)
    for _ in range(3):
        with pytest.raises(OSError, match="lost"), allowance.upload(stores, anna, 10 * KB):
            raise OSError("lost")
    put(stores, anna, 10 * KB, kept=2 * KB)
    put(stores, anna, 8 * KB)
    with pytest.raises(StorageFull):
        put(stores, anna, KB)


@pytest.mark.parametrize("known", [True, False])
def test_no_more_bytes_in_all_than_one_may_have_until_some_are_deleted(
    limited: Limited, anna: str, known: bool
) -> None:
    bert = someone(limited(), "bert")
    stores = limited(uploads_all_bytes=10 * KB)
    sent = send_voice(stores, anna, bert, recording=put(stores, anna, 8 * KB))
    drain(stores)
    if not known:  # Redis was lost, or nobody asked for long
        stores.redis.delete(keys.uploads_stored_key(anna))
    with pytest.raises(StorageFull, match="recordings_full"):
        put(stores, anna, 3 * KB)
    put(stores, bert, 8 * KB)
    editing.delete(stores, anna, sent["_id"])
    put(stores, anna, 10 * KB)
    with pytest.raises(StorageFull):
        put(stores, anna, KB)


def test_together_they_never_take_more_than_there_is(limited: Limited, anna: str) -> None:
    stores = limited(uploads_at_once=50, uploads_all_bytes=10 * KB)
    begin = Barrier(20)

    def one(_: int) -> bool:
        begin.wait(20)
        try:
            put(stores, anna, KB)
        except StorageFull:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(one, range(20))) == 10
    assert audio.allowance._stored_bytes(stores, anna) == 10 * KB
    assert int(stores.redis.get(keys.uploads_stored_key(anna))) == 10 * KB
