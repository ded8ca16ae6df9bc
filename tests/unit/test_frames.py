"""Frames and envelopes: a kept member rebuilds its frame, and a position fits between the halves of an envelope."""

from itertools import product

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import frames, wire
from chat.frames import Envelope, Frame
from chat.wire import Message

ANNA, BERT = "01HF7YAT000000C5A5A60E11AA", "01HF7YAT000000A1B2C3D4E5F6"
MESSAGE: Message = {
    "_id": "01JD4XBCEA8X4M6Z9T1V0QW5RK",
    "senderId": ANNA,
    "receiverId": BERT,
    "dateSent": "2026-03-01T09:30:00.125Z",
    "text": "two\nlines, a blank and ---",
    "audioFileId": None,
    "status": "delivered",
}
SPOKEN: Message = {**MESSAGE, "audioFileId": "a recording", "status": "transcribing", "text": ""}


@pytest.mark.parametrize(
    ("recipients", "request_id"), list(product([(), (ANNA,), (ANNA, BERT)], ["", "7c9e6679", "a:b,c"]))
)
def test_a_position_goes_between_the_head_and_the_json_of_an_envelope(
    recipients: tuple[str, ...], request_id: str
) -> None:
    data = wire.dumps(MESSAGE)
    raw = frames.envelope_head(recipients, request_id) + b"1772361000125000\n" + data
    expected = Envelope(recipients, 1772361000125000, data, request_id)
    assert list(frames.decode_envelopes(raw)) == [expected]
    assert list(frames.decode_envelopes(b"\n".join([raw, raw]))) == [expected, expected]


def test_an_envelope_without_a_place_has_position_0() -> None:
    for recipients in ((BERT,), ()):
        raw = frames.encode_envelope(recipients, b"{}")
        assert list(frames.decode_envelopes(raw)) == [Envelope(recipients, 0, b"{}")]


@pytest.mark.parametrize("raw", [b"", b"\n{}", b"{}", b"a b\n{}", b"a \n{}", b"a 1.5\n", b"\xff 1\n"])
def test_what_is_no_envelope_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(frames.decode_envelopes(raw))


@pytest.mark.parametrize("wrong", [b"", b"{}", b"a b\n{}", b"\xff 1\n{}", b"one line"])
def test_what_is_published_with_something_unreadable_is_read(wrong: bytes) -> None:
    right = frames.encode_envelope((ANNA,), b"{}")
    unreadable: list[bytes] = []
    found = list(frames.decode_envelopes(b"\n".join([right, wrong, right]), unreadable.append))
    assert found == [Envelope((ANNA,), 0, b"{}")] * 2
    assert unreadable == wrong.split(b"\n")


@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize("seen", [None, "2026-03-01T09:30:00.125Z"])
def test_the_time_somebody_was_seen_goes_between_the_halves_of_a_presence_envelope(
    online: bool, seen: str | None
) -> None:
    before, behind = frames.presence_halves(ANNA, online)
    raw = before + orjson.dumps(seen) + behind
    assert raw == frames.presence_envelope(ANNA, online, seen)
    (found,) = frames.decode_envelopes(raw)
    assert (found.recipients, found.position) == ((), 0)
    assert orjson.loads(found.data) == {"_id": ANNA, "online": online, "lastSeen": seen}


def test_a_socket_gets_the_channel_three_dashes_and_the_json() -> None:
    assert frames.frame(frames.TYPING, b'{"senderId":"anna"}') == b'application:typing---{"senderId":"anna"}'


KEPT = [
    frames.message_frame(MESSAGE),
    frames.status_frame(MESSAGE, "edited"),
    frames.status_frame(MESSAGE, "deleted"),
    frames.first_frame(SPOKEN),
    frames.read_frame(MESSAGE["_id"], BERT, ANNA),
]


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.member)
def test_what_is_kept_of_a_frame_leads_back_to_it(kept: Frame) -> None:
    message = SPOKEN if frames.TRANSCRIBING in kept.member else MESSAGE
    assert frames.rebuild(kept.member, {message["_id"]: message}) == kept
    assert frames.message_id_of(kept.member) == MESSAGE["_id"]


def test_frames_of_one_message_are_kept_apart_and_the_same_one_once() -> None:
    assert len({kept.member for kept in KEPT}) == len(KEPT)
    assert frames.status_frame({**MESSAGE, "text": "again"}, "edited").member == KEPT[1].member


def test_a_frame_that_was_kept_carries_its_message_as_it_is_now() -> None:
    now: Message = {**MESSAGE, "text": "corrected"}
    rebuilt = frames.rebuild(MESSAGE["_id"], {MESSAGE["_id"]: now})
    assert rebuilt is not None
    assert orjson.loads(rebuilt.data)["text"] == "corrected"


def test_the_first_frame_of_a_voice_message_is_not_sent_again_once_its_words_are_there() -> None:
    member = frames.transcribing_member(SPOKEN["_id"])
    assert frames.first_frame(SPOKEN).member == member
    assert frames.rebuild(member, {SPOKEN["_id"]: {**SPOKEN, "status": "delivered"}}) is None


@pytest.mark.parametrize("member", [MESSAGE["_id"], f"{MESSAGE['_id']}#edited", f"{MESSAGE['_id']}#transcribing"])
def test_nothing_is_sent_of_a_message_that_is_gone(member: str) -> None:
    assert frames.rebuild(member, {}) is None


def test_a_read_mark_needs_no_message() -> None:
    kept = KEPT[-1]
    assert frames.rebuild(kept.member, {}) == kept
    assert orjson.loads(kept.data) == {"_id": MESSAGE["_id"], "status": "read", "readerId": BERT, "partnerId": ANNA}


@given(st.text(alphabet='-\\"a\n\u002d', max_size=30) | st.text(max_size=30))
def test_no_three_dashes_stand_in_the_json_of_a_frame_and_it_means_the_same(text: str) -> None:
    written = frames.frame(frames.MESSAGES, wire.dumps({**MESSAGE, "text": text})).decode()
    channel, data, *lost = written.split("---")
    assert (channel, lost) == (frames.MESSAGES, [])
    assert orjson.loads(data)["text"] == text
