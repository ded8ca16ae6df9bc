"""The workers' numbers are summed in Redis, none twice, and none lost while Redis is away."""

import pytest
from redis import Redis, RedisError

from chat import ids
from chat.store import counters
from chat.store.connection import Stores
from chat.upkeep import gauges
from dev.processes import LOOPBACK, free_port
from tests.people import send, someone


def test_counts_of_several_processes_add_up(stores: Stores) -> None:
    for _ in range(2):  # as two processes would, each with its own flush
        counters.count("tasks", "chat.drain", "succeeded", by=2)
        counters.count("messages_aged", by=3)
        counters.flush(stores.redis)
    counters.flush(stores.redis)
    found = counters.read(stores.redis)
    assert found["tasks"] == {("chat.drain", "succeeded"): 4}
    assert found["messages_aged"] == {(): 6}


def test_a_histogram_counts_what_is_no_longer_than_each_bound(stores: Stores) -> None:
    for seconds in (0.005, 0.006, 3.0, 100.0):
        counters.observe("delivery_seconds", seconds=seconds)
    counters.flush(stores.redis)
    histogram = counters.read(stores.redis)["delivery_seconds"][()]
    counts = dict(histogram.counts)
    assert (counts[0.005], counts[0.01], counts[2.5], counts[5.0], counts[float("inf")]) == (1, 2, 2, 3, 4)
    assert histogram.sum == pytest.approx(103.011)


def test_what_was_counted_while_redis_was_away_is_not_lost(stores: Stores) -> None:
    counters.count("messages_refused")
    with Redis(host=LOOPBACK, port=free_port(), retry=None) as away, pytest.raises(RedisError):
        counters.flush(away)
    counters.flush(stores.redis)
    assert counters.read(stores.redis)["messages_refused"] == {(): 1}


def test_nothing_counted_yet_is_shown_as_nothing(stores: Stores) -> None:
    found = counters.read(stores.redis)
    assert found["messages_refused"] == {(): 0}
    assert found["delivery_seconds"][()].counts[-1] == (float("inf"), 0)
    assert found["tasks"] == {}


def test_what_waits_is_as_old_as_the_clock_says_that_noted_when_it_came(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(stores, someone(stores, "anna"), someone(stores, "bert"), "hello")
    ahead = ids.now_ms() + 60_000
    monkeypatch.setattr(ids, "now_ms", lambda: ahead)
    assert gauges.figures(stores)["accepted_oldest_seconds"] < 30, "or a clock that is ahead would raise an alarm"
