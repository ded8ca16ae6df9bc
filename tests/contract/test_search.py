"""Search: whole words, prefixes, small typing errors, any script; best first; only in one's own conversations."""

import secrets

import pytest

from tests.client import Client, Person
from tests.contract.conftest import eventually
from tests.contract.shapes import HIT, MOMENT, check_problem


@pytest.fixture(scope="module")
def me(server: Client) -> Person:
    return server.sign_up("searcher")


@pytest.fixture(scope="module")
def friend(server: Client) -> Person:
    return server.sign_up("friend")


SAID = {
    "harbour": "We meet at the harbour tomorrow",
    "greeting": "Grüße aus Málaga, señor",
    "plus": "I write c++ and c# for $5 an hour, 100% sure",
    "cjk": "今日は東京で会いましょう",
    "thai": "สวัสดีครับ",
    "cyrillic": "Привет из Ёлкино",
    "arabic": "مرحبا بالعالم",
    "emoji": "party 🎉🎉 tonight 👩‍👩‍👧‍👦",
    "joined": "a well-known e-mail: ada@example.org, https://example.org/path?x=1",
    "stop": "to be or not to be",
    "number": "call 555-0199 at 12:30",
    "numeric": "version 3.11.4",
    "apostrophe": "don't panic, it's l'été",
    "long": "supercalifragilisticexpialidocious" * 2,
}

FOUND = [
    ("harbour", "harbour"),
    ("HARBOUR", "harbour"),
    ("harb", "harbour"),
    ("ha", "harbour"),
    ("harbuor", None),  # two errors
    ("harbor", "harbour"),
    ("harbours", "harbour"),
    ("hxrbour", "harbour"),
    ("tomorrow harbour", "harbour"),
    ("harbour yesterday", None),
    ("harbour!?", "harbour"),
    ("grusse", "greeting"),
    ("grüße", "greeting"),
    ("GRÜSSE", "greeting"),
    ("malaga", "greeting"),
    ("Málaga", "greeting"),
    ("ma\u0301laga", "greeting"),
    ("senor", "greeting"),
    ("señ", "greeting"),
    ("c++", "plus"),
    ("C++", "plus"),
    ("c#", "plus"),
    ("$5", "plus"),
    ("5", "plus"),
    ("100%", "plus"),
    ("東京", "cjk"),
    ("京", "cjk"),
    ("会いましょう", "cjk"),
    ("大阪", None),
    ("สวัสดี", "thai"),
    ("привет", "cyrillic"),
    ("елкино", "cyrillic"),
    ("مرحبا", "arabic"),
    ("🎉", "emoji"),
    ("party", "emoji"),
    ("well-known", "joined"),
    ("known", "joined"),
    ("e-mail", "joined"),
    ("ada@example.org", "joined"),
    ("example", "joined"),
    ("not to be", "stop"),
    ("the", "harbour"),
    ("555-0199", "number"),
    ("0199", "number"),
    ("12:30", "number"),
    ("3.11", "numeric"),
    ("3.11.4", "numeric"),
    ("dont", "apostrophe"),
    ("don't", "apostrophe"),
    ("don’t", "apostrophe"),
    ("ete", "apostrophe"),
    ("supercali", "long"),
    ("supercalifragilisticexpialidocious" * 2, "long"),
]


@pytest.fixture(scope="module")
def said(me: Person, friend: Person) -> dict[str, str]:
    """Message ids by topic; every second message is the friend's."""
    made = {}
    for number, (topic, text) in enumerate(SAID.items()):
        sender, receiver = (me, friend) if number % 2 else (friend, me)
        made[topic] = sender.post(receiver, text)["_id"]
    eventually(lambda: len(me.history(friend)) == len(SAID), "all messages")
    return made


def chats(person: Person, query: str) -> list[str]:
    """The messages among the hits; people come before them, and this server has many."""
    return [hit["_id"] for hit in person.get("/search", q=query, limit=100) if hit["type"] == "chat"]


@pytest.mark.parametrize(("query", "topic"), FOUND)
def test_words_beginnings_and_small_errors_are_found(
    me: Person, friend: Person, said: dict[str, str], query: str, topic: str | None
) -> None:
    for person in (me, friend):
        if topic is None:
            assert chats(person, query) == []
        else:
            assert said[topic] in chats(person, query)


