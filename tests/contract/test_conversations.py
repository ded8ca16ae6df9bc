"""The list of conversations, unread counts, and marking messages read."""

import pytest

from tests.client import Client, Person
from tests.contract.conftest import Connect, Web, eventually
from tests.contract.shapes import PERSON, check_message, check_problem


def settled(person: Person, partner: Person, count: int) -> list[dict[str, object]]:
    """Waits until the history has so many messages, and returns it."""
    found: list[dict[str, object]] = eventually(
        lambda: len(person.history(partner)) >= count and person.history(partner), f"{count} messages"
    )
    return found


def test_conversations_are_newest_first_with_partner_last_message_and_unread(client: Client) -> None:
    me, first, second = client.sign_up(), client.sign_up("first"), client.sign_up("second")
    assert me.get("/conversations") == []
    first.post(me, "one")
    first.post(me, "two")
    settled(me, first, 2)
    me.post(second, "three")
    settled(me, second, 1)
    rows = me.get("/conversations")
    assert [row.keys() for row in rows] == 2 * [{"partner", "lastMessage", "unread", "muted"}]
    for row in rows:
        assert row["partner"].keys() == PERSON
        check_message(row["lastMessage"])
    assert [row["partner"]["username"] for row in rows] == [second.user["username"], first.user["username"]]
    assert [row["lastMessage"]["text"] for row in rows] == ["three", "two"]
    assert [row["unread"] for row in rows] == [0, 2]
    assert [(row["lastMessage"]["text"], row["unread"]) for row in first.get("/conversations")] == [("two", 0)]
    first.post(me, "four")
    settled(me, first, 3)
    assert [row["lastMessage"]["text"] for row in me.get("/conversations")] == ["four", "three"]
    assert "@" not in str(rows)


def test_pages_of_conversations_neither_overlap_nor_leave_any_out(client: Client) -> None:
    me = client.sign_up()
    partners = [client.sign_up(f"p{number}") for number in range(5)]
    for partner in partners:
        partner.post(me, "hello")
        settled(me, partner, 1)
    expected = [partner.id for partner in reversed(partners)]
    assert [row["partner"]["_id"] for row in me.get("/conversations")] == expected
    found: list[str] = []
    page = me.get("/conversations", limit=2)
    while page:
        assert len(page) <= 2
        found += [row["partner"]["_id"] for row in page]
        page = me.get("/conversations", limit=2, before=page[-1]["lastMessage"]["_id"])
    assert found == expected


@pytest.mark.parametrize("before", ["", "x", "*", "01jd4xbcea8x4m6z9t1v0qw5rk", "9" * 26, "\0", "x" * 65])
def test_a_before_that_is_not_a_message_id_is_422(ada: Person, before: str) -> None:
    problem = check_problem(ada.request("GET", "/conversations", params={"before": before}), 422)
    assert [error["field"] for error in problem["errors"]] == ["before"]


# --- Reading


def test_reading_empties_the_unread_count_and_the_partner_sees_it(client: Client, connect: Connect) -> None:
    me, partner = client.sign_up(), client.sign_up()
    sent = [partner.post(me, f"message {number}") for number in range(3)]
    settled(me, partner, 3)
    theirs, own = connect(partner), connect(me)
    response = me.request("POST", f"/chat/{partner.id}/read", json={"upTo": sent[1]["_id"]})
    assert (response.status_code, response.content) == (204, b"")
    for socket in (theirs, own):
        frame = socket.wait_for_frame("application:status", lambda data: data["status"] == "read")
        assert frame["_id"] == sent[1]["_id"]
    assert [message["status"] for message in partner.history(me)] == ["read", "read", "delivered"]
    assert me.get("/conversations")[0]["unread"] == 1
    assert partner.get("/conversations")[0]["lastMessage"]["status"] == "delivered"
    me.call("POST", f"/chat/{partner.id}/read", 204, json={"upTo": sent[2]["_id"]})
    assert partner.get("/conversations")[0]["lastMessage"]["status"] == "read"
    assert me.get("/conversations")[0]["unread"] == 0


def test_reading_never_goes_back(client: Client, strict: Web) -> None:
    me, partner = client.sign_up(), client.sign_up()
    sent = [partner.post(me, f"message {number}") for number in range(2)]
    settled(me, partner, 2)
    me.call("POST", f"/chat/{partner.id}/read", 204, json={"upTo": sent[1]["_id"]})
    strict.seen_by(me).call("POST", f"/chat/{partner.id}/read", 204, json={"upTo": sent[0]["_id"]})
    assert [message["status"] for message in partner.history(me)] == ["read", "read"]


def test_reading_does_not_touch_what_one_sent_oneself(client: Client) -> None:
    me, partner = client.sign_up(), client.sign_up()
    own = me.post(partner, "mine")
    settled(me, partner, 1)
    me.call("POST", f"/chat/{partner.id}/read", 204, json={"upTo": own["_id"]})
    assert [message["status"] for message in partner.history(me)] == ["delivered"]
    assert partner.get("/conversations")[0]["unread"] == 1


def test_only_a_message_of_that_conversation_can_be_read(client: Client, ada: Person, ben: Person) -> None:
    eve = client.sign_up("eve")
    message = ada.post(ben, "for ben")
    settled(ben, ada, 1)
    for reader, partner in ((eve, ben), (eve, ada), (ben, eve)):
        response = reader.request("POST", f"/chat/{partner.id}/read", json={"upTo": message["_id"]})
        check_problem(response, 404)
    check_problem(ben.request("POST", f"/chat/{ada.id}/read", json={"upTo": ben.id}), 404)
    check_problem(ben.request("POST", f"/chat/{ada.id}/read", json={}), 422)
    assert [each["status"] for each in ada.history(ben) if each["_id"] == message["_id"]] == ["delivered"]
