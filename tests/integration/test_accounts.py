"""There is one account per email and per name, even under concurrency, and a profile is the same everywhere."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
from argon2 import Parameters, extract_parameters

from chat import frames
from chat.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from chat.people import accounts, restoring, sessions
from chat.people.passwords import Passwords
from chat.store import archive
from chat.store.connection import Document, Stores
from chat.text import looks
from chat.upkeep import erasure
from tests.pubsub import Listener

PASSWORD = "correct horse battery"
NEW_PASSWORD = "staple of correct horses"


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords()


SignUp = Callable[..., Document]


@pytest.fixture
def sign_up(stores: Stores, passwords: Passwords) -> SignUp:
    def made(username: str, email: str = "") -> Document:
        return accounts.sign_up(stores, passwords, email or f"{username}@example.org", username, PASSWORD)

    return made


@pytest.fixture
def anna(sign_up: SignUp) -> str:
    return str(sign_up("Anna")["_id"])


def log_in(stores: Stores, passwords: Passwords, email: str, password: str) -> Document:
    return accounts.log_in(stores, passwords, email, password, lambda _: "a token")[0]


@pytest.fixture
def listener(stores: Stores) -> Iterator[Listener]:
    with Listener(stores, frames.SESSIONS) as opened:
        yield opened


def names(stores: Stores, prefix: str, limit: int = 100, offset: int = 0) -> list[str]:
    return [person["username"] for person in accounts.list_people(stores, "", prefix, limit, offset)]


@pytest.mark.parametrize("name", ["anna", "ANNA", " Anna ", "ａｎｎａ", "Ann\u0061"])
def test_names_are_compared_without_case_and_width(anna: str, sign_up: SignUp, name: str) -> None:
    with pytest.raises(Conflict, match="username"):
        sign_up(name, "other@example.org")


def test_emails_are_compared_without_case(stores: Stores, passwords: Passwords, anna: str, sign_up: SignUp) -> None:
    with pytest.raises(Conflict, match="email"):
        sign_up("other", "ANNA@Example.ORG")
    assert log_in(stores, passwords, " anna@EXAMPLE.org", PASSWORD)["_id"] == anna


@pytest.mark.parametrize("name", ["", "   ", "x" * 33, "a\0b", "a\nb", "a\u202eb", "\u200b", "\ud800", "\u3164"])
def test_a_name_nobody_can_read_is_refused(stores: Stores, sign_up: SignUp, name: str) -> None:
    with pytest.raises(Invalid):
        sign_up(name, "someone@example.org")
    assert stores.mongo.users.count_documents({}) == 0


@pytest.mark.parametrize("name", ["x" * 32, "O'Brien", "José", "明", "Ольга 2", "*", "{$gt}", "a,b:c"])
def test_usernames_may_use_any_script(stores: Stores, sign_up: SignUp, name: str) -> None:
    made = sign_up(name, "someone@example.org")
    assert accounts.get(stores, made["_id"])["username"] == name
    assert names(stores, name) == [name]


def test_a_failed_log_in_reveals_nothing_even_by_the_work_it_takes(
    stores: Stores, passwords: Passwords, anna: str
) -> None:
    worked: list[tuple[str, Parameters]] = []

    def run(function: Callable[..., Any], known: str, *more: str) -> Any:
        worked.append((function.__name__, extract_parameters(known)))
        return function(known, *more)

    counted = Passwords(run)
    refusals = set()
    for email, password in (("anna@example.org", "wrong"), ("nobody@example.org", PASSWORD)):
        with pytest.raises(Unauthorized) as refused:
            log_in(stores, counted, email, password)
        refusals.add(refused.value.sentence)
    assert len(refusals) == 1
    of_anna, of_nobody = worked  # one hash each, as dear as the other; see also `tests/unit/test_passwords.py`
    assert of_anna == of_nobody
    assert log_in(stores, passwords, "anna@example.org", PASSWORD)["_id"] == anna


def test_a_new_password_ends_every_other_session_and_the_old_password(
    stores: Stores, passwords: Passwords, anna: str, listener: Listener
) -> None:
    changes = accounts.Changes(password=NEW_PASSWORD, current_password=PASSWORD)
    accounts.update(stores, passwords, anna, changes, "mine")
    assert sessions.is_valid(stores, anna, "mine", 1)
    assert not sessions.is_valid(stores, anna, "other", 1)
    told = orjson.loads(listener.next(frames.SESSIONS).data)
    assert (told["userId"], told["except"]) == (anna, "mine")
    assert sessions.is_valid(stores, anna, "later", told["before"] + 1)
    with pytest.raises(Unauthorized):
        log_in(stores, passwords, "anna@example.org", PASSWORD)
    assert log_in(stores, passwords, "anna@example.org", NEW_PASSWORD)["_id"] == anna


def test_a_log_in_whose_password_is_changed_meanwhile_fails(stores: Stores, passwords: Passwords, anna: str) -> None:
    """The change comes after the old password was found right, and ends the sessions there are before this one."""

    def issue(user_id: str) -> str:
        changes = accounts.Changes(password=NEW_PASSWORD, current_password=PASSWORD)
        accounts.update(stores, passwords, user_id, changes, "another session")
        return "a token issued after all sessions were ended"

    with pytest.raises(Unauthorized):
        accounts.log_in(stores, passwords, "anna@example.org", PASSWORD, issue)
    assert log_in(stores, passwords, "anna@example.org", NEW_PASSWORD)["_id"] == anna


def test_a_log_in_whose_account_is_deleted_meanwhile_fails(stores: Stores, passwords: Passwords, anna: str) -> None:
    def issue(user_id: str) -> str:
        erasure.leave(stores, passwords, user_id, PASSWORD)
        return "a token"

    with pytest.raises(Unauthorized):
        accounts.log_in(stores, passwords, "anna@example.org", PASSWORD, issue)


@pytest.mark.parametrize("current", [None, "", "wrong"])
def test_a_new_password_needs_the_current_one(
    stores: Stores, passwords: Passwords, anna: str, current: str | None
) -> None:
    changes = accounts.Changes(bio="changed", password=NEW_PASSWORD, current_password=current)
    with pytest.raises(Forbidden):
        accounts.update(stores, passwords, anna, changes, "mine")
    assert log_in(stores, passwords, "anna@example.org", PASSWORD)["bio"] == ""


def test_a_change_that_is_refused_changes_nothing(
    stores: Stores, passwords: Passwords, anna: str, sign_up: SignUp
) -> None:
    sign_up("Bert")
    changes = accounts.Changes("BERT", "new", NEW_PASSWORD, PASSWORD)
    with pytest.raises(Conflict):
        accounts.update(stores, passwords, anna, changes, "mine")
    assert sessions.is_valid(stores, anna, "other", 1)
    user = log_in(stores, passwords, "anna@example.org", PASSWORD)
    assert (user["username"], user["bio"]) == ("Anna", "")


def test_one_may_change_the_case_of_ones_own_name(stores: Stores, passwords: Passwords, anna: str) -> None:
    accounts.update(stores, passwords, anna, accounts.Changes(username="ANNA"), "mine")
    assert names(stores, "") == ["ANNA"]


def test_others_never_see_an_email(stores: Stores, anna: str) -> None:
    public = {"_id", "username", "bio", "online", "lastSeen"}
    assert set(accounts.profiles(stores, "", [anna])[anna]) == public
    stores.redis.flushdb()
    assert set(accounts.profiles(stores, "", [anna])[anna]) == public


def test_people_are_listed_by_the_beginning_of_their_names_in_pages(stores: Stores, sign_up: SignUp) -> None:
    for name in ("Bea", "anton", "Ánna", "Anna", "ANNABEL", "Hanna", "anna-lena"):
        sign_up(name)
    assert names(stores, "ANN") == ["Anna", "anna-lena", "ANNABEL"]
    assert names(stores, "") == ["Anna", "anna-lena", "ANNABEL", "anton", "Bea", "Hanna", "Ánna"]
    assert names(stores, "", 3, 0) + names(stores, "", 3, 3) + names(stores, "", 3, 6) == names(stores, "")


@pytest.mark.parametrize("prefix", ["*", "[", "(", "+", "-", "\xff", "\0", "ann*", "{", "\U0010ffff"])
def test_a_prefix_is_text(stores: Stores, anna: str, prefix: str) -> None:
    assert names(stores, prefix) == []


def test_people_redis_has_forgotten_are_known_from_the_archive(stores: Stores, anna: str) -> None:
    stores.redis.flushdb()
    assert accounts.profiles(stores, "", [anna])[anna]["username"] == "Anna"
    assert sessions.is_valid(stores, anna, "token", 1)
    accounts.require(stores, anna)
    assert accounts.get(stores, anna)["email"] == "Anna@example.org"
    assert names(stores, "") == ["Anna"]


@pytest.mark.parametrize("user_id", ["", "nobody", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "{$gt: ''}", "x" * 1_000])
def test_an_unknown_id_is_no_account(stores: Stores, anna: str, user_id: str) -> None:
    with pytest.raises(NotFound):
        accounts.require(stores, user_id)


def test_an_ended_token_is_no_longer_valid_and_others_are(stores: Stores, anna: str, listener: Listener) -> None:
    sessions.end(stores, anna, "this", 60)
    assert not sessions.is_valid(stores, anna, "this", 1)
    assert sessions.is_valid(stores, anna, "other", 1)
    assert orjson.loads(listener.next(frames.SESSIONS).data) == {"userId": anna, "tokenId": "this"}


@pytest.mark.parametrize("name", ["Αnna", "𝐀nna", "Anna\u3000", "ANNA", "Ａnna"])
def test_names_that_look_alike_are_one(
    stores: Stores, passwords: Passwords, anna: str, sign_up: SignUp, name: str
) -> None:
    with pytest.raises((Conflict, Invalid)):
        sign_up(name, "other@example.org")
    other = str(sign_up("other")["_id"])
    with pytest.raises((Conflict, Invalid)):
        accounts.update(stores, passwords, other, accounts.Changes(username=name), "session")


def test_of_many_who_ask_for_names_alike_at_once_one_gets_it(stores: Stores, sign_up: SignUp) -> None:
    asked = ["paypal", "paypaI", "PAYPAL", "PayPaI", "PAYPAI", "paypa1"]

    def taken(number: int) -> bool:
        try:
            sign_up(asked[number], f"{number}@example.org")
        except Conflict:
            return True
        return False

    with ThreadPoolExecutor(len(asked)) as pool:
        assert sorted(pool.map(taken, range(len(asked)))) == [False, *[True] * (len(asked) - 1)]
    assert stores.mongo.users.count_documents({}) == 1


def test_accounts_from_before_looks_counted_go_on_and_nobody_new_takes_their_look(
    stores: Stores, passwords: Passwords, sign_up: SignUp
) -> None:
    old = {
        name: str(sign_up(f"old{n}", f"{n}@example.org")["_id"]) for n, name in enumerate(["mike", "rnike", "Admin"])
    }
    for name, user_id in old.items():
        fields = {"username": name, "usernameKey": name.casefold()}
        stores.mongo.users.update_one({"_id": user_id}, {"$set": fields, "$unset": {"looks": 1, "looksVersion": 1}})
        restoring.find_user(stores, user_id)
    archive.migrate(stores.mongo)
    archive.migrate(stores.mongo)
    for n, (name, user_id) in enumerate(old.items()):
        assert log_in(stores, passwords, f"{n}@example.org", PASSWORD)["username"] == name
        both = accounts.Changes(username=name, bio="as old clients send both")
        assert accounts.update(stores, passwords, user_id, both, "session")["bio"] == both.bio
    for name in ("mike", "Mike", "rnike", "MIKE"):
        with pytest.raises(Conflict):
            sign_up(name, "new@example.org")
    with pytest.raises(Conflict):
        accounts.update(stores, passwords, old["rnike"], accounts.Changes(username="Mike"), "session")
    renamed = accounts.update(stores, passwords, old["mike"], accounts.Changes(username="Mike"), "session")
    assert renamed["username"] == "Mike"
    assert stores.mongo.users.count_documents({"looksVersion": looks.VERSION}) == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("anna@example.org", "anna@EXAMPLE.org"),
        ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ("anna@xn--bcher-kva.example", "anna@BÜCHER.example"),
        ("anna@example.org", "ANNA@example。org"),
        ("jos\u00e9@example.org", "jose\u0301@example.org"),
    ],
)
def test_ways_to_write_one_email_are_one_account(
    stores: Stores, passwords: Passwords, sign_up: SignUp, first: str, second: str
) -> None:
    made = sign_up("anna", first)
    with pytest.raises(Conflict, match="email"):
        sign_up("other", second)
    for email in (first, second):
        assert log_in(stores, passwords, email, PASSWORD)["_id"] == made["_id"]


@pytest.mark.parametrize(
    "email",
    [
        *(
            "anna@example.org.",
            "anna@example.org\u200b",
            "an\u200bna@example.org",
            "anna@exam\u00adple.org",
            "anna.@example.org",
        ),
        *(
            "anna..b@example.org",
            ".anna@example.org",
            "anna@-example.org",
            "anna@example..org",
            "\u202eanna@example.org",
        ),
    ],
)
def test_what_is_no_email_makes_no_second_account(sign_up: SignUp, email: str) -> None:
    with pytest.raises(Invalid) as refused:
        sign_up("other", email)
    assert refused.value.field == "email"


@pytest.mark.parametrize("stored", ["anna@example.org.", "anna@example.org\u200b", "anna@xn--bcher-kva.example"])
def test_accounts_whose_email_was_never_put_into_normal_form_can_still_log_in(
    stores: Stores, passwords: Passwords, sign_up: SignUp, stored: str
) -> None:
    other = sign_up("other", "anna@example.org")
    made = sign_up("anna", "before@example.org")
    stores.mongo.users.update_one({"_id": made["_id"]}, {"$set": {"email": stored, "emailKey": stored}})
    assert log_in(stores, passwords, stored, PASSWORD)["_id"] == made["_id"]
    assert log_in(stores, passwords, "anna@example.org", PASSWORD)["_id"] == other["_id"]
