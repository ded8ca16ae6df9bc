"""A person is online with at least one live socket anywhere; everybody is told, and only about changes."""

from tests.client import Client, Person, Socket
from tests.contract.conftest import Connect, Web, eventually
from tests.contract.raw import RawSocket
from tests.contract.shapes import MOMENT


def row(watcher: Person, person: Person) -> dict[str, object]:
    """The person's row in the list."""
    (found,) = watcher.get("/user/list", q=person.user["username"])
    return dict(found)


def states(socket: Socket, person: Person) -> list[bool]:
    return [frame.data["online"] for frame in socket.frames if frame.data.get("_id") == person.id]


def wait(socket: Socket, person: Person, online: bool) -> dict[str, object]:
    return socket.wait_for_frame(
        "application:users", lambda data: data["_id"] == person.id and data["online"] is online, 20
    )


def test_everybody_connected_is_told_who_comes_and_goes(
    client: Client, ada: Person, ben: Person, strict: Web, connect: Connect
) -> None:
    watching = [connect(ada), connect(strict.seen_by(ben))]
    person = client.sign_up()
    assert (row(ada, person)["online"], row(ada, person)["lastSeen"]) == (False, None)
    socket = connect(person)
    for watcher in watching:
        frame = wait(watcher, person, True)
        assert frame.keys() == {"_id", "online", "lastSeen"}
    assert row(ada, person)["online"] is True
    socket.close()
    for watcher in watching:
        frame = wait(watcher, person, False)
        assert MOMENT.fullmatch(str(frame["lastSeen"]))
    assert row(ada, person) | {"lastSeen": ""} == row(ada, person) | {"online": False, "lastSeen": ""}
    assert MOMENT.fullmatch(str(row(ada, person)["lastSeen"]))


def test_a_second_socket_changes_nothing_and_the_last_one_counts(
    client: Client, ada: Person, strict: Web, connect: Connect
) -> None:
    watcher, person = connect(ada), client.sign_up()
    first = connect(person)
    wait(watcher, person, True)
    second, third = connect(person), connect(strict.seen_by(person))
    first.close()
    second.close()
    # Changes are announced in the order in which they happened, so those of the three arrive before this one.
    marker = client.sign_up()
    connect(marker)
    wait(watcher, marker, True)
    assert states(watcher, person) == [True]
    assert row(ada, person)["online"] is True
    third.close()
    wait(watcher, person, False)
    assert states(watcher, person) == [True, False]


def test_reloading_the_page_or_moving_to_another_process_does_not_flicker(
    client: Client, ada: Person, strict: Web, connect: Connect
) -> None:
    watcher, person = connect(ada), client.sign_up()
    socket = connect(person)
    wait(watcher, person, True)
    for number in range(6):
        socket.close()
        socket = connect(strict.seen_by(person) if number % 2 else person)
    marker = client.sign_up()
    gone = connect(marker)
    wait(watcher, marker, True)
    gone.close()
    wait(watcher, marker, False)  # by then any earlier change would have arrived
    assert states(watcher, person) == [True]


def test_a_socket_that_never_proved_who_it_is_makes_nobody_online(client: Client, ada: Person) -> None:
    person = client.sign_up()
    with RawSocket(client.url, "/ws/"), RawSocket(client.url, "/ws/?token=x"):
        assert row(ada, person)["online"] is False


def test_a_person_whose_connection_is_cut_goes_offline(client: Client, ada: Person, connect: Connect) -> None:
    watcher, person = connect(ada), client.sign_up()
    with RawSocket(client.url, f"/ws/?token={person.token}"):
        wait(watcher, person, True)
    wait(watcher, person, False)


def test_a_killed_processs_people_are_offline_within_30_seconds_unless_they_came_back(
    client: Client, ada: Person, strict: Web, connect: Connect
) -> None:
    watcher = connect(ada)
    lost, back = client.sign_up(), client.sign_up()
    connect(strict.seen_by(lost)), connect(strict.seen_by(back))
    for person in (lost, back):
        wait(watcher, person, True)
    strict.process.kill()
    connect(back)
    try:
        frame = watcher.wait_for_frame(
            "application:users", lambda data: data["_id"] == lost.id and not data["online"], 30
        )
        assert MOMENT.fullmatch(frame["lastSeen"])
        assert row(ada, lost)["online"] is False
        assert states(watcher, back) == [True]
        assert row(ada, back)["online"] is True
    finally:
        strict.process.start()
        strict.wait()


def test_everything_shows_the_same_presence(client: Client, ada: Person, ben: Person, connect: Connect) -> None:
    person = client.sign_up()
    ada.post(person, "are you there?")
    eventually(lambda: ada.get("/conversations"), "the conversation")
    socket = connect(person)
    eventually(lambda: row(ada, person)["online"], "online")
    assert ada.get("/conversations")[0]["partner"] == row(ada, person)
    socket.close()
    eventually(lambda: not row(ada, person)["online"], "offline")
    assert ada.get("/conversations")[0]["partner"] == row(ada, person)


def test_with_contacts_only_who_talked_to_somebody_is_told_and_shown_whether_they_are_online(
    client: Client, reserved: Web, connect: Connect
) -> None:
    person, friend, stranger = (reserved.seen_by(client.sign_up()) for _ in range(3))
    friend.post(person, "hello")
    eventually(lambda: friend.get("/conversations"), "the conversation")
    by_friend, by_stranger, socket = connect(friend), connect(stranger), connect(person)
    assert wait(by_friend, person, True).keys() == {"_id", "online", "lastSeen"}
    assert row(friend, person)["online"] is True
    assert friend.get("/conversations")[0]["partner"] == row(friend, person)
    socket.close()
    wait(by_friend, person, False)
    assert MOMENT.fullmatch(str(row(friend, person)["lastSeen"]))
    hidden = row(friend, person) | {"online": False, "lastSeen": None}
    assert row(stranger, person) == hidden
    assert stranger.get("/user/list", id=person.id) == [hidden]
    stranger.post(person, "hello, too")
    eventually(lambda: stranger.get("/conversations"), "their conversation")
    connect(person)
    wait(by_stranger, person, True)
    assert states(by_stranger, person) == [True], "frames keep their order, so nothing came before"
