"""Search finds what was said in the user's own conversations, and never anything else."""

import random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from chat.errors import Invalid
from chat.messages import search
from chat.store import hot, keys
from chat.store.connection import Stores
from chat.store.search_terms import Asked
from chat.upkeep.reindex import reindex
from tests.people import change, drain, key_of, partition_of, send, someone

TEXTS = [
    "The quick brown fox",
    "I write c++ and c",
    "Lunch was $5",
    "今天天气很好",
    "Crème brûlée in Zürich",
    "Добрый вечер, Москва",
    "well-known facts",
]


@pytest.fixture(autouse=True)
def texts(stores: Stores, pair: tuple[str, str]) -> None:
    """Stores what Anna has written to Bert."""
    for text in TEXTS:
        send(stores, *pair, text)
    drain(stores)


def found(stores: Stores, user: str, text: str) -> list[str]:
    return [hit["text"] for hit in search.search(stores, user, text, 20, 0) if hit["type"] == "chat"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("quick", 0),
        ("QUI", 0),
        ("quick cat", None),
        ("quik", 0),
        ("kuick", 0),
        ("quickk", 0),
        ("quijk", 0),
        ("kwick", None),  # two errors
        ("fax", None),  # three letters
        ("luch", 2),  # four
        ("bown", 0),
        ("the", 0),
        ("c++", 1),
        ("$5", 2),
        ("天气", 3),
        ("creme brulee", 4),
        ("ZÜRICH", 4),
        ("вечер", 5),
        ("моск", 5),
        ("known", 6),
        ("well-known", 6),
    ],
)
def test_words_are_found(stores: Stores, pair: tuple[str, str], query: str, expected: int | None) -> None:
    for reader in pair:
        assert found(stores, reader, query) == ([] if expected is None else [TEXTS[expected]])


@pytest.mark.parametrize(
    "query",
    [
        "*",
        "-fox",
        "@senderId:{*}",
        "fox|the",
        '"',
        "(",
        "%%",
        "=>",
        "~",
        "[0 inf]",
        "}) | (@terms_fts:*",
        "\0",
        "\\",
        "---",
    ],
)
def test_search_syntax_is_text(stores: Stores, pair: tuple[str, str], query: str) -> None:
    stranger = someone(stores, "carl")
    assert found(stores, stranger, query) == []
    assert set(found(stores, pair[0], query)) <= set(TEXTS)


@rules(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(max_size=60))
def test_any_text_is_a_legal_query_and_shows_strangers_nothing(
    stores: Stores, pair: tuple[str, str], query: str
) -> None:
    with patch.object(search, "TIMEOUT_MS", 60_000):  # how long it takes is not the question here
        assert found(stores, "01ARZ3NDEKTSV4RRFFQ69G5FAV", query) == []
        search.search(stores, pair[0], query, 20, 0)


def test_people_are_found_by_their_names(stores: Stores, pair: tuple[str, str]) -> None:
    emile = someone(stores, "Bert Émile")
    hits = search.search(stores, pair[0], "emile", 20, 0)
    assert [(hit["type"], hit["_id"], hit["text"]) for hit in hits] == [("user", emile, "Bert Émile")]


def test_the_whole_word_comes_before_its_beginning(stores: Stores, pair: tuple[str, str]) -> None:
    for text in ("foxes foxtrot", "fox"):
        send(stores, *pair, text)
    drain(stores)
    assert found(stores, pair[0], "fox")[2:] == ["foxes foxtrot"]


def test_pages_of_hits_neither_overlap_nor_miss(stores: Stores, pair: tuple[str, str]) -> None:
    someone(stores, "apple seller")
    for n in range(25):
        send(stores, *pair, f"apple {n}")
    drain(stores)
    pages = [search.search(stores, pair[0], "apple", 10, offset) for offset in (0, 10, 20)]
    assert [len(page) for page in pages] == [10, 10, 6]
    assert len({hit["_id"] for page in pages for hit in page}) == 26


