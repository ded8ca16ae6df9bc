"""Which usernames are allowed; needs no server."""

import pytest

from chat.errors import Invalid
from chat.people.accounts import clean_username


@pytest.mark.parametrize("name", [".", "..", " .. "])
def test_a_name_that_means_a_folder_in_an_address_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_username(name)
    assert refused.value.field == "username"


@pytest.mark.parametrize("name", ["...", ".a", "a..", "a.b"])
def test_dots_in_a_name_are_fine(name: str) -> None:
    assert clean_username(name) == name
