"""Two web processes on two addresses behind a proxy, two workers and two transcribers are interchangeable.

They run by the lines of `Procfile`, share no files, and are stopped like on a platform.
"""

import signal
from collections.abc import Iterator

import pytest

from dev.processes import wait_until
from tests.client import Client, Json, Person, Socket
from tests.operations.dynos import STOP_SECONDS, Dynos
from tests.operations.proxy import Proxy
from tests.recordings import spoken

SECONDS = 30
MESSAGES = "application:messages"

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def dynos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dynos]:
    running = Dynos(tmp_path_factory.mktemp("dynos"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def proxy(dynos: Dynos) -> Iterator[Proxy]:
    with Proxy(dynos.backends) as running:
        yield running


@pytest.fixture
def client(proxy: Proxy) -> Iterator[Client]:
    with Client(proxy.url) as opened:
        opened.http.headers["Connection"] = "close"  # so that each request may reach either
        yield opened


def sockets_apart(proxy: Proxy, one: Person, other: Person) -> tuple[Socket, Socket]:
    """Opens a socket for each person, on different processes."""
    before = proxy.served.copy()
    found = one.connect(), other.connect()
    assert all(count == 1 for count in (proxy.served - before).values())
    return found


def ids(messages: list[Json]) -> list[str]:
    return [message["_id"] for message in messages]


def test_requests_and_sockets_come_to_both(client: Client, proxy: Proxy) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    sockets_apart(proxy, ada, ben)
    for _ in range(6):
        assert ada.get("/user/me")["_id"] == ada.id
    assert min(proxy.served.values()) >= 3
    assert len(proxy.served) == 2


def test_people_on_different_processes_talk_in_one_order(client: Client, proxy: Proxy) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    both = sockets_apart(proxy, ada, ben)
    sent = [(ada if n % 2 else ben).post(ben if n % 2 else ada, f"number {n}")["_id"] for n in range(40)]
    for socket in both:
        wait_until(lambda of=socket: set(ids(of.messages())) >= set(sent), SECONDS, "all of them")
    assert ids(both[0].messages()) == ids(both[1].messages()), "each once, and in one order"
    assert ids(ada.history(ben)) == ids(ben.history(ada)) == sorted(sent)


def test_a_recording_uploaded_to_one_is_transcribed_and_played_from_any(client: Client, proxy: Proxy) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    _, socket = sockets_apart(proxy, ada, ben)
    upload = ada.upload(spoken("amiable.webm"))["audioFileUuid"]
    voice = ada.post(ben, audioFileId=upload)
    heard = socket.wait_for_frame(MESSAGES, lambda data: data["_id"] == voice["_id"], timeout=60)
    assert heard["words"]
    for _ in range(2):
        assert ben.request("GET", f"/file/{upload}/content").content == spoken("amiable.webm")


def test_somebody_is_online_while_any_process_has_a_socket_of_theirs(client: Client, proxy: Proxy) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    watching, _ = sockets_apart(proxy, ada, ben)
    other = ben.connect()
    watching.wait_for_frame("application:users", lambda data: data["_id"] == ben.id and data["online"])
    ben.sockets[0].close()
    for _ in range(4):
        assert [user["online"] for user in ada.get("/user/list", q=ben.user["username"])] == [True]
    other.close()
    watching.wait_for_frame("application:users", lambda data: data["_id"] == ben.id and not data["online"])


def test_logging_out_at_one_closes_the_sockets_of_all(client: Client, proxy: Proxy) -> None:
    ada = client.sign_up("ada")
    both = sockets_apart(proxy, ada, ada)
    ada.call("POST", "/logout", 204)
    assert [socket.wait_closed() for socket in both] == [4401, 4401]
    for _ in range(4):
        assert ada.request("GET", "/user/me").status_code == 403


def test_failed_log_ins_are_counted_over_all(client: Client) -> None:
    ada = client.sign_up("ada")
    login = {"email": ada.user["email"], "password": "wrong, wrong, wrong"}
    answers = [client.request("POST", "/login", json=login).status_code for _ in range(12)]
    assert answers == [401] * 10 + [429] * 2


def test_with_one_of_each_killed_the_others_go_on(dynos: Dynos, client: Client, proxy: Proxy) -> None:
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    sockets = sockets_apart(proxy, ada, ben)
    first = ada.post(ben, "all is well")["_id"]
    for socket in sockets:
        socket.wait_for_frame(MESSAGES, lambda data: data["_id"] == first)
    victims = [dynos.processes[name] for name in ("web.1", "worker.1", "transcriber.1")]
    for victim in victims:
        victim.kill()
    try:
        lost = [socket for socket in sockets if _closed(socket)]
        assert len(lost) == 1, "the other process's socket stays"
        person = ada if lost[0] is sockets[0] else ben
        sent = [ada.post(ben, f"one of each is gone {n}")["_id"] for n in range(5)]
        again = person.connect()
        again.send({"type": "resume", "after": first})
        for message_id in sent:
            again.wait_for_frame(MESSAGES, lambda data, of=message_id: data["_id"] == of, timeout=60)
    finally:
        for victim in victims:
            victim.start()
        victims[0].wait_ready(lambda: dynos.ready(1), SECONDS)


def _closed(socket: Socket) -> bool:
    try:
        return socket.wait_closed(2) == 1006
    except AssertionError:
        return False


def test_sigterm_is_answered_in_time_by_every_kind(dynos: Dynos, client: Client) -> None:
    """A platform sends SIGTERM to every process of a dyno, and kills them after thirty seconds."""
    ada, ben = client.sign_up("ada"), client.sign_up("ben")
    sockets = [ada.connect(), ada.connect()]
    sent = ada.post(ben, "a drain lingers after this")["_id"]
    sockets[0].wait_for_frame(MESSAGES, lambda data: data["_id"] == sent)
    kinds = list(dynos.processes.values())
    for process in kinds:
        dynos.terminate(process)
    assert [socket.wait_closed() for socket in sockets] == [1012, 1012], "reconnect elsewhere"
    for process in kinds:
        status = process.wait(STOP_SECONDS)
        assert status in (0, 128 + signal.SIGTERM, -signal.SIGTERM), f"{process.name}: {status}"
        assert "Traceback" not in process.output(), process.output()


def test_nothing_is_left_on_any_disk(dynos: Dynos) -> None:
    left = {name: dynos.written_files(name) for name in dynos.processes}
    assert {name: files for name, files in left.items() if files} == {}