def test_what_was_said_is_found_with_the_times_of_its_words(stores: Stores, pair: tuple[str, str]) -> None:
    message = send(stores, *pair, "placeholder")
    drain(stores)
    words = [{"word": "Meet", "start": 0.1, "end": 0.4}, {"word": "tomorrow.", "start": 0.5, "end": 0.9}]
    fields = {"text": "Meet tomorrow.", "words": words}
    change(stores, message["_id"], fields)
    hits = search.search(stores, pair[1], "tomorow", 20, 0)
    assert [hit["words"] for hit in hits] == [[words[1]]]


def test_a_deleted_message_is_not_found(stores: Stores, pair: tuple[str, str]) -> None:
    message = send(stores, *pair, "zebra")
    drain(stores)
    assert found(stores, pair[1], "zebra") == ["zebra"]
    change(stores, message["_id"], {"text": "", "deletedAt": "now"})
    assert found(stores, pair[1], "zebra") == []
    assert hot.read_messages(stores, [message["_id"]])[0] is not None


def test_only_the_first_sixteen_words_of_a_query_count(stores: Stores, pair: tuple[str, str]) -> None:
    words = [letter * 6 for letter in "abcdefghijklmnopqr"]  # none is another with an error
    send(stores, *pair, " ".join(words[: search.MAX_TOKENS]))
    drain(stores)
    assert search.MAX_TOKENS == 16
    assert len(found(stores, pair[0], " ".join(words))) == 1
    assert found(stores, pair[0], " ".join([*words[:15], "unheard", *words[15:]])) == []


@pytest.mark.parametrize("word", ["a", "co", "的", "ก", "😀", "house"])
def test_a_word_typed_thousands_of_times_makes_no_longer_a_query(word: str) -> None:
    for text in (f"{word} " * 4_000, word * 4_000, f"{word} {word}x " * 2_000):
        parts = search._parts(text)
        assert 0 < sum(len(part.words) for part in parts) <= search.MAX_LENGTH == 64
        assert sum(map(len, search._ranks(parts))) < 20_000


def test_a_word_that_was_said_is_marked_by_the_rules_it_is_found_by(stores: Stores, pair: tuple[str, str]) -> None:
    message = send(stores, *pair, "placeholder")
    drain(stores)
    said = ["Quickest", "box", "Luncheon", "lunch", "fox", "zürich"]
    words = [{"word": word, "start": n / 10, "end": n / 10 + 0.1} for n, word in enumerate(said)]
    change(stores, message["_id"], {"text": " ".join(said), "words": words})

    def marked(query: str) -> list[str]:
        hits = search.search(stores, pair[1], query, 20, 0)
        return [word["word"] for hit in hits if hit["_id"] == message["_id"] for word in hit.get("words", [])]

    assert marked("lunch") == ["Luncheon", "lunch"]
    assert marked("lnuch box") == []
    assert marked("luch fax") == []
    assert marked("fox") == ["fox"], "and not the box"
    assert marked("luch box") == ["box", "lunch"]
    assert marked("lunhch ZURICH") == ["lunch", "zürich"]


def test_an_index_that_is_missing_says_so(stores: Stores) -> None:
    assert search.ready(stores)
    stores.redis.execute_command("FT.DROPINDEX", keys.message_index(1))
    assert not search.ready(stores)


def test_reindexing_makes_terms_anew_and_leaves_what_was_changed_meanwhile(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [send(stores, *pair, f"zebra {n}")["_id"] for n in range(2)]
    drain(stores)
    for each in sent:
        stores.redis.execute_command("JSON.SET", key_of(stores, each), ".terms", '"wbroken"')
    assert found(stores, pair[0], "zebra") == []
    replace_terms = stores.scripts.replace_terms

    def change_and_replace(**call: Any) -> Any:
        change(stores, sent[1], {"text": "giraffe"})
        return replace_terms(**call)

    with monkeypatch.context() as patched:
        patched.setattr(stores.scripts, "replace_terms", change_and_replace)
        assert reindex(stores) == 1
    assert found(stores, pair[0], "zebra") == ["zebra 0"]
    assert found(stores, pair[0], "giraffe") == ["giraffe"]
    assert reindex(stores) == 0


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("fox qui", 0),
        ("qui fox", None),  # only the last word may be incomplete
        ("f", None),  # a single letter
        ("c", 1),  # unless it is the word
        ("天", 3),
    ],
)
def test_only_the_last_word_is_a_prefix_and_a_single_letter_never(
    stores: Stores, pair: tuple[str, str], query: str, expected: int | None
) -> None:
    assert found(stores, pair[0], query) == ([] if expected is None else [TEXTS[expected]])


