"""A socket that resumes gets what it missed, in order, and is told if that is not everything."""

from dataclasses import replace

import orjson

from chat import frames, ids, wire
from chat.messages import conversations, delivery, editing
from chat.messages import log as accepted_log
from chat.store import keys
from chat.store.connection import Stores
from tests.people import change, drain, log_of, send, send_voice, someone

MANY = 1_000  # frames; more than any test sends


def missed(stores: Stores, user: str, message_id: str) -> tuple[list[tuple[str, str]], bool]:
    found, _, _, complete = delivery.missed_after(stores, user, message_id, MANY)
    return [(channel, orjson.loads(data)["text"]) for channel, data in found], complete


def test_resuming_gives_what_came_after_in_order(stores: Stores, pair: tuple[str, str]) -> None:
    sent = [send(stores, *pair, f"{n}") for n in range(6)]
    drain(stores)
    for user in pair:
        expected = [(frames.MESSAGES, f"{n}") for n in range(3, 6)]
        assert missed(stores, user, sent[2]["_id"]) == (expected, True)
    assert missed(stores, pair[0], sent[-1]["_id"]) == ([], True)


def test_resuming_gives_changes_that_came_after(stores: Stores, pair: tuple[str, str]) -> None:
    first, second = (send(stores, *pair, text) for text in ("one", "two"))
    drain(stores)
    editing.edit(stores, pair[0], first["_id"], "one, corrected")
    conversations.mark_read(stores, pair[1], pair[0], second["_id"])
    found, _, _, complete = delivery.missed_after(stores, pair[1], second["_id"], MANY)
    assert complete
    assert [orjson.loads(data)["status"] for _, data in found] == ["edited", "read"]
    assert orjson.loads(found[0].data)["text"] == "one, corrected"


def test_resuming_from_before_what_is_kept_says_so(stores: Stores, pair: tuple[str, str]) -> None:
    few = stores.settings.model_copy(update={"resume_limit": 4})
    bounded = replace(stores, settings=few)
    sent = [send(stores, *pair, f"{n}")["_id"] for n in range(10)]
    drain(bounded)
    assert missed(bounded, pair[0], sent[7]) == ([(frames.MESSAGES, "8"), (frames.MESSAGES, "9")], True)
    assert missed(bounded, pair[0], sent[1])[1] is False
    assert missed(bounded, pair[0], "nonsense") == ([], False)


def test_resuming_after_redis_was_lost_gives_what_came_since_and_says_that_it_is_not_all(
    stores: Stores, pair: tuple[str, str]
) -> None:
    seen = send(stores, *pair, "seen")["_id"]
    drain(stores)
    stores.redis.delete(keys.DELIVERY_SINCE, *map(keys.deliveries_key, pair))
    new = send(stores, *pair, "new")["_id"]
    drain(stores)
    assert missed(stores, pair[0], seen) == ([(frames.MESSAGES, "new")], False)
    assert missed(stores, pair[0], new) == ([], True)


def test_a_message_seen_before_its_delivery_does_not_hide_what_was_delivered_since(
    stores: Stores, pair: tuple[str, str]
) -> None:
    stores.redis.set(keys.DELIVERY_SINCE, 1)  # Redis has run for long
    first = send(stores, *pair, "one")["_id"]
    drain(stores)
    seen = send(stores, *pair, "seen")["_id"]
    editing.edit(stores, pair[0], first, "one, corrected")
    found, complete = missed(stores, pair[1], seen)
    assert (found[-1], complete) == ((frames.STATUS, "one, corrected"), True)


def test_a_voice_message_of_long_before_what_is_kept_hides_nothing_either(
    stores: Stores, pair: tuple[str, str]
) -> None:
    bounded = replace(stores, settings=stores.settings.model_copy(update={"resume_limit": 4}))
    stores.redis.set(keys.DELIVERY_SINCE, 1)
    spoken = send_voice(stores, *pair)["_id"]
    drain(bounded)
    for n in range(3):
        send(stores, *pair, f"{n}")
    drain(bounded)
    told = change(stores, spoken, {"text": "the words", "status": "delivered"})
    delivery.deliver(bounded, [frames.message_frame(wire.message(told))])
    kept = [(frames.MESSAGES, text) for text in ("0", "1", "2", "the words")]
    assert missed(bounded, pair[1], spoken) == (kept, False), "its first frame is not kept any more"


