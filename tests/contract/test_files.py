"""Downloading recordings: as base64, as bytes with ranges, by a signed link."""

import base64
import time
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

from chat import audio, ids
from chat.audio import chunks
from tests import recordings
from tests.client import TIMEOUT, Person
from tests.contract.shapes import MOMENT, check_problem
from tests.stack import SECRET, Stack
from tests.stores import open_stores

CONTENT = recordings.spoken("amiable.wav")


@dataclass
class Voice:
    """A recording that `ada` sent to `ben`."""

    uuid: str
    message_id: str


@pytest.fixture(scope="module")
def voice(ada: Person, ben: Person) -> Voice:
    upload = ada.upload(CONTENT, 'Grüße "1".html', "text/html")["audioFileUuid"]
    return Voice(upload, ada.post(ben, audioFileId=upload)["_id"])


def get(person: Person, voice: Voice, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return person.request("GET", f"/file/{voice.uuid}/content", headers=named)


def by_link(person: Person, url: str, **headers: str) -> requests.Response:
    """Makes a request without any token except the link's."""
    return requests.get(f"{person.client.url}{url}", headers=headers, timeout=TIMEOUT)


def test_a_file_is_returned_as_base64(ada: Person, ben: Person, voice: Voice) -> None:
    for person in (ada, ben):
        response = person.request("GET", f"/file/{voice.uuid}")
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "application/json"
        assert int(response.headers["Content-Length"]) == len(response.content)
        file = response.json()
        assert file.keys() == {"audioFile", "audioFileUuid", "audioFileName", "audioFileMimetype"}
        assert base64.b64decode(file["audioFile"], validate=True) == CONTENT
        assert file["audioFileUuid"] == voice.uuid
        assert file["audioFileName"] == 'Grüße "1".html'
        assert file["audioFileMimetype"] == "audio/wav"


def test_a_large_file_is_whole_as_base64_too(ada: Person) -> None:
    content = recordings.large(3 * 2**20 + 1)
    upload = ada.upload(content)["audioFileUuid"]
    assert base64.b64decode(ada.get(f"/file/{upload}")["audioFile"], validate=True) == content


def test_content_is_the_bytes_with_headers_that_let_no_browser_guess(ada: Person, ben: Person, voice: Voice) -> None:
    for person in (ada, ben):
        response = get(person, voice)
        assert response.status_code == 200
        assert response.content == CONTENT
        headers = response.headers
        assert headers["Content-Type"] == "audio/wav"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Accept-Ranges"] == "bytes"
        assert headers["ETag"].strip('"')
        assert headers["Cache-Control"].startswith("private")
        assert "sandbox" in headers["Content-Security-Policy"]
        assert headers["Content-Disposition"] == "inline; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%221%22.html.wav"


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-", 0, None),
        ("bytes=0-1", 0, 2),
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=-100", -100, None),
        ("bytes=500-999999999", 500, None),
        ("bytes=-999999999", 0, None),
        ("BYTES=5-9", 5, 10),
    ],
)
def test_a_range_is_206(ada: Person, voice: Voice, asked: str, start: int, stop: int | None) -> None:
    response = get(ada, voice, Range=asked)
    assert response.status_code == 206
    expected = CONTENT[start:stop]
    assert response.content == expected
    first = start if start >= 0 else len(CONTENT) + start
    assert response.headers["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(CONTENT)}"
    assert int(response.headers["Content-Length"]) == len(expected)


def test_ranges_put_together_are_the_whole(ben: Person, voice: Voice) -> None:
    step, found = 20_000, b""
    while len(found) < len(CONTENT):
        found += get(ben, voice, Range=f"bytes={len(found)}-{len(found) + step - 1}").content
    assert found == CONTENT


@pytest.mark.parametrize("asked", [f"bytes={len(CONTENT)}-", "bytes=999999999-", f"bytes={10**30}-"])
def test_a_range_beyond_the_end_is_416_that_tells_the_length(ada: Person, voice: Voice, asked: str) -> None:
    response = get(ada, voice, Range=asked)
    check_problem(response, 416)
    assert response.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize(
    "asked",
    ["", "x", "bytes", "bytes=", "bytes=a-b", "bytes=5-1", "bytes=--1", "lines=1-2", "bytes=0-1,5-6", "bytes=-"],
)
def test_an_invalid_range_or_several_get_the_whole(ada: Person, voice: Voice, asked: str) -> None:
    response = get(ada, voice, Range=asked)
    assert response.status_code == 200
    assert response.content == CONTENT


def test_if_none_match_with_the_etag_is_304(ada: Person, voice: Voice) -> None:
    etag = get(ada, voice).headers["ETag"]
    for tag in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        response = get(ada, voice, If_None_Match=tag)
        assert response.status_code == 304
        assert response.content == b""
        assert response.headers["ETag"] == etag
    assert get(ada, voice, If_None_Match='"other"').content == CONTENT


def test_if_range_with_another_etag_gets_the_whole(ada: Person, voice: Voice) -> None:
    etag = get(ada, voice).headers["ETag"]
    assert get(ada, voice, Range="bytes=0-9", If_Range=etag).status_code == 206
    assert get(ada, voice, Range="bytes=0-9", If_Range='"other"').status_code == 200
    assert get(ada, voice, Range="bytes=0-9", If_Range="Sat, 29 Oct 1994 19:43:31 GMT").status_code == 200


def test_head_tells_the_length_without_the_bytes(ada: Person, voice: Voice) -> None:
    response = ada.request("HEAD", f"/file/{voice.uuid}/content")
    assert response.status_code == 200
    assert int(response.headers["Content-Length"]) == len(CONTENT)
    assert response.content == b""


# --- Links


def test_a_signed_link_plays_without_any_other_token(ada: Person, ben: Person, voice: Voice) -> None:
    for person in (ada, ben):
        link = person.call("POST", f"/file/{voice.uuid}/link")
        assert link.keys() == {"url", "expires"}
        assert MOMENT.fullmatch(link["expires"])
        assert person.token not in link["url"]
        assert by_link(person, link["url"]).content == CONTENT
        part = by_link(person, link["url"], Range="bytes=100-199")
        assert (part.status_code, part.content) == (206, CONTENT[100:200])


def test_a_link_holds_for_an_hour_and_not_longer(ada: Person, voice: Voice, stack: Stack) -> None:
    link = ada.call("POST", f"/file/{voice.uuid}/link")
    ends = int(parse_qs(urlsplit(link["url"]).query)["token"][0].partition(".")[0])
    assert 3_500 < ends - time.time() <= 3_600
    assert link["expires"] == ids.timestamp(ends * 1_000)
    later = link["url"].replace(f"token={ends}", f"token={ends + 3_600}")
    assert later != link["url"]
    check_problem(by_link(ada, later), 401)
    claims = jwt.decode(ada.token, SECRET, algorithms=["HS256"])
    maker = audio.Maker(ada.id, claims["jti"], claims["ms"])
    for age, status in ((3_590, 200), (3_601, 401)):
        token, _ = audio.sign(stack.settings(), voice.uuid, maker, claims["exp"], time.time() - age)
        assert by_link(ada, f"/api/file/{voice.uuid}/content?token={token}").status_code == status


@pytest.mark.parametrize("token", ["", "x", "1.x", "9" * 12 + "." + "A" * 43, "\0", "é", "." * 100, "null"])
def test_a_link_that_is_not_ours_is_401(ada: Person, voice: Voice, token: str) -> None:
    response = requests.get(f"{ada.client.url}/api/file/{voice.uuid}/content", params={"token": token}, timeout=TIMEOUT)
    check_problem(response, 401)


def test_a_link_is_good_for_its_own_recording_only(ada: Person, ben: Person, voice: Voice) -> None:
    other = ada.upload(recordings.silence(0.1))["audioFileUuid"]
    url = ada.call("POST", f"/file/{voice.uuid}/link")["url"]
    check_problem(by_link(ada, url.replace(voice.uuid, other)), 401)
    check_problem(by_link(ada, url.replace(voice.uuid, voice.uuid.upper())), 401)
    check_problem(by_link(ada, url.replace("/content", "")), 401)
    # A session's token is no link's, nor the other way round.
    check_problem(by_link(ada, f"/api/file/{voice.uuid}/content?token={ada.token}"), 401)
    token = parse_qs(urlsplit(url).query)["token"][0]
    check_problem(ada.client.request("GET", "/user/me", headers={"x-api-key": token}), 403)


def test_a_bad_link_does_no_harm_to_a_good_token(ada: Person, voice: Voice) -> None:
    assert ada.request("GET", f"/file/{voice.uuid}/content", params={"token": "x"}).content == CONTENT


# --- Deleted


def test_the_audio_of_a_deleted_message_is_gone_by_every_way(ada: Person, ben: Person) -> None:
    upload = ada.upload(recordings.silence(0.3))["audioFileUuid"]
    message = ada.post(ben, audioFileId=upload)
    gone = Voice(upload, message["_id"])
    url = ben.call("POST", f"/file/{upload}/link")["url"]
    etag = get(ben, gone).headers["ETag"]
    ada.call("DELETE", f"/chat/message/{message['_id']}", 204)
    for person in (ada, ben):
        check_problem(person.request("GET", f"/file/{upload}"), 404)
        check_problem(get(person, gone), 404)
        check_problem(get(person, gone, If_None_Match=etag), 404)
        check_problem(person.request("POST", f"/file/{upload}/link"), 404)
    check_problem(by_link(ben, url), 404)
    check_problem(ada.request("POST", "/chat", json={"receiverId": ben.id, "audioFileId": upload}), 404)


@pytest.mark.parametrize("path", ["/file/{}", "/file/{}/content"])
def test_a_recording_that_goes_while_it_is_asked_for_is_404(stack: Stack, ada: Person, path: str) -> None:
    upload = ada.upload(CONTENT)["audioFileUuid"]
    with open_stores(stack.settings()) as stores:
        stores.mongo[chunks.CHUNKS].delete_many({"files_id": upload})  # its entry is still found
        check_problem(ada.request("GET", path.format(upload)), 404)
        stores.mongo[chunks.FILES].delete_one({"_id": upload})
