from dev import settings_docs


def test_env_example_and_page_follow_the_settings() -> None:
    hint = "run `make settings`"
    assert settings_docs.ENV_EXAMPLE.read_text() == settings_docs.env_example(), hint
    assert settings_docs.SETTINGS_PAGE.read_text() == settings_docs.settings_page(), hint


def test_every_setting_says_what_it_is() -> None:
    assert [each.name for each in settings_docs.variables() if not each.description] == []


def test_no_secret_has_a_default_in_the_docs() -> None:
    defaults = {each.name: each.default for each in settings_docs.variables()}
    assert defaults["SECRET_KEY"] == ""
    assert defaults["DEEPGRAM_API_KEY"] == ""
