"""Which words of a text search takes, and that none of them is syntax."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from chat.store.search_terms import of_message, query, terms, tokens

TOKEN = regex.compile(r"[wd][\p{L}\p{M}\p{N}]+|x[0-9a-f]+")


@given(st.text())
def test_tokens_hold_nothing_that_redisearch_reads_as_syntax(text: str) -> None:
    asked = [part.same for part in query(text) if part.same] + [word for part in query(text) for word in part.words]
    assert all(TOKEN.fullmatch(token) for token in [*tokens(text), *terms(text).split(), *asked])


@given(st.text())
def test_a_text_is_found_by_itself(text: str) -> None:
    assert set(tokens(text)) <= set(terms(text).split(" "))


@given(st.text(max_size=20), st.sampled_from("\u00ad\u200b\u200d\u2060\ufeff\u0640"), st.text(max_size=20))
def test_what_is_ignored_within_words_changes_none(one: str, ignored: str, other: str) -> None:
    assert list(tokens(one + ignored + other)) == list(tokens(one + other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *[
            ("Élan", "elan"),
            ("STRASSE", "straße"),
            ("ﬁn", "fin"),
            ("c++.", "C++"),
            ("(hello)", "hello"),
            ("naïve", "NAIVE"),
        ],
        *[("lodzi", "Łodzi"), ("smorrebrod", "Smørrebrød"), ("duong", "đường"), ("ışık", "IŞIK"), ("isik", "ışık")],
        *[("aether", "Æther"), ("oeuvre", "Œuvre"), ("thorn", "Þorn"), ("hal", "ħal"), ("İstanbul", "istanbul")],
        *[("п'ять", "пʼять"), ("п’ять", "п‘ять"), ("dont", "don’t"), ("O´Neil", "o'neil"), ("g`arb", "gʻarb")],
        *[
            ("كتاب", "كتـــاب"),
            ("کتاب", "كتاب"),
            ("علی", "علي"),
            ("مدرسة", "مدرسه"),
            ("أحمد", "احمد"),
            ("مُحَمَّد", "محمد"),
        ],
        *[
            ("2024", "٢٠٢٤"),
            ("2024", "२०२४"),
            ("2024", "๒๐๒๔"),
            ("2024", "２０２４"),
            ("2024", "۲۰۲۴"),
            ("2024", "𝟐𝟎𝟐𝟒"),
        ],
        *[("word", "wo\u00adrd"), ("word", "wo\u200brd"), ("میخواهم", "می\u200cخواهم"), ("سلام", "ســـلام")],
        *[
            ("שלום", "שָׁלוֹם"),
            ("गाड़ी", "गाडी"),
            ("Ｔｏｋｙｏ", "tokyo"),
            ("ﾎﾟｯﾀｰ", "ポッター"),
            ("ёлка", "елка"),
            ("👍", "👍🏽"),
        ],
    ],
)
def test_ways_to_write_a_word_are_one(one: str, other: str) -> None:
    assert list(tokens(one)) == list(tokens(other))


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        *[
            ("я дав п'ять", "п'ять"),
            ("《三体》很好", "三体"),
            ("ハリー・ポッターと賢者", "ハリー・ポッター"),
            ("ハリー・ポッター", "ハリーポッター"),
        ],
        *[
            ("to jane.doe@example.org", "@example.org"),
            ("to jane.doe@example.org", "doe@example.org"),
            ("cc @kim_lee", "lee"),
        ],
        *[("नमस्ते।कैसे हो", "नमस्ते"), ("ठीक है॥ चलो", "है"), ("ok。好", "ok"), ("ልጅ፡ቤት", "ቤት"), ("الأول،الثاني", "الثاني")],
        *[
            ("call +49 170 1234567", "+491701234567"),
            ("call +491701234567 now", "+49 170 1234567"),
            ("(555) 010-0199", "5550100199"),
        ],
        *[("tel. 030/1234567", "0301234567"), ("+1-202-555-0143", "+12025550143"), ("+49 170 1234567", "1234567")],
        *[
            ("release v1.2.3-rc1", "1.2.3"),
            ("release v1.2.3-rc1", "rc1"),
            ("python3.11", "3.11"),
            ("es sind 1.000.000", "1000000"),
        ],
        *[
            ("in ٢٠٢٤", "2024"),
            ("1,000 people", "1000"),
            ("at 12:30", "12:30"),
            ("١٢٣٤", "١٢٣٤"),
            ("party🎉🎉", "🎉"),
            ("👩‍💻!", "💻"),
        ],
        *[
            ("l'été", "ete"),
            ("rock'n'roll", "roll"),
            ("well-known", "known"),
            ("snake_case", "case"),
            ("a/b testing", "testing"),
        ],
        *[("c++/c#", "c#"), ("costs $5.", "$5"), ("#tag, and more", "#tag"), ("100% sure", "100%"), ("+49", "49")],
    ],
)
def test_a_text_is_found_by(text: str, asked: str) -> None:
    indexed = terms(text).split()
    for part in query(asked):
        assert set(part.row) <= set(indexed) or part.same in indexed


@pytest.mark.parametrize(
    ("text", "word"),
    [
        *[("สวัสดีครับวันนี้อากาศดี", "อากาศ"), ("ฉันชอบกินข้าวผัด", "ข้าว"), ("မြန်မာနိုင်ငံ၏ရာသီဥတု", "နိုင်ငံ"), ("ကျွန်တော်စာဖတ်နေတယ်", "စာ")],
        *[("ខ្ញុំស្រលាញ់ភាសាខ្មែរ", "ភាសា"), ("ខ្ញុំស្រលាញ់ភាសាខ្មែរ", "ខ្មែរ"), ("ພາສາລາວງາມ", "ລາວ"), ("今天天气很好", "天气")],
        *[
            ("東京都に行く", "京都"),
            ("彼はハリーポッターを読む", "ポッター"),
            ("我喜欢三体小说", "三体"),
            ("ひらがなで書く", "がな"),
        ],
    ],
)
def test_words_inside_a_text_without_blanks_stand_in_a_row(text: str, word: str) -> None:
    (asked,) = query(word)
    assert asked.spaceless
    assert " ".join(asked.row) in terms(text)


def test_the_words_of_a_dictionary_are_terms_of_their_own() -> None:
    assert {"dสวัสดี", "dอากาศ"} <= set(terms("สวัสดีครับวันนี้อากาศดี").split())
    assert {"d今天", "d天气"} <= set(terms("今天天气很好").split())


def test_words_like_c_plus_plus_are_words_of_their_own() -> None:
    assert list(tokens("c++")) != list(tokens("c"))
    assert set(tokens("c")) < set(terms("c++").split())
    assert list(tokens("$5")) != list(tokens("5"))


def test_each_character_of_a_script_without_spaces_is_a_token() -> None:
    assert len(list(tokens("今天天气"))) == 4
    assert set(tokens("天气")) <= set(terms("今天天气很好").split())


def test_no_message_has_more_different_terms_than_its_length_allows() -> None:
    for text in (" ".join(f"word{n}" for n in range(500)), "".join(map(chr, range(0x4E00, 0x4E00 + 3_000)))):
        assert len(set(terms(text).split())) == 100 + len(text) // 40


def test_a_deleted_message_is_found_by_nothing() -> None:
    assert of_message({"text": "secret", "words": [{"word": "said"}]}) == "wsecret wsaid"
    assert of_message({"text": "secret", "deletedAt": "2026-01-01T00:00:00.000Z"}) == ""