def test_numbers_match_without_errors(stores: Stores, pair: tuple[str, str]) -> None:
    send(stores, *pair, "flight 123456")
    drain(stores)
    assert found(stores, pair[0], "123456 flight") == ["flight 123456"]
    assert found(stores, pair[0], "123457") == []


def test_only_the_longest_words_of_a_query_may_have_errors(stores: Stores, pair: tuple[str, str]) -> None:
    text = "alphabet elephant dinosaur kangaroo bird"
    send(stores, *pair, text)
    drain(stores)
    assert found(stores, pair[0], "alphabit elephent dinasaur kangeroo bird") == [text]
    assert found(stores, pair[0], "alphabit elephent dinasaur kangeroo birt") == []


def search_often(stores: Stores, person: str, query: str) -> None:
    """Until one takes too long."""
    for _ in range(50):
        search.search(stores, person, query, 20, 0)


@pytest.mark.parametrize("fails", ["fail", "return"], ids=["as configured", "as a managed Redis may be"])
def test_a_search_that_takes_too_long_is_too_broad_and_never_partial(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    for block in range(20):
        send(stores, *pair, " ".join(f"broad{block:02}{number:02}" for number in range(90)))
    drain(stores)
    assert len(found(stores, pair[0], "broad")) == 20
    stores.redis.execute_command("FT.CONFIG", "SET", "ON_TIMEOUT", fails)
    stores.redis.execute_command("FT.CONFIG", "SET", "MAXPREFIXEXPANSIONS", 10_000)
    monkeypatch.setattr(search, "TIMEOUT_MS", 1)
    monkeypatch.setattr(search, "MAX_TOKENS", 2_000)
    query = " ".join(f"broad{number:02}" for number in range(19)) + " broad"

    def wide(text: str) -> list[search._Part]:
        return [search._Part([search._Word(f"w{each}", True, True)], Asked((f"w{each}",))) for each in text.split()]

    monkeypatch.setattr(search, "_parts", wide)
    try:
        with pytest.raises(Invalid, match="too_broad") as refused:
            search_often(stores, pair[0], query)
        assert refused.value.field == "q"
    finally:
        hot.configure(stores.redis)


def test_a_message_of_made_up_words_takes_memory_in_proportion(stores: Stores, pair: tuple[str, str]) -> None:
    digits = random.Random(7)
    before = stores.redis.info("memory")["used_memory"]
    texts = [" ".join(f"{digits.randrange(16**6):06x}" for _ in range(570)) for _ in range(20)]
    for text in texts:
        send(stores, *pair, text)
    drain(stores)
    assert (stores.redis.info("memory")["used_memory"] - before) / len(texts) < 80_000  # 182,000 without the limit
    assert found(stores, pair[0], texts[3].split()[150]) == [texts[3]]
    assert found(stores, pair[0], texts[3].split()[500]) == []


def test_terms_are_indexed_once(stores: Stores) -> None:
    for model in (hot.User, hot.Message):
        schema = model.redisearch_schema()
        assert schema.count("$.terms") == 1
        assert "$.terms AS terms_fts TEXT NOSTEM" in schema


WORLD = {
    "สวัสดีครับวันนี้อากาศดี": ["อากาศ", "วันนี้", "สวั", "ครับวัน"],
    "မြန်မာနိုင်ငံ၏ရာသီဥတု": ["နိုင်ငံ", "ရာသီ", "မြန်မာ"],
    "ខ្ញុំស្រលាញ់ភាសាខ្មែរ": ["ភាសា", "ខ្មែរ", "ស្រលាញ់"],
    "ພາສາລາວງາມ": ["ລາວ", "ພາສາ"],
    "读了《三体》，很好": ["三体", "《三体》", "很好"],
    "ハリー・ポッターと賢者の石": ["ハリー・ポッター", "ポッター", "賢者", "ﾎﾟｯﾀｰ"],
    "Wycieczka do Łodzi": ["lodzi", "LODZI", "łodz"],
    "Smørrebrød og øl": ["smorrebrod", "øl", "smorebrod"],
    "đường phố": ["duong", "duong pho", "ĐƯỜNG"],
    "IŞIK açık": ["ışık", "isik", "acik"],
    "كتـــاب جميل في ٢٠٢٤": ["کتاب", "كتاب", "2024", "۲۰۲۴"],
    "дав п’ять гривень": ["п'ять", "пʼять", "грывень", "грив"],
    "नमस्ते।आप कैसे हैं": ["नमस्ते", "कैसे", "नमस"],
    "soft\u00adware and zero\u200bwidth": ["software", "zerowidth", "zero\u00adwidth"],
    "jane.doe@example.org, v1.2.3-rc1, +49 170 1234567": ["@example.org", "doe@example.org", "1.2.3", "+491701234567"],
}


def test_the_words_of_all_scripts_are_found(stores: Stores, pair: tuple[str, str]) -> None:
    for text in WORLD:
        send(stores, *pair, text)
    drain(stores)
    missed = [
        (text, query)
        for text, queries in WORLD.items()
        for query in queries
        if text not in found(stores, pair[1], query)
    ]
    assert missed == []


def test_letters_of_a_script_without_blanks_must_stand_in_a_row(stores: Stores, pair: tuple[str, str]) -> None:
    for text in ("天气好", "好天气", "气象与天空"):
        send(stores, *pair, text)
    drain(stores)
    assert set(found(stores, pair[0], "天气")) == {"天气好", "好天气", TEXTS[3]}


def test_numbers_are_found_without_errors(stores: Stores, pair: tuple[str, str]) -> None:
    for text in ("500", "5010", "5050", "50501", "room b5050c"):
        send(stores, *pair, text)
    drain(stores)
    assert found(stores, pair[0], "5050") == ["5050", "50501"]
    assert found(stores, pair[0], "b5051c") == []


def test_the_best_comes_first_and_the_newer_of_equals(stores: Stores, pair: tuple[str, str]) -> None:
    ranked = [
        *("good morning", "a good morning to all of you out there", "good morning"),
        *("morning was good", "good old morning"),
        *("good mornings", "good morningtide"),
        *("good mornimg", "goof morning"),
    ]
    for text in reversed(ranked):
        send(stores, *pair, text)
    drain(stores)
    assert found(stores, pair[0], "good morning") == ranked
    pages = [search.search(stores, pair[0], "good morning", 2, offset) for offset in range(0, 10, 2)]
    assert [hit["text"] for page in pages for hit in page] == ranked


def test_whole_words_of_a_script_without_blanks_come_first(stores: Stores, pair: tuple[str, str]) -> None:
    for text in ("京都に行く", "東京都に行く"):
        send(stores, *pair, text)
    drain(stores)
    assert found(stores, pair[0], "京都") == ["京都に行く", "東京都に行く"]


def test_hits_of_many_conversations_are_merged_newest_first_page_by_page(stores: Stores) -> None:
    dora = someone(stores, "dora")
    others = [someone(stores, f"partner {number}") for number in range(20)]
    sent = [send(stores, dora, other, f"needle {number}")["_id"] for number in range(3) for other in others]
    drain(stores)
    pages = [search.search(stores, dora, "needle", 7, offset) for offset in range(0, 70, 7)]
    assert [hit["_id"] for page in pages for hit in page] == sorted(sent, reverse=True)
    for number, other in enumerate(others):
        own = search.search(stores, other, "needle", 7, 0)
        assert sorted(hit["_id"] for hit in own) == sorted(sent[number :: len(others)])


def test_a_search_asks_only_the_partitions_of_ones_own_conversations(
    stores: Stores, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    run = search._run

    def noted(stores: Stores, index: str, *arguments: Any) -> Any:
        asked.append(index)
        return run(stores, index, *arguments)

    monkeypatch.setattr(search, "_run", noted)
    assert found(stores, pair[0], "quick")
    assert set(asked) == {keys.USER_INDEX, keys.message_index(partition_of(stores, pair))}
    asked.clear()
    assert found(stores, someone(stores, "of no conversation"), "quick") == []
    assert set(asked) == {keys.USER_INDEX}
