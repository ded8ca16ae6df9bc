"""Which usernames are allowed, and which are one and the same; needs no server."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.errors import Invalid
from chat.people.accounts import clean_username
from chat.text import looks
from chat.text.names import is_reserved

INVISIBLE = {
    "alone": ["\ufe0f", "\u200b", "\u3164", "\u2800", "\u00ad", "\u115f\u1160", "\U000e0041", "\u0301", "\u180e"],
    "after a letter": [
        "anna\ufe0f",
        "anna\u034f",
        "anna\u180b",
        "anna\u200d",
        "anna\u200c",
        "an\u2060na",
        "anna\u00ad",
    ],
    "of direction": ["\u202eanna", "an\u2066na", "anna\u200e", "\u061canna", "anna\u202c"],
    "of another time": ["anna\u206a", "anna\ufff9", "anna\U0001d173", "anna\U000e0100", "anna\u17b4", "an\x07na"],
    "of emoji in letters": ["a\u200db", "anna\U000e007f", "1\ufe0f", "\u200d👩", "👩\u200d", "👩\ufe0f\ufe0f"],
    "joiners where no script wants them": ["می\u200c\u200cخواهم", "\u200cمی", "د\u200cا", "anna\u200cb", "क\u200d"],
}
WANTED = [
    *("می\u200cخواهم", "نامه\u200cها", "ශ්\u200dරී", "ක්\u200dෂේම", "क्\u200dष", "क्\u200cष", "ന്\u200d", "বাং্\u200cলা"),
    *(
        "👩\u200d💻",
        "❤\ufe0f",
        "👨\u200d👩\u200d👧\u200d👦",
        "🏳\ufe0f\u200d🌈",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    ),
    *("🇩🇪", "1\ufe0f\u20e3", "👍🏽", "Anna 👩🏽\u200d🚀", "葛\U000e0100城", "ᠮᠣ\u180bᠩ", "☺\ufe0e"),
]


@pytest.mark.parametrize("name", [name for group in INVISIBLE.values() for name in group])
def test_what_nobody_sees_is_refused_where_no_script_wants_it(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_username(name)
    assert refused.value.field == "username"


@pytest.mark.parametrize("name", WANTED)
def test_joiners_and_variations_are_fine_where_a_script_or_an_emoji_wants_them(name: str) -> None:
    assert clean_username(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *[("Anna", "anna"), ("paypal", "paypaI"), ("paypal", "PAYPAL"), ("PAYPAL", "PayPaI"), ("anna", "аnnа")],
        *[
            ("scope", "ѕсоре"),
            ("mike", "rnike"),
            ("bob", "Ьоb"),
            ("ﬁona", "fiona"),
            ("Ａnna", "anna"),
            ("𝐀nna", "anna"),
        ],
        *[("anna", "anna\ufe0f"), ("anna", "an\u034fna"), ("anna", "anna\u180b"), ("👩‍💻", "👩💻"), ("❤", "❤\ufe0f")],
        *[("می‌خواهم", "میخواهم"), ("e\u0301va", "éva"), ("0livia", "Olivia"), ("ana1", "anal"), ("Οla", "Ola")],
        *[("a-b", "a‐b"), ("o'neil", "o’neil"), ("anna b", "anna\u3000b"), ("ʟena", "ʟena")],
    ],
)
def test_names_that_look_alike_have_a_key_in_common(one: str, other: str) -> None:
    assert set(looks.keys(one)) & set(looks.keys(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anna", "anne"),
        ("anna", "anna2"),
        ("ben", "bén"),
        ("anna b", "annab"),
        ("иван", "иванa"),
        ("👩", "👨"),
        ("王", "玉"),
    ],
)
def test_names_that_look_different_have_none_in_common(one: str, other: str) -> None:
    assert not set(looks.keys(one)) & set(looks.keys(other))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "pаypal",
            "аnna",
            "Аdmіn x",
            "scоpe",
            "Ѕam",
            "googΙe",
            "Ολiva",
            "ՕՕla",
            "ᏢaypaᏞ",
            "микe",
            "αlpha-bеta",
            "Bοb",
        ),
        *("１2٣", "7७", "a\u0301\u0301", "Z\u0335\u0336\u0337\u0338\u0334algo"),
    ],
)
def test_words_that_mix_scripts_with_letters_alike_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        clean_username(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Анна Anna",
            "Иван-Ivan",
            "東京タワー",
            "ハリーPotter",
            "김Kim",
            "Ünal Öz",
            "Đặng Thị",
            "Łódź",
            "محمد علی",
            "O’Neil",
        ),
        *(
            "דוד Ben",
            "สมชาย",
            "Νίκος",
            "Արամ",
            "ნინო",
            "ቴዲ",
            "李Li",
            "user_7",
            "...",
            ".a",
            "a..",
            "a.b",
            "Ad@",
            "µ-wave",
        ),
        *("အောင်", "សុខា", "ສົມ", "तनवी", "அருண்", "ස්", "ꦱꦠꦾ"),
    ],
)
def test_names_of_the_world_are_fine(name: str) -> None:
    assert clean_username(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Deleted account",
            "deleted  ACCOUNT",
            "Deleted\u2003account",
            "Deleted-account",
            "DeIeted account",
            "deleted acc0unt",
        ),
        *("Dеlеtеd ассоunt", "Chattergram", "chatter gram", "CHATTERGRAM team", "Chattergrarn", "the_chattergram_bot"),
        *("ｃｈａｔｔｅｒｇｒａｍ", "Admin", "adrnin", "ADM1N", "Support", "System", "Security", "𝐌oderator"),
    ],
)
def test_what_imitates_the_product_is_reserved(name: str) -> None:
    with pytest.raises(Invalid):
        clean_username(name)


@pytest.mark.parametrize(
    "name", ["Adminah", "Supporter", "chatter", "Deleted", "accountant", "Systema", "anna support"]
)
def test_what_only_resembles_the_product_is_not(name: str) -> None:
    assert not is_reserved(name)


@pytest.mark.parametrize("name", [".", "..", " .. ", "", "   ", "\u3000", "x" * 33])
def test_names_that_no_address_or_list_can_show_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        clean_username(name)


@pytest.mark.parametrize(
    "name", ["anna  maria", " anna\u3000maria ", "anna\u00a0maria", "anna \t \u2800maria", "anna\u2003maria"]
)
def test_blanks_are_collapsed(name: str) -> None:
    assert clean_username(name) == "anna maria"


@given(st.text(min_size=1, max_size=12))
def test_what_is_allowed_stays_as_it_is_and_shows(name: str) -> None:
    try:
        cleaned = clean_username(name)
    except Invalid:
        return
    assert clean_username(cleaned) == cleaned
    assert all(key.strip() for key in looks.keys(cleaned))


@given(
    st.text(alphabet=st.characters(categories=["L"]), min_size=1, max_size=8),
    st.sampled_from("\ufe0f\u034f\u180b\u200b\u2060\u00ad\u3164"),
)
def test_nothing_that_is_ignored_makes_a_second_name(name: str, ignored: str) -> None:
    for second in (name + ignored, ignored + name):
        try:
            cleaned = clean_username(second)
        except Invalid:
            continue
        assert set(looks.keys(cleaned)) & set(looks.keys(name))
