"""A recording that travels while it is made: tus 1.0 by its own statements, and what our recordings add to it."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from time import time

import pytest
import requests
from redis import Redis

from chat.store import keys
from tests import recordings
from tests.client import Client, Person
from tests.contract import tus
from tests.contract.conftest import Web, eventually
from tests.contract.raw import connection
from tests.contract.shapes import MOMENT, UUID, check_problem

SPOKEN = recordings.spoken()
HALF = len(SPOKEN) // 2
EXTENSIONS = {"creation", "creation-defer-length", "creation-with-upload", "termination", "expiration"}


@pytest.fixture
def cleo(client: Client) -> Person:
    """Somebody who has recorded nothing yet."""
    return client.sign_up("cleo")


def test_the_server_says_what_it_can_without_a_token(client: Client) -> None:
    for path in ("/recordings", f"/recordings/{recordings.FOLDER.name}"):
        response = client.request("OPTIONS", path)
        assert response.status_code in (200, 204)
        assert response.headers["Tus-Resumable"] == response.headers["Tus-Version"] == "1.0.0"
        assert set(response.headers["Tus-Extension"].split(",")) == EXTENSIONS
        assert int(response.headers["Tus-Max-Size"]) == 25 * 2**20


def test_pages_of_other_origins_may_use_it(client: Client) -> None:
    asked = {
        "Origin": "https://example.org",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "tus-resumable,upload-offset,x-api-key",
    }
    response = client.request("OPTIONS", "/recordings/x", headers=asked)
    assert response.headers["Access-Control-Allow-Origin"]
    assert {"PATCH", "HEAD", "DELETE"} <= set(response.headers["Access-Control-Allow-Methods"].split(", "))
    assert set(asked["Access-Control-Request-Headers"].split(",")) <= set(
        response.headers["Access-Control-Allow-Headers"].lower().split(", ")
    )
    readable = client.request("HEAD", "/recordings/x", headers={"Origin": "https://example.org", **tus.VERSION})
    exposed = set(readable.headers["Access-Control-Expose-Headers"].split(", "))
    assert {"Location", "Upload-Offset", "Upload-Length", "Tus-Resumable", "Upload-Expires"} <= exposed


def test_pieces_make_a_recording_that_can_be_sent_and_is_transcribed(cleo: Person, ben: Person) -> None:
    path = tus.begin(cleo, filetype="audio/webm", filename="Notiz für Ben.webm", receiverId=ben.id, language="en")
    for start in range(0, len(SPOKEN), 9_000):
        piece = SPOKEN[start : start + 9_000]
        length = len(SPOKEN) if start + len(piece) == len(SPOKEN) else None
        response = tus.append(cleo, path, start, piece, length)
        assert response.status_code == 204, response.text
        assert response.headers["Tus-Resumable"] == "1.0.0"
        assert int(response.headers["Upload-Offset"]) == start + len(piece)
        assert parsedate_to_datetime(response.headers["Upload-Expires"]).timestamp() > time() + 3_000
    message = cleo.post(ben, audioFileId=tus.id_of(path))
    eventually(lambda: [each for each in cleo.history(ben) if each["_id"] == message["_id"]], "its transcript", 60)
    file = f"/file/{tus.id_of(path)}"
    assert ben.request("GET", f"{file}/content").content == SPOKEN
    assert ben.get(file)["audioFileName"] == "Notiz für Ben.webm"
    assert tus.discard(cleo, path).status_code == 204
    assert ben.request("GET", f"{file}/content").content == SPOKEN


def test_head_says_how_far_it_is_and_is_not_stored(cleo: Person) -> None:
    values = {"empty": "", "filetype": "audio/webm"}
    path = tus.begin(cleo, **values)
    response = tus.head(cleo, path)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert (response.headers["Upload-Offset"], response.headers["Upload-Defer-Length"]) == ("0", "1")
    assert "Upload-Length" not in response.headers
    assert response.headers["Upload-Metadata"] == tus.metadata(**values)
    assert "Upload-Expires" in response.headers
    assert tus.append(cleo, path, 0, SPOKEN[:HALF], len(SPOKEN)).status_code == 204
    response = tus.head(cleo, path)
    assert (response.headers["Upload-Offset"], response.headers["Upload-Length"]) == (str(HALF), str(len(SPOKEN)))
    assert "Upload-Defer-Length" not in response.headers
    assert cleo.request("GET", path).content == SPOKEN[:HALF]
    assert tus.append(cleo, path, HALF, SPOKEN[HALF:]).status_code == 204
    response = tus.head(cleo, path)
    assert response.headers["Upload-Offset"] == response.headers["Upload-Length"] == str(len(SPOKEN))
    assert cleo.request("GET", path).content == SPOKEN


def test_the_first_piece_may_come_with_the_creation_and_all_of_it_too(cleo: Person) -> None:
    path = tus.begin(cleo, content=SPOKEN[:HALF])
    assert tus.head(cleo, path).headers["Upload-Offset"] == str(HALF)
    assert tus.append(cleo, path, HALF, iter([SPOKEN[HALF:]]), len(SPOKEN)).status_code == 204  # chunked
    whole = tus.create(cleo, len(SPOKEN), SPOKEN)
    assert (whole.status_code, whole.headers["Upload-Offset"]) == (201, str(len(SPOKEN)))
    for each in (path, whole.headers["Location"].removeprefix("/api")):
        assert cleo.request("GET", f"/file/{tus.id_of(each)}/content").content == SPOKEN


def test_a_piece_elsewhere_than_at_the_end_is_409_and_changes_nothing(cleo: Person) -> None:
    path = tus.begin(cleo, content=SPOKEN[:HALF])
    for offset in (0, HALF - 1, HALF + 1, 2**40):
        problem = check_problem(tus.append(cleo, path, offset, b"x" * 10), 409)
        assert str(HALF) in problem["detail"].replace(",", "")
    assert cleo.request("GET", path).content == SPOKEN[:HALF]


def test_another_version_of_the_protocol_is_412(cleo: Person) -> None:
    path = tus.begin(cleo)
    for headers in ({}, {"Tus-Resumable": "0.2.2"}, {"Tus-Resumable": "1.0"}):
        for method, where in (("POST", "/recordings"), ("PATCH", path), ("DELETE", path)):
            response = cleo.request(method, where, headers={**tus.PIECE, "Tus-Resumable": "", **headers})
            check_problem(response, 412)
            assert response.headers["Tus-Version"] == "1.0.0"
        assert cleo.request("HEAD", path, headers=headers).status_code == 412
    assert tus.head(cleo, path).headers["Upload-Offset"] == "0"


def test_a_piece_of_another_type_is_415(cleo: Person) -> None:
    path = tus.begin(cleo)
    for media_type in ("application/octet-stream", "audio/webm", "application/json", ""):
        headers = {**tus.PIECE, "Upload-Offset": "0", "Content-Type": media_type}
        check_problem(cleo.request("PATCH", path, headers=headers, data=b"x"), 415)
    check_problem(cleo.request("POST", "/recordings", headers={**tus.VERSION, "Upload-Length": "1"}, json={}), 415)


WRONG = {
    "no length": {},
    "both": {"Upload-Length": "1", "Upload-Defer-Length": "1"},
    "another word": {"Upload-Defer-Length": "2"},
    "no number": {"Upload-Length": "many"},
    "negative": {"Upload-Length": "-1"},
    "endless": {"Upload-Length": "9" * 30},
    "no base64": {"Upload-Length": "1", "Upload-Metadata": "filename !"},
    "no text": {"Upload-Length": "1", "Upload-Metadata": "filename /w=="},
    "a key twice": {"Upload-Length": "1", "Upload-Metadata": "a YQ==,a YQ=="},
    "no key": {"Upload-Length": "1", "Upload-Metadata": ",, ,"},
    "a long value": {"Upload-Length": "1", "Upload-Metadata": tus.metadata(filename="x" * 257)},
    "no person": {"Upload-Length": "1", "Upload-Metadata": tus.metadata(receiverId="somebody")},
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
def test_what_makes_no_sense_is_422(cleo: Person, headers: dict[str, str]) -> None:
    problem = check_problem(cleo.request("POST", "/recordings", headers={**tus.VERSION, **headers}), 422)
    assert problem["errors"][0]["field"] in ("Upload-Metadata", "Upload-Length", "Upload-Defer-Length", "body")


def test_a_length_that_lies_is_refused(cleo: Person) -> None:
    most = 25 * 2**20
    check_problem(tus.create(cleo, most + 1), 413)
    path = tus.begin(cleo, HALF)
    check_problem(tus.append(cleo, path, 0, SPOKEN), 413)
    check_problem(tus.append(cleo, path, 0, SPOKEN[:10], len(SPOKEN)), 422)
    deferred = tus.begin(cleo, content=SPOKEN[:HALF])
    check_problem(tus.append(cleo, deferred, HALF, b"", HALF - 1), 413)
    check_problem(tus.append(cleo, deferred, HALF, b"", most + 1), 413)
    assert tus.head(cleo, deferred).headers["Upload-Offset"] == str(HALF)
    assert tus.append(cleo, deferred, HALF, SPOKEN[HALF:], len(SPOKEN)).status_code == 204


def test_a_recording_is_cut_off_where_its_speaker_wants_it_when_it_is_whole(cleo: Person) -> None:
    path = tus.begin(cleo, content=SPOKEN[:HALF])
    for wrong in ("0", "-1", "nan", "inf", "soon", "1e9"):
        headers = {**tus.PIECE, "Upload-Offset": str(HALF), "Chattergram-Cut-At": wrong}
        problem = check_problem(cleo.request("PATCH", path, headers=headers), 422)
        assert [each["field"] for each in problem["errors"]] == ["Chattergram-Cut-At"]
    pause = {**tus.PIECE, "Upload-Offset": str(HALF), "Chattergram-Pause": "true"}
    assert cleo.request("PATCH", path, headers=pause).status_code == 204
    check_problem(cleo.request("PATCH", path, headers={**pause, "Chattergram-Pause": "perhaps"}), 422)
    last = {**tus.PIECE, "Upload-Offset": str(HALF), "Upload-Length": str(len(SPOKEN)), "Chattergram-Cut-At": "1.5"}
    response = cleo.request("PATCH", path, headers=last, data=SPOKEN[HALF:])
    assert (response.status_code, response.headers["Upload-Offset"]) == (204, str(len(SPOKEN)))
    content = cleo.request("GET", f"/file/{tus.id_of(path)}/content").content
    assert 0 < len(content) < len(SPOKEN) / 2
    assert cleo.request("GET", path).content == content, "what was cut off is gone"
    tus.discard(cleo, path)


def test_what_is_no_recording_is_refused_at_its_end_and_gone(cleo: Person) -> None:
    path = tus.begin(cleo)
    assert tus.append(cleo, path, 0, b"GIF89a" * 100).status_code == 204
    check_problem(tus.append(cleo, path, 600, b"", 600), 415)
    check_problem(tus.append(cleo, path, 600, b""), 410)
    check_problem(tus.create(cleo, 0), 415)


def test_a_discarded_recording_is_gone(cleo: Person, ben: Person) -> None:
    growing, complete = tus.begin(cleo, content=SPOKEN[:HALF]), tus.begin(cleo, len(SPOKEN), SPOKEN)
    for path in (growing, complete):
        assert tus.discard(cleo, path).status_code == 204
        assert tus.head(cleo, path).status_code == 410
        check_problem(tus.append(cleo, path, HALF, SPOKEN[HALF:], len(SPOKEN)), 410)
        check_problem(tus.discard(cleo, path), 410)
        check_problem(cleo.request("GET", path), 410)
        check_problem(cleo.request("POST", "/chat", json={"receiverId": ben.id, "audioFileId": tus.id_of(path)}), 404)
    assert cleo.get("/recordings") == []


def test_a_recording_is_its_owners_alone(cleo: Person, ben: Person) -> None:
    growing = tus.begin(cleo, content=SPOKEN[:HALF], receiverId=ben.id)
    complete = tus.begin(cleo, len(SPOKEN), SPOKEN, receiverId=ben.id)
    for path in (growing, complete, "/recordings/7c9e6679-7425-40de-944b-e07fc1f90ae7", "/recordings/x"):
        assert tus.head(ben, path).status_code == 404
        problems = [tus.append(ben, path, HALF, b"x"), tus.discard(ben, path), ben.request("GET", path)]
        assert {check_problem(problem, 404)["code"] for problem in problems} == {"no_such_recording"}
    assert ben.get("/recordings") == []
    check_problem(ben.request("POST", "/chat", json={"receiverId": cleo.id, "audioFileId": tus.id_of(complete)}), 404)
    assert [each["offset"] for each in cleo.get("/recordings")] == [HALF, len(SPOKEN)]
    for path in (growing, complete):
        tus.discard(cleo, path)


def test_whoever_comes_back_finds_what_they_had_not_sent(cleo: Person, ben: Person) -> None:
    first = tus.begin(cleo, content=SPOKEN[:HALF], filetype="audio/webm;codecs=opus", receiverId=ben.id)
    second = tus.begin(cleo, len(SPOKEN), SPOKEN)
    found = cleo.get("/recordings")
    for each in found:
        assert each.keys() == {
            *("_id", "receiverId", "type", "offset", "complete", "started", "seconds", "text", "words", "settled")
        }
        assert UUID.fullmatch(each["_id"])
        assert MOMENT.fullmatch(each["started"])
    known = [(each["_id"], each["receiverId"], each["type"], each["offset"], each["complete"]) for each in found]
    assert known == [
        (tus.id_of(first), ben.id, "audio/webm;codecs=opus", HALF, False),
        (tus.id_of(second), None, "", len(SPOKEN), True),
    ]
    cleo.post(ben, audioFileId=tus.id_of(second))
    assert [each["_id"] for each in cleo.get("/recordings")] == [tus.id_of(first)]
    tus.discard(cleo, first)


def test_what_came_of_a_piece_whose_connection_breaks_stays(cleo: Person) -> None:
    path = tus.begin(cleo)
    head = (
        f"PATCH /api{path} HTTP/1.1\r\nHost: x\r\nx-api-key: {cleo.token}\r\nTus-Resumable: 1.0.0\r\n"
        "Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\n"
        f"Content-Length: {len(SPOKEN)}\r\n\r\n"
    )
    with connection(cleo.client.url) as opened:
        opened.sendall(head.encode() + SPOKEN[:HALF])
        opened.shutdown(socket.SHUT_WR)
    offset = int(eventually(lambda: int(tus.head(cleo, path).headers["Upload-Offset"]), "what came before"))
    assert HALF - 8 * 1024 <= offset <= HALF
    assert tus.append(cleo, path, offset, SPOKEN[offset:], len(SPOKEN)).status_code == 204
    assert cleo.request("GET", f"/file/{tus.id_of(path)}/content").content == SPOKEN


def test_clients_that_can_only_post_name_their_method(cleo: Person) -> None:
    path = tus.begin(cleo)
    said = {**tus.PIECE, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert cleo.request("POST", path, headers=said, data=b"x").status_code == 204
    assert cleo.request("POST", path, headers={**tus.VERSION, "X-HTTP-Method-Override": "DELETE"}).status_code == 204
    check_problem(cleo.request("POST", "/logout", headers={"X-HTTP-Method-Override": "PATCH"}, json=[]), 422)


# --- Limits


def test_more_unfinished_recordings_than_one_may_have_are_429(client: Client, cleo: Person) -> None:
    person = client.sign_up()
    paths = [tus.begin(person, content=b"x") for _ in range(4)]
    check_problem(tus.create(person), 429)
    tus.begin(cleo)
    tus.discard(person, paths[0])
    tus.begin(person)


def test_an_abandoned_recording_is_gone_after_a_while(client: Client, strict: Web, redis: Redis) -> None:
    """Here, a second after its last piece."""
    person = strict.seen_by(client.sign_up())
    path = tus.begin(person, content=b"x")
    eventually(lambda: tus.head(person, path).status_code == 410, "its end", 5)
    assert not redis.exists(keys.recording_bytes_key(tus.id_of(path)))
    tus.begin(person)  # though only one at a time


def test_pieces_in_a_flood_are_429_and_lose_nothing(client: Client, strict: Web, redis: Redis) -> None:
    person = client.sign_up()
    path = tus.begin(person)
    answers = [tus.append(strict.seen_by(person), path, offset, b"x").status_code for offset in range(8)]
    assert answers == [204] * 5 + [429] * 3
    # It expires after a second, but what is known of it stays.
    assert redis.hget(keys.recording_key(tus.id_of(path)), "offset") == b"5"


def test_a_body_of_unknown_length_is_cut_off_at_the_limit(cleo: Person, strict: Web) -> None:
    person = strict.seen_by(cleo)
    path = tus.begin(cleo)

    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield bytes(10_000)

    with suppress(requests.ConnectionError):  # the server need not wait for the rest
        check_problem(tus.append(person, path, 0, pieces()), 413)
    assert int(tus.head(cleo, path).headers["Upload-Offset"]) <= 200_000


def test_a_deleted_account_takes_its_recordings_along(client: Client, redis: Redis) -> None:
    person = client.sign_up()
    path = tus.begin(person, content=b"x" * 1_000)
    person.call("DELETE", "/user/me", 204, json={"password": person.password})
    key = keys.recording_bytes_key(tus.id_of(path))
    eventually(lambda: not redis.exists(key, keys.recordings_key(person.id)), "its end")
