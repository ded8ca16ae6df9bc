"""Which characters show, and what file names keep of what people give; needs no server."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.audio.names import NAME_LIMIT, clean_name
from chat.text import characters

MIMETYPE = "audio/webm"


@pytest.mark.parametrize(
    ("given_name", "cleaned"),
    [
        ("memo\u202egpj.webm", "memogpj.webm"),
        ("me\u200bmo\ufeff.webm", "memo.webm"),
        ("memo\ufe0f\u034f.webm", "memo.webm"),
        ("  my \u3000 memo\t.webm ", "my memo .webm"),
        ("\ufe0f\u3164", "voice.webm"),
        ("\u2800", "voice.webm"),
        ("نامه\u200cها.mp3", "نامه\u200cها.mp3"),
        ("ශ්\u200dරී.ogg", "ශ්\u200dරී.ogg"),
        ("👩\u200d💻.wav", "👩\u200d💻.wav"),
        ("❤\ufe0f.wav", "❤\ufe0f.wav"),
        ("..\\..\\etc/passwd", "passwd"),
        ("e\u0301lan.mp3", "élan.mp3"),
    ],
)
def test_a_file_name_keeps_what_shows(given_name: str, cleaned: str) -> None:
    assert clean_name(given_name, MIMETYPE) == cleaned


@given(st.text(max_size=150))
def test_a_file_name_shows_something_fits_and_is_harmless_whatever_is_given(given_name: str) -> None:
    cleaned = clean_name(given_name, MIMETYPE)
    assert 1 <= len(cleaned) <= NAME_LIMIT
    assert not characters.is_blank(cleaned)
    assert not set(cleaned) & set("/\\\0\r\n")
    assert not any(unicodedata.bidirectional(each) in ("RLO", "LRO", "RLE", "LRE", "RLI", "LRI") for each in cleaned)


@given(st.text())
def test_a_text_is_blank_if_and_only_if_each_of_its_characters_is(text: str) -> None:
    assert characters.is_blank(text) == all(map(characters.is_blank, text))


@given(st.text(alphabet=st.characters(categories=["Cc", "Cf", "Zs", "Zl", "Zp"])))
def test_controls_and_blanks_alone_are_blank_except_signs_of_numbers(text: str) -> None:
    shown = {each for each in text if unicodedata.category(each) == "Cf" and not characters.is_blank(each)}
    assert all(unicodedata.bidirectional(each) in ("AN", "AL", "L", "ON") for each in shown)


@given(st.text())
def test_what_is_stray_is_left_out_and_nothing_else(text: str) -> None:
    cleaned = characters.without_stray(text)
    assert len(cleaned) == len(text) - len(characters.stray(text))
