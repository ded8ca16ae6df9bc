"""Other people's things look unknown on every route: not forbidden, not empty, without a hint."""

from dataclasses import dataclass

import pytest
import requests

from tests import recordings
from tests.client import TIMEOUT, Person
from tests.contract.conftest import Connect, eventually
from tests.contract.shapes import check_problem

WORD = "confidential"
NOBODYS_ID = "01JD4XBCEA8X4M6Z9T1V0QW5RK"
NOBODYS_UPLOAD = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


@dataclass
class Secret:
    """What `ada` and `ben` share, and what only `ada` has."""

    message: str
    voice: str
    upload: str
    unsent: str
    link: str


@pytest.fixture(scope="module")
def secret(ada: Person, ben: Person) -> Secret:
    message = ada.post(ben, f"{WORD} text", clientId="private-1")["_id"]
    upload = ada.upload(recordings.silence(0.2), f"{WORD}.wav")["audioFileUuid"]
    voice = ada.post(ben, f"{WORD} caption", audioFileId=upload)["_id"]
    unsent = ada.upload(recordings.silence(0.2))["audioFileUuid"]
    eventually(lambda: len(ben.history(ada)) == 2, "the messages")
    link = ben.call("POST", f"/file/{upload}/link")["url"]
    return Secret(message, voice, upload, unsent, link)


def same_refusal(person: Person, method: str, path: str, unknown: str, **options: object) -> None:
    """Checks that the response for something that exists equals, word for word, that for something unknown."""
    found = check_problem(person.request(method, path, **options), 404)
    missing = check_problem(person.request(method, unknown, **options), 404)
    del found["requestId"], missing["requestId"]
    assert found == missing


def test_a_strangers_messages_cannot_be_told_from_none(eve: Person, secret: Secret) -> None:
    for message in (secret.message, secret.voice):
        path, unknown = f"/chat/message/{message}", f"/chat/message/{NOBODYS_ID}"
        same_refusal(eve, "PATCH", path, unknown, json={"text": "mine now"})
        same_refusal(eve, "DELETE", path, unknown)
        same_refusal(eve, "POST", f"{path}/transcribe", f"{unknown}/transcribe", json={})


def test_the_receiver_cannot_change_what_was_sent_to_them(ben: Person, ada: Person, secret: Secret) -> None:
    for message in (secret.message, secret.voice):
        path, unknown = f"/chat/message/{message}", f"/chat/message/{NOBODYS_ID}"
        same_refusal(ben, "PATCH", path, unknown, json={"text": "mine now"})
        same_refusal(ben, "DELETE", path, unknown)
    check_problem(ben.request("POST", f"/chat/message/{secret.voice}/transcribe", json={}), 409)
    assert [each["text"] for each in ada.history(ben)] == [f"{WORD} text", f"{WORD} caption"]


def test_a_strangers_audio_cannot_be_told_from_none(eve: Person, ben: Person, secret: Secret) -> None:
    for reader, upload in ((eve, secret.upload), (eve, secret.unsent), (ben, secret.unsent)):
        for method, more in (("GET", ""), ("GET", "/content"), ("POST", "/link"), ("HEAD", "/content")):
            if method == "HEAD":
                assert reader.request(method, f"/file/{upload}{more}").status_code == 404
            else:
                same_refusal(reader, method, f"/file/{upload}{more}", f"/file/{NOBODYS_UPLOAD}{more}")
        for header in ({"Range": "bytes=0-1"}, {"If-None-Match": f'"{upload}"'}, {"If-None-Match": "*"}):
            check_problem(reader.request("GET", f"/file/{upload}/content", headers=header), 404)


def test_a_strangers_upload_cannot_be_sent(eve: Person, ada: Person, ben: Person, secret: Secret) -> None:
    for sender, upload in ((eve, secret.unsent), (ben, secret.unsent), (eve, secret.upload), (ada, secret.upload)):
        receiver = ben if sender is not ben else eve
        found = {"receiverId": receiver.id, "audioFileId": upload}
        missing = {"receiverId": receiver.id, "audioFileId": NOBODYS_UPLOAD}
        refusals = [check_problem(sender.request("POST", "/chat", json=body), 404) for body in (found, missing)]
        assert refusals[0]["detail"] == refusals[1]["detail"]
    ada.post(ben, audioFileId=ada.upload(recordings.silence(0.1))["audioFileUuid"])  # ada can still send her own


def test_a_strangers_history_is_their_own_with_that_person(
    eve: Person, ada: Person, ben: Person, secret: Secret
) -> None:
    for partner in (ada, ben):
        for parameters in ({}, {"before": secret.voice}, {"after": secret.message}, {"offset": 0}, {"limit": 500}):
            assert eve.history(partner, **parameters) == []
    for forged in (f"{ada.id}:{ben.id}", f"{ada.id}%3A{ben.id}", f"{ada.id},{ben.id}", f"{ada.id}?user={ben.id}&x="):
        assert WORD not in eve.request("GET", f"/chat/{forged}").text
    assert WORD not in eve.request("GET", f"/chat/{ben.id}", params={"senderId": ada.id, "userId": ada.id}).text