def test_a_hit_has_the_contracts_fields(me: Person, friend: Person, said: dict[str, str]) -> None:
    for person, partner in ((me, friend), (friend, me)):
        (hit,) = [each for each in person.get("/search", q="harbour") if each["type"] == "chat"]
        assert hit.keys() == HIT
        assert hit["_id"] == said["harbour"]
        assert hit["text"] == SAID["harbour"]
        assert hit["partnerId"] == partner.id
        assert MOMENT.fullmatch(hit["dateSent"])
        assert hit["audioFileId"] is None
    (person_hit,) = me.get("/search", q=friend.user["username"])
    assert person_hit == {
        "type": "user",
        "_id": friend.id,
        "text": friend.user["username"],
        "partnerId": friend.id,
        "dateSent": None,
        "audioFileId": None,
    }


LEGAL = [
    *("", " ", "*", "-", "-harbour", "!harbour", "~harbour", "harbour*", "%harbour%", "%%%harbour%%%", '"harbour"'),
    *("'", "(", ")", "((", "|", "harbour|x", "harbour | *", "@terms:harbour", "@senderId:{*}", "@senderId:*", "[0 1]"),
    *("ismissing(@terms)", "{}", "=>", "$weight", "=>[KNN 1 @v $b]", "\\", "\\\\", "\0", "\n", "\u202e", "\ufeff"),
    *("😀", "%", "%00", "AND OR NOT", "harbour\0", "x" * 4_000, "a " * 2_000, "() => { $weight: 5; }", "w", "x", "x68"),
    *("whar", "FT.SEARCH", "؟", "。", "---"),
]


@pytest.mark.parametrize("query", LEGAL)
def test_any_text_is_a_legal_query(me: Person, said: dict[str, str], query: str) -> None:
    hits = me.get("/search", q=query)
    assert {hit["_id"] for hit in hits if hit["type"] == "chat"} <= set(said.values())


INJECTED = [
    *(
        "*",
        "-x",
        "@senderId:{*}",
        "@receiverId:{*}",
        "ismissing(@terms)",
        "harbour) | (@terms_fts:*",
        "} | *",
        "\\",
        "%%",
    ),
    *("@senderId:{ {friend} }", "{friend}", "{me}", "{harbour}", "w*", "a | *", "(-x)", "=> { $inorder: true }", "'*'"),
]


@pytest.mark.parametrize("query", INJECTED)
def test_no_query_shows_what_is_others(
    me: Person, friend: Person, eve: Person, said: dict[str, str], query: str
) -> None:
    """Anything that looks like syntax is text: a stranger finds neither the two's messages nor their emails."""
    for name, value in (("{friend}", friend.id), ("{me}", me.id), ("{harbour}", said["harbour"])):
        query = query.replace(name, value)
    for variant in (query, f"harbour {query}", f"{query} harbour", f"harbour) | ({query}"):
        response = eve.request("GET", "/search", params={"q": variant, "limit": 100})
        assert response.status_code == 200
        assert [hit for hit in response.json() if hit["type"] == "chat"] == []
        assert "@example.org" not in response.text


def test_people_are_found_by_their_names_but_not_by_their_emails(server: Client, me: Person) -> None:
    tail = secrets.token_hex(4)
    person = server.sign_up()
    person.call("PATCH", "/user/me", json={"username": f"Zoë {tail}"})
    for query in (f"zoe {tail}", tail, tail[:5], f"Zoë {tail}"):
        assert person.id in [hit["_id"] for hit in me.get("/search", q=query) if hit["type"] == "user"]
    assert me.get("/search", q=person.user["email"]) == []


def test_best_comes_first(server: Client, me: Person) -> None:
    """Exact matches come before prefixes, those before typing errors, and people before messages."""
    partner, tail = server.sign_up(), secrets.token_hex(3)
    word = f"orange{tail}"
    exact = me.post(partner, f"{word} juice")["_id"]
    beginning = me.post(partner, f"{word}ade and more of it")["_id"]
    error = me.post(partner, f"{word[:-1]}z and more of it")["_id"]
    last = me.post(partner, "something else entirely")["_id"]
    eventually(lambda: me.history(partner)[-1:] and me.history(partner)[-1]["_id"] == last, "the messages")
    assert chats(me, word) == [exact, beginning, error]
    named = server.sign_up(word)
    hits = me.get("/search", q=word)
    assert [hit["_id"] for hit in hits] == [named.id, exact, beginning, error]


