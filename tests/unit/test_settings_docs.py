from dev import settings_docs
from dev.settings_docs import BEGIN, END, ENV_EXAMPLE, README

HINT = "run `make settings`"


def test_env_example_follows_the_settings() -> None:
    assert ENV_EXAMPLE.read_text() == settings_docs.env_example(), HINT


def test_the_readme_follows_the_settings() -> None:
    text = README.read_text()
    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    assert text == settings_docs.readme(text), HINT


def test_every_setting_says_what_it_is() -> None:
    assert [each.name for each in settings_docs.variables() if not each.description] == []


def test_no_secret_has_a_default_in_the_docs() -> None:
    defaults = {each.name: each.default for each in settings_docs.variables()}
    assert defaults["SECRET_KEY"] == ""
    assert defaults["DEEPGRAM_API_KEY"] == ""
