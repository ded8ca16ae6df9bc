"""Common passwords are refused, whatever their case; long phrases are not."""

import pytest

from chat.errors import Invalid
from chat.people.passwords import MIN_LENGTH, Passwords, common_passwords


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords()


def test_at_least_ten_thousand_passwords_are_known_to_be_common() -> None:
    assert len(common_passwords()) >= 10_000
    assert all(len(password) >= MIN_LENGTH for password in common_passwords())
    assert all(password == password.casefold() for password in common_passwords())


@pytest.mark.parametrize("password", ["password", "PASSWORD", "Password1", "12345678", "qwerty123", "letmein1"])
def test_a_common_password_is_refused_in_any_case(passwords: Passwords, password: str) -> None:
    with pytest.raises(Invalid) as refused:
        passwords.require_uncommon(password)
    assert refused.value.field == "password"


@pytest.mark.parametrize("password", ["correct horse battery", "пароль, который длинный", "x7$kQ2!mZp"])
def test_another_is_not(passwords: Passwords, password: str) -> None:
    passwords.require_uncommon(password)
