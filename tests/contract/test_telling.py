"""What sockets are told of people beyond their presence: new names and texts, and whom one has muted."""

from typing import Any

from pymongo.database import Database

from chat.people.muting import MAX_MUTED
from tests.client import Client, Person
from tests.contract.conftest import eventually
from tests.contract.shapes import check_problem

USERS = "application:users"
UNKNOWN = "01JD4XBCEA8X4M6Z9T1V0QW5RK"


def talking(client: Client) -> tuple[Person, Person]:
    one, other = client.sign_up("one"), client.sign_up("other")
    one.post(other, "hello")
    eventually(lambda: other.get("/conversations"), "the conversation")
    return one, other


def muted_by(person: Person) -> list[bool]:
    return [row["muted"] for row in person.get("/conversations")]


def test_a_new_name_or_text_is_told_to_partners_and_own_devices_and_to_no_one_else(client: Client) -> None:
    one, partner = talking(client)
    stranger = client.sign_up("stranger").connect()
    sockets = [person.connect() for person in (partner, one)]  # in this order, all see that one come
    for socket in (stranger, *sockets):
        socket.wait_for_frame(USERS, lambda data: data["_id"] == one.id and data["online"])
    name = f'{one.user["username"]}-"null"---'
    one.call("PATCH", "/user/me", json={"username": name, "bio": "Moved"})
    for socket in sockets:
        told = socket.wait_for_frame(USERS, lambda data: "username" in data)
        assert (told["_id"], told["username"], told["bio"], told["online"]) == (one.id, name, "Moved", True)
    one.post(partner, "the same is later than the frame")
    stranger_partner = client.sign_up()
    stranger_partner.connect()
    stranger.wait_for_frame(USERS, lambda data: data["_id"] == stranger_partner.id)
    assert not [frame for frame in stranger.frames if "username" in frame.data]


def test_who_is_muted_is_in_ones_list_alone_and_told_to_ones_devices(client: Client) -> None:
    me, partner = talking(client)
    mine, theirs = me.connect(), partner.connect()
    mine.wait_for_frame(USERS, lambda data: data["_id"] == partner.id and data["online"])
    for method, muted in (("PUT", True), ("PUT", True), ("DELETE", False), ("DELETE", False), ("PUT", True)):
        me.call(method, f"/chat/{partner.id}/mute", 204)
        assert (muted_by(me), muted_by(partner)) == ([muted], [False])
    told = mine.wait_for_frame(USERS, lambda data: "muted" in data)
    assert (told["_id"], told["muted"], told["online"]) == (partner.id, True, True)
    partner.post(me, "arrives all the same")
    assert mine.wait_for_frame("application:messages")["senderId"] == partner.id
    assert not [frame for frame in theirs.frames if "muted" in frame.data]
    assert "muted" not in str(me.get("/user/list", q=partner.user["username"]))
    check_problem(me.request("PUT", f"/chat/{UNKNOWN}/mute"), 404)
    check_problem(me.request("DELETE", "/chat/x/mute"), 404)


def test_who_was_never_talked_with_can_be_muted_and_stays_so(client: Client) -> None:
    me, stranger = client.sign_up(), client.sign_up()
    path = f"/chat/{stranger.id}/mute"
    assert me.get(path) == {"muted": False}
    me.call("PUT", path, 204)
    assert me.get(path) == {"muted": True}
    assert stranger.get(f"/chat/{me.id}/mute") == {"muted": False}
    check_problem(me.request("GET", f"/chat/{UNKNOWN}/mute"), 404)


def test_muting_is_bounded_and_refuses_beyond(client: Client, mongo: "Database[dict[str, Any]]") -> None:
    me, partner = talking(client)
    mongo.users.update_one({"_id": me.id}, {"$set": {"muted": [UNKNOWN] * MAX_MUTED}})
    check_problem(me.request("PUT", f"/chat/{partner.id}/mute"), 409)
    assert muted_by(me) == [False]
