"""Uploading recordings: the type comes from the bytes, limits apply early, any name works, nothing is left behind."""

import base64
import io
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import pytest
from pymongo.database import Database
from redis import Redis

from chat.store import keys
from tests import recordings
from tests.client import Client, Person
from tests.contract.conftest import Web, eventually, stored
from tests.contract.raw import exchange
from tests.contract.shapes import UUID, check_problem
from tests.stack import Stack

FILE = {"audioFileUuid", "audioFileName", "audioFileMimetype", "duration", "peaks"}
LIES = recordings.lies()


@pytest.mark.parametrize(("name", "mimetype", "seconds"), recordings.FORMATS)
def test_every_format_is_told_from_its_bytes(ada: Person, name: str, mimetype: str, seconds: float) -> None:
    file = ada.upload(recordings.spoken(name), "voice.bin", "text/html")
    assert file.keys() == FILE
    assert UUID.fullmatch(file["audioFileUuid"])
    assert file["audioFileMimetype"] == mimetype
    assert file["duration"] == pytest.approx(seconds, abs=0.1)
    assert len(file["peaks"]) == 200
    assert (min(file["peaks"]) >= 0, max(file["peaks"])) == (True, 255)
    content = ada.request("GET", f"/file/{file['audioFileUuid']}/content")
    assert (content.headers["Content-Type"], content.content) == (mimetype, recordings.spoken(name))


@pytest.mark.parametrize(
    ("container", "codec"), [("ipod", "alac"), ("adts", "aac"), ("caf", "pcm_s16be"), ("wav", "pcm_s24le")]
)
def test_what_not_every_browser_plays_is_stored_as_what_they_do(ada: Person, container: str, codec: str) -> None:
    file = ada.upload(recordings.encoded(container, codec, seconds=2.0), f"memo.{container}")
    assert file["audioFileName"] == f"memo.{container}"
    assert file["audioFileMimetype"] == "audio/webm"
    assert file["duration"] == pytest.approx(2.0, abs=0.1)
    for asked in ({}, {"Range": "bytes=0-"}):
        response = ada.request("GET", f"/file/{file['audioFileUuid']}/content", headers=asked)
        assert response.headers["Content-Type"] == "audio/webm"
        assert int(response.headers["Content-Length"]) == len(response.content)
        assert response.headers["Content-Disposition"].endswith(f"memo.{container}.webm")
        with av.open(io.BytesIO(response.content)) as opened:
            assert opened.streams.audio[0].codec_context.name == "opus"
    whole = ada.get(f"/file/{file['audioFileUuid']}")
    assert base64.b64decode(whole["audioFile"]) == response.content
    assert whole["audioFileMimetype"] == "audio/webm"


@pytest.mark.parametrize(
    "headers", [b"", b"\r\nContent-Type: audio/webm", b"\r\nContent-Type: application/octet-stream"]
)
@pytest.mark.parametrize("name", ["amiable.wav", "respectable.webm"])
def test_a_recording_without_a_file_name_is_taken(ada: Person, name: str, headers: bytes) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="audio"' + headers + b"\r\n\r\n"
    form = part + recordings.spoken(name) + b"\r\n--x--\r\n"
    media_type = {"Content-Type": "multipart/form-data; boundary=x"}
    response = ada.request("POST", "/upload", data=form, headers=media_type)
    assert response.status_code == 201
    assert response.json()["files"][0]["audioFileName"] == f"voice{Path(name).suffix}"


def test_a_refused_recording_leaves_no_traceback_in_the_log(ada: Person, stack: Stack) -> None:
    for content in (b"no audio", recordings.video(), recordings.alac_declaring(16_777_216)):
        check_problem(ada.request("POST", "/upload", files={"audio": ("a.webm", content)}), 415)
    assert "Traceback" not in stack.web.output()


@pytest.mark.parametrize("name", LIES)
def test_a_file_that_is_not_audio_is_415_whatever_it_claims_to_be(ada: Person, name: str) -> None:
    for said in ("audio/webm", "audio/mpeg"):
        response = ada.request("POST", "/upload", files={"audio": ("voice.webm", LIES[name], said)})
        check_problem(response, 415)


def test_a_video_is_415(ada: Person) -> None:
    for content in (recordings.video(), recordings.video(sound=None)):
        check_problem(ada.request("POST", "/upload", files={"audio": ("voice.webm", content, "audio/webm")}), 415)