def test_pages_of_hits_neither_overlap_nor_leave_any_out(server: Client) -> None:
    me, partner, word = server.sign_up(), server.sign_up(), f"page{secrets.token_hex(4)}"
    people = {server.sign_up(word).id for _ in range(3)}
    sent = {me.post(partner, f"{word} number {number}")["_id"] for number in range(8)}
    eventually(lambda: len(me.history(partner)) == 8, "the messages")
    assert {hit["_id"] for hit in me.get("/search", q=word)} == people | sent
    pages = [me.get("/search", q=word, limit=4, offset=offset) for offset in (0, 4, 8, 12)]
    assert [len(page) for page in pages] == [4, 4, 3, 0]
    found = [hit["_id"] for page in pages for hit in page]
    assert len(found) == len(set(found))
    assert set(found) == people | sent
    assert {hit["type"] for hit in pages[0][:3]} == {"user"}


def test_the_limit_is_20_unless_asked_and_at_most_100(server: Client) -> None:
    me, partner, word = server.sign_up(), server.sign_up(), f"many{secrets.token_hex(4)}"
    for number in range(105):
        me.post(partner, f"{word} {number}")
    eventually(lambda: len(me.history(partner)) == 105, "the messages")
    assert len(me.get("/search", q=word)) == 20
    assert len(me.get("/search", q=word, limit=100)) == 100
    assert len(me.get("/search", q=word, limit=100, offset=100)) == 5
    check_problem(me.request("GET", "/search", params={"q": word, "limit": 101}), 422)


def test_a_beginning_is_found_however_many_words_of_others_begin_so(server: Client) -> None:
    """RediSearch expands a prefix to a limited number of words; other people's must not crowd out the user's own."""
    one, other, me, friend = (server.sign_up() for _ in range(4))
    start = f"crowd{secrets.token_hex(3)}"
    for block in range(3):
        one.post(other, " ".join(f"{start}{block}{number:03}" for number in range(240)))
    own = me.post(friend, f"{start}zzz")["_id"]
    eventually(lambda: me.history(friend), "the message")
    assert chats(me, start) == [own]
    assert chats(me, f"{start}zzy") == [own]


def test_a_message_is_found_as_soon_as_it_is_in_the_history(me: Person, friend: Person) -> None:
    word = f"soon{secrets.token_hex(4)}"
    message_id = me.post(friend, word)["_id"]
    eventually(lambda: message_id in [each["_id"] for each in me.history(friend)], "the message")
    eventually(lambda: chats(friend, word) == [message_id], "the hit", 1)


def test_corrections_and_deletions_are_found_or_not_at_once(me: Person, friend: Person) -> None:
    old, new = f"old{secrets.token_hex(4)}", f"new{secrets.token_hex(4)}"
    message_id = me.post(friend, old)["_id"]
    me.call("PATCH", f"/chat/message/{message_id}", json={"text": new})
    assert (chats(me, old), chats(me, new)) == ([], [message_id])
    me.call("DELETE", f"/chat/message/{message_id}", 204)
    assert (chats(me, old), chats(me, new)) == ([], [])


def test_a_search_within_a_conversation_finds_only_its_messages(client: Client) -> None:
    me, one, other = client.sign_up("me"), client.sign_up("one"), client.sign_up("other")
    me.post(one, "lanterns by the lake")
    one.post(me, "which lanterns")
    other.post(me, "lanterns elsewhere")
    eventually(lambda: len(me.get("/search", q="lanterns")) == 3, "three hits")
    hits = me.get("/search", q="lanterns", partnerId=one.id)
    assert [(hit["type"], hit["partnerId"]) for hit in hits] == 2 * [("chat", one.id)]
    assert other.get("/search", q="lanterns", partnerId=one.id) == []
    check_problem(me.request("GET", "/search", params={"q": "lanterns", "partnerId": "} | @x:{y"}), 422)
