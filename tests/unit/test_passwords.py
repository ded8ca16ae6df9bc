"""Verifying a password takes the same work whether or not the account exists, so that timing reveals nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from argon2 import Type, extract_parameters

from chat.people.passwords import Passwords

RIGHT, WRONG = "correct horse battery", "not the password"


class Counted:
    """Calls the given functions, and records the hashes that were verified."""

    def __init__(self) -> None:
        self.verified: list[str] = []

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if arguments and str(arguments[0]).startswith("$argon2"):
            self.verified.append(arguments[0])
        return function(*arguments)


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def passwords(counted: Counted) -> Passwords:
    return Passwords(counted)


def test_a_password_is_verified_against_its_hash_alone(passwords: Passwords) -> None:
    known = passwords.hash(RIGHT)
    assert passwords.verify(known, RIGHT)
    assert not passwords.verify(known, WRONG)
    assert not passwords.verify(passwords.hash(WRONG), RIGHT)
    assert known != passwords.hash(RIGHT), "two people of one password have different hashes"


@pytest.mark.parametrize("password", [WRONG, "nobody's password"])
def test_an_unknown_account_takes_as_much_work_and_never_matches(
    passwords: Passwords, counted: Counted, password: str
) -> None:
    known = passwords.hash(RIGHT)
    assert not passwords.verify(known, password)
    assert not passwords.verify(None, password)
    of_somebody, of_nobody = counted.verified
    assert of_somebody == known
    assert extract_parameters(of_nobody) == extract_parameters(known)


def test_hashes_are_as_expensive_as_owasp_recommends(passwords: Passwords) -> None:
    used = extract_parameters(passwords.hash(RIGHT))
    assert (used.type, used.memory_cost, used.time_cost, used.parallelism) == (Type.ID, 19 * 1024, 2, 1)


@pytest.mark.parametrize("known", ["", "no hash", "$argon2id$v=19$m=19456,t=2,p=1$broken"])
def test_an_unreadable_hash_matches_no_password(passwords: Passwords, known: str) -> None:
    assert not passwords.verify(known, RIGHT)