def test_several_files_under_any_field_names_are_answered_in_order(ada: Person) -> None:
    files = [
        ("audioFile", ("one.wav", recordings.silence(1.0))),
        ("", ("two.wav", recordings.silence(2.0))),
        ("a[]", ("three.wav", recordings.silence(3.0))),
        ("a[]", ("four.wav", recordings.silence(0.5))),
        ("é\u202e", ("five.wav", recordings.silence(0.25))),
    ]
    made = ada.call("POST", "/upload", 201, files=files)["files"]
    assert [file["audioFileName"] for file in made] == ["one.wav", "two.wav", "three.wav", "four.wav", "five.wav"]
    assert [file["duration"] for file in made] == [1.0, 2.0, 3.0, 0.5, 0.25]
    assert len({file["audioFileUuid"] for file in made}) == 5


def test_one_bad_file_among_good_ones_refuses_them_all(client: Client, mongo: Database[Any]) -> None:
    person = client.sign_up()
    files = [("a", ("one.wav", recordings.silence(1.0))), ("b", ("two.wav", b"no audio"))]
    check_problem(person.request("POST", "/upload", files=files), 415)
    assert mongo["audio.files"].count_documents({"metadata.owner": person.id}) == 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("voice.webm", "voice.webm"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/", "voice.wav"),
        ("..", "voice.wav"),
        ("a\u202egpj.wav", "agpj.wav"),
        ("  a  b .wav", "a b .wav"),
        ("é\u0301日本語😀.wav", None),
        ("x" * 300 + ".wav", "x" * 96 + ".wav"),
        ("<script>.html", "<script>.html"),
        ("a;b=c.wav", "a;b=c.wav"),
        ("%00.wav", "%00.wav"),
        ("con", "con"),
        ("{}", "{}"),
    ],
)
def test_any_file_name_is_made_harmless(ada: Person, given: str, kept: str | None) -> None:
    name = ada.upload(recordings.silence(0.1), given)["audioFileName"]
    assert 1 <= len(name) <= 100
    assert not set("/\\\0\r\n") & set(name)
    if kept is not None:
        assert name == kept


ODD_NAMES = {
    "no quotes": b'filename=voice.wav"',
    "open quotes": b'filename="voice.wav',
    "latin-1": b'filename="\xe9\xff.wav"',
    "star": b"filename*=UTF-8''%e2%80%ae%00%0d%0a.wav",
    "broken star": b"filename*=UTF-8''%e2%8",
    "unknown charset": b"filename*=x-nothing''abc",
    "NUL": b'filename="a\x00b.wav"',
    "twice": b'filename="a.wav"; filename="b.wav"',
    "empty": b'filename=""',
    "long": b'filename="' + b"x" * 5_000 + b'.wav"',
}


@pytest.mark.parametrize("disposition", ODD_NAMES.values(), ids=ODD_NAMES)
def test_an_odd_name_in_the_form_is_not_a_server_error(ada: Person, disposition: bytes) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="audio"; ' + disposition + b"\r\n\r\n"
    assert post_form(ada, part + recordings.silence(0.1) + b"\r\n--x--\r\n") in (201, 400, 422)


MALFORMED = {
    "nothing": b"",
    "no end": b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n' + recordings.silence(0.1),
    "no part": b"--x--\r\n",
    "no disposition": b"--x\r\n\r\nabc\r\n--x--\r\n",
    "another boundary": b"--y\r\n\r\nabc\r\n--y--\r\n",
    "no lines": b"abc" * 1_000,
    "header without end": b"--x\r\nContent-Disposition: " + b"x" * 100_000,
    "bytes": bytes(range(256)) * 10,
}