def test_a_strangers_conversations_and_reading_are_their_own(
    eve: Person, ada: Person, ben: Person, secret: Secret
) -> None:
    assert eve.get("/conversations") == []
    assert eve.get("/conversations", before=secret.voice) == []
    for partner in (ada, ben):
        path = f"/chat/{partner.id}/read"
        found = check_problem(eve.request("POST", path, json={"upTo": secret.message}), 404)
        missing = check_problem(eve.request("POST", path, json={"upTo": NOBODYS_ID}), 404)
        assert found["detail"] == missing["detail"]
    assert "read" not in {each["status"] for each in ada.history(ben)}


def test_a_strangers_search_finds_nothing_of_theirs(eve: Person, ada: Person, ben: Person, secret: Secret) -> None:
    for query in (WORD, WORD[:4], WORD[:-1], f"{WORD} text", secret.message, ada.id, f"{WORD}.wav", "private-1"):
        assert eve.get("/search", q=query, limit=100) == []
    assert len(ben.get("/search", q=WORD)) == 2


def test_nobodys_email_is_shown_to_others(eve: Person, ada: Person, ben: Person, secret: Secret) -> None:
    email = ada.user["email"]
    for person in (eve, ben):
        for path in (
            "/user/list?limit=500",
            f"/user/list?q={ada.user['username']}",
            f"/user/list?q={email}",
            f"/search?q={ada.user['username']}",
            f"/search?q={email}",
            "/conversations",
            f"/chat/{ada.id}",
        ):
            assert email not in person.request("GET", path).text


def test_the_ids_of_one_kind_are_not_taken_for_another(ada: Person, ben: Person, secret: Secret) -> None:
    for path in (
        f"/chat/{secret.message}",
        f"/chat/{secret.upload}",
        f"/file/{secret.message}",
        f"/file/{ada.id}",
        f"/file/{secret.message}/content",
    ):
        check_problem(ada.request("GET", path), 404)
    for identifier in (ada.id, ben.id, secret.upload):
        check_problem(ada.request("DELETE", f"/chat/message/{identifier}"), 404)
        check_problem(ada.request("PATCH", f"/chat/message/{identifier}", json={"text": "x"}), 404)
    check_problem(ada.request("POST", "/chat", json={"receiverId": secret.message, "text": "x"}), 404)


def test_ids_in_another_case_are_not_the_same(ada: Person, ben: Person, secret: Secret) -> None:
    check_problem(ada.request("GET", f"/chat/{ben.id.lower()}"), 404)
    check_problem(ada.request("PATCH", f"/chat/message/{secret.message.lower()}", json={"text": "x"}), 404)
    check_problem(ada.request("GET", f"/file/{secret.upload.upper()}"), 404)
    check_problem(ada.request("GET", f"/file/{secret.upload.replace('-', '')}"), 404)
    check_problem(ada.request("GET", f"/file/%7B{secret.upload}%7D"), 404)


def test_a_link_shows_its_one_recording_and_no_token(eve: Person, secret: Secret) -> None:
    url = eve.client.url
    assert requests.get(f"{url}{secret.link}", timeout=TIMEOUT).status_code == 200
    swapped = secret.link.replace(secret.upload, secret.unsent)
    for path in (swapped, secret.link.replace("/content", ""), secret.link.partition("?")[0]):
        check_problem(requests.get(f"{url}{path}", timeout=TIMEOUT), 401)
    headers = {"x-api-key": eve.token}  # with her own token it is simply not hers
    check_problem(requests.get(f"{url}{swapped}", headers=headers, timeout=TIMEOUT), 404)


def test_a_strangers_socket_gets_nothing_of_the_two(
    ada: Person, ben: Person, eve: Person, secret: Secret, connect: Connect
) -> None:
    stranger, own = connect(eve), connect(ben)
    stranger.send({"type": "resume", "after": secret.message, "userId": ben.id})
    stranger.send({"type": "typing", "receiverId": ben.id, "senderId": ada.id})
    assert own.wait_for_frame("application:typing") == {"senderId": eve.id}
    message = ada.post(ben, f"{WORD} once more")
    own.wait_for_frame("application:messages", lambda data: data["_id"] == message["_id"])
    stranger.wait_for_frame("application:resume")
    last = eve.post(ben, "nothing here")["_id"]
    stranger.wait_for_frame("application:messages", lambda data: data["_id"] == last)
    assert WORD not in str(stranger.raw)
    assert secret.upload not in str(stranger.raw)
