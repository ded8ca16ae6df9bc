"""Everything counts against a limit: each route and each frame, in the code and in docs/limits.md."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from redis import Redis

from chat.store import keys
from config.settings import RELAXED, Settings
from tests.client import Client, Person
from tests.contract.conftest import MakeWeb, Web, eventually
from tests.contract.routes import RULES
from tests.contract.shapes import check_problem
from web import rates
from web.sockets.route import _Conversation

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "limits.md").read_text()


def routes() -> dict[str, str]:
    """The endpoint of every route, by its method and path."""
    return {
        f"{method} {rule.rule}": rule.endpoint
        for rule in RULES
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}
    }


def frames() -> set[str]:
    services = SimpleNamespace(sockets=SimpleNamespace(hub=None))
    return set(_Conversation(services, SimpleNamespace(), None)._kinds)  # type: ignore[arg-type]


def rows(heading: str) -> dict[str, set[str]]:
    """The settings named in the second column of a table, by what is named in the first."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found: dict[str, set[str]] = {}
    for line in section.splitlines():
        if line.startswith("| `"):
            _, what, settings, *_ = line.split(" | ") if line.startswith(" ") else ["", *line.strip("| ").split(" | ")]
            for name in re.findall(r"`([^`]+)`", what):
                found[name] = {each.lower() for each in re.findall(r"`([A-Z_]+)`", settings)}
    return found


def limits_of(endpoint: str) -> set[str]:
    if endpoint in rates.COUNTED:
        return {rates.COUNTED[endpoint].setting}
    return set(rates.ELSEWHERE[endpoint])


def test_no_route_is_without_a_limit() -> None:
    endpoints = set(routes().values())
    assert endpoints == rates.COUNTED.keys() | rates.ELSEWHERE.keys()
    assert not rates.COUNTED.keys() & rates.ELSEWHERE.keys()
    assert all(rates.ELSEWHERE.values())


def test_no_frame_is_without_a_limit() -> None:
    assert frames() == rates.FRAMES.keys()
    assert all(rates.FRAMES.values())


def test_the_page_lists_every_route_and_frame_with_its_limits() -> None:
    listed = rows("Routes")
    assert listed.keys() == routes().keys()
    for route, endpoint in routes().items():
        assert limits_of(endpoint) <= listed[route], route
    assert rows("Frames") == {kind: set(names) for kind, names in rates.FRAMES.items()}


def test_every_limit_is_a_setting_and_those_of_people_are_relaxed_outside_production() -> None:
    named = set().union(*map(limits_of, routes().values()), *rates.FRAMES.values())
    assert named <= Settings.model_fields.keys()
    for action in rates.COUNTED.values():
        assert action.setting in RELAXED


# --- Attacks in small


@pytest.fixture(scope="module")
def tight(make_web: MakeWeb) -> Web:
    """A web process that lets each person do everything twice in ten minutes."""
    settings = {action.setting for action in rates.COUNTED.values()}
    web = make_web("web-tight", {name.upper(): "2 per 10 minute" for name in settings})
    web.wait()
    return web


ATTACKS = {
    "searches": ("GET", "/search?q=word", None),
    "reads": ("GET", "/user/me", None),
    "history": ("GET", "/chat/{ben}", None),
    "edits": ("PATCH", "/chat/message/{message}", {"text": "again"}),
    "deletes": ("DELETE", "/chat/message/{message}", None),
    "read marks": ("POST", "/chat/{ben}/read", {"upTo": "{message}"}),
    "renames": ("PATCH", "/user/me", {"bio": "again"}),
    "pieces": ("DELETE", "/recordings/{file}", None),
    "links": ("POST", "/file/{file}/link", None),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_whoever_does_it_too_often_is_told_when_to_come_back(
    client: Client, ben: Person, tight: Web, attack: str
) -> None:
    person, other = client.sign_up(), client.sign_up()
    message = person.post(ben, "a word")["_id"]
    names = {"{ben}": ben.id, "{message}": message, "{file}": "7c9e6679-7425-40de-944b-e07fc1f90ae7"}
    method, path, body = ATTACKS[attack]
    for name, value in names.items():
        path = path.replace(name, value)
        body = body and {field: text.replace(name, value) for field, text in body.items()}
    seen = [tight.seen_by(person).request(method, path, json=body).status_code for _ in range(3)]
    assert 429 not in seen[:2]
    assert seen[2] == 429
    problem = tight.seen_by(person).request(method, path, json=body)
    check_problem(problem, 429)
    assert 0 < int(problem.headers["Retry-After"]) <= 600
    assert tight.seen_by(other).request(method, path, json=body).status_code != 429, "others are not affected"


def test_a_token_that_was_revoked_does_not_use_up_its_owners_limits(client: Client, tight: Web) -> None:
    owner = client.sign_up()
    stolen = tight.seen_by(owner)
    again = client.log_in(owner)
    stolen.call("POST", "/logout", 204)
    for _ in range(5):
        assert stolen.request("GET", "/user/me").status_code in (401, 403)
    assert tight.seen_by(again).request("GET", "/user/me").status_code == 200


def test_a_long_text_counts_in_proportion(client: Client, ben: Person, strict: Web) -> None:
    """`strict` allows five messages."""
    person = client.sign_up()
    strict.seen_by(person).post(ben, "x" * 3_001)
    strict.seen_by(person).post(ben, "x" * 1_000)
    check_problem(strict.seen_by(person).request("POST", "/chat", json={"receiverId": ben.id, "text": "x"}), 429)


def test_edits_of_one_message_leave_one_frame_to_resume_with(client: Client, ben: Person, redis: Redis) -> None:
    person = client.sign_up()
    message = person.post(ben, "first")["_id"]
    for number in range(20):
        person.call("PATCH", f"/chat/message/{message}", json={"text": f"edit {number}"})
    kept = redis.zrange(keys.deliveries_key(person.id), 0, -1)
    assert sorted(kept) == [message.encode(), f"{message}#edited".encode()]


def test_redis_near_its_memory_limit_refuses_new_messages_and_says_so_before(
    client: Client, ben: Person, sparing: Web, redis: Redis
) -> None:
    person, web = client.sign_up(), sparing
    before = redis.config_get("maxmemory")["maxmemory"]
    used = redis.info("memory")["used_memory"]

    def warnings() -> str:
        return str(web.client.http.get(f"{web.client.url}/readyz", timeout=10).json().get("warnings", ""))

    def limit_to(share: float) -> None:
        redis.config_set("maxmemory", int(used / share))

    try:
        assert warnings() == ""
        limit_to(0.6)
        eventually(lambda: "will be refused soon" in warnings(), "the warning")
        sent = web.seen_by(person).post(ben, "still accepted")
        limit_to(0.8)
        eventually(lambda: "are refused" in warnings(), "the second warning")
        refused = web.seen_by(person).request("POST", "/chat", json={"receiverId": ben.id, "text": "one more"})
        check_problem(refused, 503)
        eventually(lambda: [each["_id"] for each in person.history(ben)] == [sent["_id"]], "what was accepted")
        figures = web.client.http.get(f"{web.client.url}/metrics", timeout=10).text
        assert "chattergram_redis_memory_short 2.0" in figures
        limit_to(0.3)
        eventually(lambda: warnings() == "", "room again")
        web.seen_by(person).post(ben, "one more")
    finally:
        redis.config_set("maxmemory", before)
