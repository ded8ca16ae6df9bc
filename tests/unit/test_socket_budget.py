"""What one socket may send: room for a burst, then its rate; abuse is what goes on."""

from web.sockets.budget import BURST_SECONDS, Bucket, Budget, Rates

RATES = Rates(frames=10, bytes=1_000, pings=2, patience=3.0)


def test_a_burst_is_free_and_beyond_it_the_rate_holds() -> None:
    bucket = Bucket(10)
    bucket.consume(int(10 * BURST_SECONDS), 100.0)
    assert bucket.ahead(100.0) == 0
    bucket.consume(10, 100.0)
    assert 0.99 < bucket.ahead(100.0) < 1.01
    assert bucket.ahead(101.0) == 0


def test_a_rest_refills_the_bucket_and_not_more() -> None:
    bucket = Bucket(10)
    bucket.consume(40, 100.0)
    bucket.consume(41, 1_000.0)
    assert 0.09 < bucket.ahead(1_000.0) < 0.11


def test_each_kind_has_its_own_budget() -> None:
    budget = Budget(RATES)
    for _ in range(8):
        budget.ping(100.0)
    assert budget.ahead(100.0) == 0
    budget.ping(100.0)
    assert budget.ahead(100.0) > 0
    budget = Budget(RATES)
    budget.read(4_001, 100.0)
    assert budget.ahead(100.0) > 0
    budget = Budget(RATES)
    for _ in range(41):
        budget.frame(100.0)
    assert budget.ahead(100.0) > 0


def test_a_burst_is_no_abuse_and_far_more_at_once_is() -> None:
    budget = Budget(RATES)
    for _ in range(60):
        budget.frame(100.0)
    assert not budget.is_abused(100.0)
    for _ in range(20):
        budget.frame(100.0)
    assert budget.is_abused(100.0)


def test_who_stays_ahead_abuses_it_and_who_paused_does_not() -> None:
    for pause, abused in ((1.0, True), (2.0, False)):
        budget, now = Budget(RATES), 100.0
        for _ in range(40):
            budget.frame(now)
        found = []
        for _ in range(6):
            for _ in range(11):
                budget.frame(now)
            found.append(budget.is_abused(now))
            now += pause
        assert any(found) is abused, found