def test_frames_are_kept_for_the_days_that_the_settings_say(stores: Stores, pair: tuple[str, str]) -> None:
    brief = replace(stores, settings=stores.settings.model_copy(update={"resume_days": 2}))
    stores.redis.set(keys.DELIVERY_SINCE, 1)
    send(stores, *pair, "one")
    drain(brief)
    for user in pair:
        assert 0 < stores.redis.ttl(keys.deliveries_key(user)) <= 2 * 86_400
    assert missed(brief, pair[0], ids.days_ago(3)) == ([(frames.MESSAGES, "one")], False)
    assert missed(brief, pair[0], ids.days_ago(1)) == ([(frames.MESSAGES, "one")], True)


def test_a_transcript_does_not_hide_what_came_between_a_voice_message_and_its_words(
    stores: Stores, pair: tuple[str, str]
) -> None:
    stores.redis.set(keys.DELIVERY_SINCE, 1)
    send(stores, *pair, "before")
    drain(stores)
    spoken = send_voice(stores, *pair)["_id"]
    drain(stores)
    send(stores, *pair, "meanwhile")
    drain(stores)
    edited = change(stores, spoken, {"text": "the words", "status": "delivered"})
    delivery.deliver(stores, [frames.message_frame(wire.message(edited))])
    found, complete = missed(stores, pair[1], spoken)  # by a page that has seen it without its words
    assert found[-2:] == [(frames.MESSAGES, "meanwhile"), (frames.MESSAGES, "the words")]
    assert complete


def test_what_a_dead_drainer_delivered_does_not_hide_what_was_delivered_since(
    stores: Stores, pair: tuple[str, str]
) -> None:
    seen = send(stores, *pair, "seen")["_id"]
    entry = stores.redis.xrange(log_of(stores, pair))[0]
    drain(stores)
    spoken = frames.Frame(frames.MESSAGES, pair, ids.message_id("9999999999999-0", "0" * 16), b"{}")
    delivery.deliver(stores, [spoken])
    again = accepted_log.parse_entry(entry).message
    delivery.deliver(stores, [frames.message_frame(wire.message(again))], reposition=False)
    kept = stores.redis.zrange(keys.deliveries_key(pair[1]), 0, -1)
    assert [member.decode() for member in kept] == [seen, spoken.member]


def test_positions_grow_also_when_the_clock_goes_back(stores: Stores, pair: tuple[str, str]) -> None:
    seconds, _ = stores.redis.time()
    ahead = (seconds + 3600) * 1_000_000
    for user in pair:
        stores.redis.zadd(keys.deliveries_key(user), {"before": ahead})
    sent = [send(stores, *pair, f"{n}")["_id"] for n in range(3)]
    drain(stores)
    found, newest, *_ = delivery.missed_since(stores, pair[0], ahead, MANY)
    assert newest == ahead + 3
    assert [orjson.loads(data)["_id"] for _, data in found] == sent


def test_a_message_is_never_delivered_before_it_was_accepted_whatever_the_clocks_say(
    stores: Stores, pair: tuple[str, str]
) -> None:
    ahead = delivery.position_now(stores) // 1_000 + 60_000  # ms, by the clock of its partition
    message_id = ids.lowest_id(ahead)
    frame = frames.Frame(frames.MESSAGES, pair, message_id, b"{}")
    listing = delivery.Listing(pair[1], pair[0], ahead, message_id)
    delivery.deliver(stores, [frame], listings=[listing])
    assert stores.redis.zscore(keys.deliveries_key(pair[1]), message_id) >= ahead * 1_000


def test_a_message_whose_clock_was_ahead_hides_nothing_that_was_delivered_since(
    stores: Stores, pair: tuple[str, str]
) -> None:
    stores.redis.set(keys.DELIVERY_SINCE, 1)
    first = send(stores, *pair, "one")["_id"]
    drain(stores)
    seen = ids.lowest_id(delivery.position_now(stores) // 1_000 + delivery.CLOCKS_APART // 2_000)
    editing.edit(stores, pair[0], first, "one, corrected")
    found, complete = missed(stores, pair[1], seen)
    assert ((frames.STATUS, "one, corrected") in found, complete) == (True, True)


def test_a_strangers_resume_gives_nothing(stores: Stores, pair: tuple[str, str]) -> None:
    sent = send(stores, *pair, "one")["_id"]
    send(stores, *pair, "two")
    drain(stores)
    assert missed(stores, someone(stores, "carl"), sent)[0] == []
