import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.store.search_terms import of_message, terms, tokens


@given(st.text())
def test_tokens_hold_nothing_that_redisearch_reads_as_syntax(text: str) -> None:
    assert all(re.fullmatch(r"[wx][a-z0-9]+", token) for token in [*tokens(text), *terms(text).split()])


@given(st.text())
def test_a_text_is_found_by_itself(text: str) -> None:
    assert set(tokens(text)) <= set(terms(text).split())


@pytest.mark.parametrize(
    ("one", "other"),
    [("Élan", "elan"), ("STRASSE", "straße"), ("ﬁn", "fin"), ("c++.", "C++"), ("(hello)", "hello"), ("naïve", "NAIVE")],
)
def test_case_accents_and_marks_around_words_do_not_count(one: str, other: str) -> None:
    assert list(tokens(one)) == list(tokens(other))


def test_words_like_c_plus_plus_are_words_of_their_own() -> None:
    assert list(tokens("c++")) != list(tokens("c"))
    assert set(tokens("c")) < set(terms("c++").split())
    assert list(tokens("$5")) != list(tokens("5"))


def test_each_character_of_a_script_without_spaces_is_a_word() -> None:
    assert len(list(tokens("今天天气"))) == 4
    assert set(tokens("天气")) <= set(terms("今天天气很好").split())


def test_a_deleted_message_is_found_by_nothing() -> None:
    assert of_message({"text": "secret", "words": [{"word": "said"}]}) == "wsecret wsaid"
    assert of_message({"text": "secret", "deletedAt": "2026-01-01T00:00:00.000Z"}) == ""