@pytest.mark.parametrize("form", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_form_is_a_client_error(ada: Person, form: bytes) -> None:
    assert post_form(ada, form) in (400, 413, 415, 422)


@pytest.mark.parametrize(
    "boundary", ["", "; boundary=", "; boundary=" + "x" * 300, '; boundary="', "; boundary=\u00e9"]
)
def test_a_form_without_a_boundary_is_a_client_error(ada: Person, boundary: str) -> None:
    assert post_form(ada, b"--x\r\n\r\nabc\r\n--x--\r\n", f"multipart/form-data{boundary}") in (400, 413, 415, 422)


def post_form(person: Person, form: bytes, media_type: str = "multipart/form-data; boundary=x") -> int:
    """Uploads exactly these bytes and returns the status."""
    head = (
        f"POST /api/upload HTTP/1.1\r\nHost: x\r\nx-api-key: {person.token}\r\n"
        f"Content-Type: {media_type}\r\nContent-Length: {len(form)}\r\n\r\n"
    )
    return exchange(person.client.url, head.encode("latin-1") + form)[0]


def test_a_form_without_files_is_422(ada: Person) -> None:
    for form in ({"audio": (None, "text")}, {"filename": (None, "voice.wav"), "audio": (None, b"RIFF")}):
        problem = check_problem(ada.request("POST", "/upload", files=form), 422)
        assert problem["errors"][0]["field"] == "audio"


def test_text_fields_beside_the_files_are_ignored(ada: Person) -> None:
    form = [("audio", (None, "text")), ("audio", ("a.wav", recordings.silence(0.1))), ("x", (None, "y" * 10_000))]
    assert len(ada.call("POST", "/upload", 201, files=form)["files"]) == 1


@pytest.mark.parametrize("count", [11, 1_000])
def test_too_many_parts_are_refused(ada: Person, count: int) -> None:
    small = recordings.silence(0.01)
    response = ada.request("POST", "/upload", files=[("a", (f"{number}.wav", small)) for number in range(count)])
    check_problem(response, 422 if count == 11 else 413)
    if count == 1000:  # or its client would use the connection for the next request
        assert response.headers["Connection"] == "close", "nobody reads the rest of it"
    response = ada.request("POST", "/upload", files=[(f"t{number}", (None, "text")) for number in range(count)])
    check_problem(response, 422 if count == 11 else 413)


# --- Limits


def test_an_upload_over_the_size_limit_is_413(ada: Person, strict: Web) -> None:
    content = recordings.silence(3.0, 48_000)  # 288 kB against 200
    response = strict.seen_by(ada).request("POST", "/upload", files={"audio": ("a.wav", content)})
    check_problem(response, 413)
    assert ada.upload(content)["duration"] == 3.0  # the limit is higher on the usual process


def test_a_recording_over_the_duration_limit_is_413(ada: Person, strict: Web) -> None:
    content = recordings.silence(5.0, 8_000)  # five seconds against four
    response = strict.seen_by(ada).request("POST", "/upload", files={"audio": ("a.wav", content)})
    check_problem(response, 413)
    for content in (recordings.mp4_declaring(2_000_000), recordings.opus_in_mp4(5_100, ticks=10)):
        check_problem(ada.request("POST", "/upload", files={"audio": ("a.webm", content)}), 413)


def test_an_upload_is_never_held_whole_in_memory(ada: Person, stack: Stack) -> None:
    worker = stack.web.children()[0]
    content = recordings.large(24 * 2**20)
    ada.upload(content[: 2**20])  # load whatever is loaded only once
    Path(f"/proc/{worker}/clear_refs").write_text("5")  # reset the peak
    before = _memory(worker, "VmRSS")
    file = ada.upload(content)
    assert ada.request("GET", f"/file/{file['audioFileUuid']}/content").content == content
    assert _memory(worker, "VmHWM") - before < 12 * 2**20


def _memory(pid: int, name: str) -> int:
    """A figure of a process's memory, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def test_an_upload_in_pieces_over_the_size_limit_is_413(ada: Person, strict: Web) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.wav"\r\n\r\n'
        for _ in range(40):
            yield bytes(10_000)

    media_type = {"Content-Type": "multipart/form-data; boundary=x"}
    response = strict.seen_by(ada).request("POST", "/upload", data=pieces(), headers=media_type)
    assert "MB" in check_problem(response, 413)["detail"]


# --- How much one person may upload


def test_more_uploads_at_once_than_one_person_may_make_are_429_before_they_are_read(
    client: Client, strict: Web, redis: Redis
) -> None:
    person = strict.seen_by(client.sign_up())
    head = (
        f"POST /api/upload HTTP/1.1\r\nHost: x\r\nx-api-key: {person.token}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n"
    )
    address = urlsplit(person.client.url)
    with socket.create_connection((address.hostname, address.port)) as unfinished:
        unfinished.sendall(head.encode() + b"--x\r\n")
        files = {"audio": ("a.wav", recordings.silence(0.1))}
        eventually(lambda: redis.zcard(keys.uploads_now_key(person.id)), "its beginning")
        check_problem(person.request("POST", "/upload", files=files), 429)
    eventually(lambda: person.request("POST", "/upload", files=files).status_code == 201, "its end")


# --- What nobody claims


def test_an_upload_no_message_claims_goes(ada: Person, ben: Person, strict: Web) -> None:
    """Uploads expire after a second there; the sweep of the remains is tested with the stores."""
    there = strict.seen_by(ada)
    upload = there.upload(recordings.silence(0.1))["audioFileUuid"]
    claimed = there.upload(recordings.silence(0.1))["audioFileUuid"]
    message = ada.post(ben, audioFileId=claimed)
    eventually(lambda: there.request("GET", f"/file/{upload}").status_code == 404, "the end of the upload", 5)
    body = {"receiverId": ben.id, "audioFileId": upload, "clientId": secrets.token_hex(8)}
    check_problem(there.request("POST", "/chat", json=body), 404)
    assert there.request("GET", f"/file/{claimed}").status_code == 200
    # Else its transcription would still go on while other tests count what a recogniser is asked.
    eventually(lambda: stored(ada, ben, message["_id"])["status"] != "transcribing", "the end of its transcription", 30)
