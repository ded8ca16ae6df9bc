"""Notifications by Web Push, from the API through Celery to a push service."""

from collections.abc import Iterator

import pytest

from tests.client import Client, Person
from tests.contract.shapes import check_problem
from tests.push_service import Browser, PushService


@pytest.fixture
def service() -> Iterator[PushService]:
    with PushService() as opened:
        yield opened
    assert opened.refused == []


def subscribe(person: Person, service: PushService) -> Browser:
    browser = service.subscribe(person.get("/push")["key"])
    person.call("PUT", "/push", 204, json=browser.subscription)
    return browser


def test_whoever_is_away_is_told_until_they_log_out(client: Client, service: PushService) -> None:
    ada, grace = client.sign_up("ada"), client.sign_up("grace")
    assert ada.get("/push") == {"key": ada.get("/push")["key"], "subscribed": False, "showsText": False}
    browser = subscribe(ada, service)
    grace.post(ada, "for ada alone")
    received = service.next()
    assert received.browser is browser
    assert (received.content["sender"], received.content["text"]) == (grace.user["username"], None)
    ada.call("PATCH", "/push", 204, json={"showsText": True})
    assert ada.get("/push")["subscribed"]
    other = client.log_in(ada)
    assert other.get("/push") == {**ada.get("/push"), "subscribed": False}
    subscribe(other, service)
    ada.call("POST", "/logout", 204)
    grace.post(ada, "to the other device")
    received = service.next()
    assert received.content["text"] == "to the other device"
    assert received.browser is not browser
    other.call("DELETE", "/push", 204)
    assert not other.get("/push")["subscribed"]
    assert service.is_quiet


def test_a_new_password_ends_the_notifications_of_other_sessions(client: Client, service: PushService) -> None:
    ada = client.sign_up("ada")
    other = client.log_in(ada)
    for person in (ada, other):
        subscribe(person, service)
    change = {"password": "another battery horse", "currentPassword": ada.password}
    other.call("PATCH", "/user/me", json=change)
    assert other.get("/push")["subscribed"]
    client.sign_up("grace").post(ada, "hello")
    service.next()
    assert service.is_quiet


@pytest.mark.parametrize("wrong", [{"showsText": "yes"}, {}, {"showsText": None}])
def test_a_wish_that_is_none_is_refused(client: Client, wrong: dict[str, object]) -> None:
    check_problem(client.sign_up("ada").request("PATCH", "/push", json=wrong), 422)


def test_a_subscription_that_is_none_is_refused_at_its_field(client: Client, service: PushService) -> None:
    ada, good = client.sign_up("ada"), service.subscribe("").subscription
    for wrong, field in (
        ({**good, "endpoint": "ftp://push.example.org/x"}, "endpoint"),
        ({**good, "endpoint": "x" * 2_000}, "endpoint"),
        ({**good, "keys": {**good["keys"], "p256dh": "short"}}, "keys.p256dh"),
        ({**good, "keys": {"p256dh": good["keys"]["p256dh"]}}, "keys.auth"),
    ):
        problem = check_problem(ada.request("PUT", "/push", json=wrong), 422)
        assert [each["field"] for each in problem["errors"]] == [field]
