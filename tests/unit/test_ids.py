from hypothesis import given
from hypothesis import strategies as st

from chat import ids

entries = st.tuples(st.integers(0, 2**48 - 1), st.integers(0, 2**16 - 1))


@given(entries, entries)
def test_ids_sort_as_their_log_entries(one: tuple[int, int], other: tuple[int, int]) -> None:
    low, high = sorted([one, other])
    if low != high:
        assert ids.message_id(f"{low[0]}-{low[1]}", "f" * 16) < ids.message_id(f"{high[0]}-{high[1]}", "0" * 16)


@given(entries)
def test_an_id_leads_back_to_its_log_entry(entry: tuple[int, int]) -> None:
    name, entropy = f"{entry[0]}-{entry[1]}", ids.new_entropy("anna:bert")
    made = ids.message_id(name, entropy)
    assert ids.is_id(made)
    assert (ids.entry_id(made), ids.entropy(made), ids.milliseconds(made)) == (name, entropy, entry[0])
    assert ids.lowest_id(entry[0]) <= made
    assert entry[0] == 2**48 - 1 or made < ids.lowest_id(entry[0] + 1)


@given(st.text(), entries)
def test_an_id_tells_the_hash_of_its_conversation(conversation: str, entry: tuple[int, int]) -> None:
    made = ids.message_id(f"{entry[0]}-{entry[1]}", ids.new_entropy(conversation))
    assert ids.hash_in(made) == ids.conversation_hash(conversation) < 256


def test_conversations_keep_their_hash_for_ever() -> None:
    assert [ids.conversation_hash(each) for each in ("", "anna:bert")] == [0, 178]


@given(st.text(max_size=30))
def test_only_ids_are_ids(text: str) -> None:
    assert not ids.is_id(text) or ids.message_id(ids.entry_id(text), ids.entropy(text)) == text


def test_what_is_larger_than_the_format_is_no_id() -> None:
    assert not ids.is_id("8" + "Z" * 25)
    assert not ids.is_id("01m86dfwm800097a99rznj262c")


def test_timestamps_are_rfc_3339_with_milliseconds() -> None:
    assert ids.timestamp(1_700_000_000_007) == "2023-11-14T22:13:20.007Z"
