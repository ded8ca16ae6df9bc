"""An entry of the accepted log is read by the names of its fields, whichever version wrote it."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.messages import log as accepted_log
from chat.messages.log import Draft, Receipt

NAME, ENTROPY = b"1700000000007-3", "0123456789abcdef"
DRAFT = Draft("anna", "bert", "hello", "a recording", "a client's id", "a request")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
people = texts.filter(bool)


def entry(body: bytes) -> accepted_log.RawEntry:
    return NAME, {accepted_log.DRAFT: body, accepted_log.ENTROPY: ENTROPY.encode()}


def written(draft: Draft) -> accepted_log.RawEntry:
    """As Redis gives what `entry_fields` has it keep."""
    parts = [part if isinstance(part, bytes) else part.encode() for part in accepted_log.entry_fields(draft, ENTROPY)]
    return NAME, dict(zip(parts[::2], parts[1::2], strict=True))


optional = st.none() | people
languages = st.just(()) | st.lists(people, min_size=1)


@given(st.builds(Draft, people, people, texts, optional, optional, texts, languages))
def test_what_is_written_is_read(draft: Draft) -> None:
    found = accepted_log.parse_entry(written(draft))
    assert (found.receipt, found.draft) == (Receipt(NAME.decode(), ENTROPY), draft)


def test_what_is_known_of_the_recording_is_read_with_its_entry() -> None:
    peaks = [number % 256 for number in range(200)]
    name, fields = written(DRAFT)
    found = accepted_log.parse_entry((name, {**fields, b"duration": b"6.05", b"peaks": bytes(peaks)}))
    assert (found.draft, found.duration, found.peaks) == (DRAFT, 6.05, peaks)
    assert (found.message["duration"], found.message["peaks"]) == (6.05, peaks)


def test_an_entry_of_version_1_0_is_read_by_the_places_of_its_fields() -> None:
    body = orjson.dumps(["anna", "bert", "hello", "a recording", "a client's id", "a request"])
    assert accepted_log.parse_entry(entry(body)).draft == DRAFT
    bare = orjson.dumps(["anna", "bert", "hello", None, None, ""])
    assert accepted_log.parse_entry(entry(bare)).draft == Draft("anna", "bert", "hello")


def test_an_entry_of_a_later_version_is_read_without_what_we_do_not_know() -> None:
    fields = orjson.loads(written(DRAFT)[1][accepted_log.DRAFT])
    later = orjson.dumps({"mood": "bright", **fields, "replyTo": ["x"]})
    assert accepted_log.parse_entry(entry(later)).draft == DRAFT


def test_an_entry_of_an_earlier_version_is_read_with_what_it_has() -> None:
    assert accepted_log.parse_entry(entry(b'{"senderId": "anna", "receiverId": "bert"}')).draft == Draft("anna", "bert")


@pytest.mark.parametrize(
    "raw",
    [
        entry(b""),
        entry(b"no json"),
        entry(b"null"),
        entry(b"5"),
        entry(b"{}"),
        entry(b'{"senderId": "anna"}'),
        entry(b'["anna", "bert"]'),
        entry(b'["anna", "bert", "", null, null, "", "more"]'),
        (NAME, {accepted_log.DRAFT: b"{}"}),
        (NAME, {accepted_log.ENTROPY: b"0"}),
        (NAME, {}),
    ],
)
def test_what_is_no_entry_is_refused_as_its_docstring_says(raw: accepted_log.RawEntry) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        accepted_log.parse_entry(raw)


def test_a_receipt_names_its_message_and_is_read_as_it_is_written() -> None:
    receipt = Receipt(NAME.decode(), ENTROPY)
    assert accepted_log.parse_receipt(str(receipt).encode()) == receipt
    assert str(receipt) == NAME.decode() + accepted_log.receipt_suffix(ENTROPY)
    assert accepted_log.receipt_of(receipt.message_id) == receipt
    with pytest.raises(ValueError, match="receipt"):
        accepted_log.parse_receipt(NAME)
