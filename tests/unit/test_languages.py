"""The catalogues of sentences: whole in every language, in agreement with the code, and told to whoever wants them."""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from flask.testing import FlaskClient
from icu4py.locale import Locale
from icu4py.messageformat import MessageFormat

from dev import node
from tests.application import application
from tests.stack import ROOT
from web import errors, languages

TAGS = ("ar", "de", "en", "es", "fr", "ja", "pt")
PARTS = ("page", "problems")
STATIC = ROOT / "web" / "static"
PLACEHOLDER = re.compile(r"\{(\w+)(?=[,}])")
FORM = re.compile(r"\b(\w+) \{((?:[^{}]|\{\w+\})*)\}")
NUMBERS = (0, 1, 2, 3, 5, 10, 11, 21, 99, 100, 102, 12_345, 1_000_000, 1_500_000)
SAY_IN_HTML = re.compile(r'data-say(?:-\w+)?="([^"]+)"')
# What the code puts together: a status, or what pydantic found.
MADE_UP = ("status_", "title_", "field_")


@cache
def catalogue(tag: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads((languages.FOLDER / f"{tag}.json").read_text())
    return found


@cache
def categories(tag: str) -> frozenset[str]:
    """The plural categories of a language, as CLDR has them."""
    names = ("zero", "one", "two", "few", "many", "other")
    probe = MessageFormat(f"{{n, plural, {' '.join(f'{name} {{{name}}}' for name in names)}}}", Locale(tag))
    return frozenset(probe.format({"n": number}) for number in (*range(200), *NUMBERS))


def sentences(tag: str) -> Iterator[tuple[str, str, str]]:
    """Each sentence of a language: its key with its part, itself, and the English one."""
    for part in PARTS:
        for key, sentence in catalogue(tag)[part].items():
            yield f"{part}: {key}", sentence, catalogue("en")[part][key]


def test_there_are_seven_languages_and_the_page_offers_them() -> None:
    assert {path.stem for path in languages.FOLDER.iterdir()} == set(TAGS) == set(languages.languages())
    links = re.findall(r'<link rel="language" hreflang="(\w+)"( dir="rtl")? href="([^"]+)">', page())
    assert {(tag, address) for tag, _, address in links} == {(tag, f"/static/languages/{tag}.json") for tag in TAGS}
    assert [tag for tag, is_from_right, _ in links if is_from_right] == ["ar"]
    assert links[0][0] == "en"


@pytest.mark.parametrize("tag", TAGS)
def test_no_sentence_is_missing_superfluous_or_empty(tag: str) -> None:
    assert set(catalogue(tag)) == set(PARTS)
    for part in PARTS:
        assert list(catalogue(tag)[part]) == list(catalogue("en")[part])
    assert not [key for key, sentence, _ in sentences(tag) if not sentence.strip()]


@pytest.mark.parametrize("tag", TAGS)
def test_every_sentence_has_the_placeholders_and_plural_forms_of_its_language(tag: str) -> None:
    for key, sentence, english in sentences(tag):
        counted = re.match(r"\{(\w+), plural, ", sentence)
        if counted:
            forms = dict(FORM.findall(sentence))
            assert set(forms) == categories(tag), key
            wanted = set(PLACEHOLDER.findall(english)) & set(re.findall(r"\{(\w+)\}", english))
            others = {name for name in wanted if f"{{{name}}}" in english and re.search(rf"{{{name}}}", forms["other"])}
            assert all(others <= set(re.findall(r"\{(\w+)\}", form)) for form in forms.values()), key
            assert english.startswith(counted[0]), key
        else:
            assert sorted(PLACEHOLDER.findall(sentence)) == sorted(PLACEHOLDER.findall(english)), key
        assert "'{" not in sentence, f"{key}: ICU would quote the placeholder"


@pytest.mark.parametrize("tag", [tag for tag in TAGS if tag != "en"])
def test_sentences_are_translated(tag: str) -> None:
    """Few may be the same as in English: names of keys, and words that are the same in both."""
    same = [key for key, sentence, english in sentences(tag) if sentence == english]
    assert len(same) <= 20, same


def page() -> str:
    return (STATIC / "index.html").read_text()


def test_every_sentence_of_the_page_is_said_somewhere_and_index_html_names_no_other() -> None:
    in_html = set(SAY_IN_HTML.findall(page()))
    assert in_html <= set(catalogue("en")["page"])
    code = "\n".join(path.read_text() for path in (STATIC / "js").rglob("*.js") if "vendor" not in path.parts)
    in_code = set(re.findall(r'"(\w+\.\w+)"', code))  # TypeScript checks that each of them is a key
    assert set(catalogue("en")["page"]) - in_html - in_code == set()


def test_every_error_has_a_sentence_and_every_sentence_is_of_an_error() -> None:
    known = set(catalogue("en")["problems"])
    files = [path for folder in ("chat", "web") for path in (ROOT / folder).rglob("*.py")]
    raised, named = set(), set()
    for tree in (ast.parse(path.read_text()) for path in files):
        for part in ast.walk(tree):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                named.add(part.value)
            if isinstance(part, ast.Call):
                raised |= set(_sentence_of(part))
    assert raised - known == set()
    assert {key for key in known if not key.startswith(MADE_UP)} - named == set()
    assert {f"title_{status}" for status in errors._CODES} <= known


def _sentence_of(call: ast.Call) -> Iterator[str]:
    """The key that an error is constructed with, if it is written there."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    if name not in {kind.__name__ for kind in errors._KINDS} | {"NotAllowed", "Refused"}:
        return
    own = [each.value for each in call.keywords if each.arg == "sentence"]
    texts = own or call.args[1 if name == "Invalid" else 0 :][:1]
    yield from (text.value for text in texts if isinstance(text, ast.Constant) and isinstance(text.value, str))


def test_the_manifest_describes_the_app_in_every_language() -> None:
    manifest = json.loads((STATIC / "manifest.webmanifest").read_text())
    described = manifest["description_localized"].items()
    told = {tag: each if isinstance(each, str) else each["value"] for tag, each in described}
    told["en"] = manifest["description"]
    assert told == {tag: catalogue(tag)["page"]["app.description"] for tag in TAGS}


def test_the_page_and_the_server_say_the_same() -> None:
    """Both read ICU's MessageFormat, the page with a small function of its own."""
    script = """
        import { readFileSync } from "node:fs";
        import { parse, say, speak } from "./web/static/js/base/sentences.js";
        const told = {};
        for (const tag of process.argv[1].split(",")) {
            const { page, problems } = JSON.parse(readFileSync(`web/static/languages/${tag}.json`, "utf8"));
            speak({ page: { ...page, ...problems } }, tag);
            told[tag] = Object.entries({ ...page, ...problems }).flatMap(([key, sentence]) => {
                const names = [...new Set([...sentence.matchAll(/\\{(\\w+)(?=[,}])/g)].map(([, name]) => name))];
                const isPlural = sentence.includes(", plural, ");
                const counts = isPlural ? JSON.parse(process.argv[2]) : [7];
                return counts.map((count) => say(key, Object.fromEntries(names.map((name) => [name, count]))));
            });
        }
        process.stdout.write(JSON.stringify(told));
    """
    arguments = ["--input-type=module", "--eval", script, ",".join(TAGS), json.dumps(NUMBERS)]
    done = subprocess.run([node.find_node().binary, *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    told: dict[str, list[str]] = json.loads(done.stdout)
    for tag in TAGS:
        expected = []
        for _, sentence, _ in sentences(tag):
            names = set(PLACEHOLDER.findall(sentence))
            counts = NUMBERS if ", plural, " in sentence else (7,)
            pattern = MessageFormat(sentence, Locale(tag))
            expected += [pattern.format(dict.fromkeys(names, count)) for count in counts]
        assert told[tag] == expected, tag


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    with application() as app:
        yield app.test_client()


NOTHING = {tag: languages.languages()[tag].say("status_404") for tag in TAGS}


@pytest.mark.parametrize(
    ("accepted", "tag"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("pt-BR", "pt"),
        ("fr;q=0.2, ja;q=0.9", "ja"),
        ("nl, es-419;q=0.5, en;q=0.1", "es"),
        ("en;q=0, ar-EG", "ar"),
        ("*", "en"),
        ("xx", "en"),
        ("ja;q=0", "en"),
        ("de;q=nonsense", "en"),
        (";;;,=,q=1", "en"),
        ("\u0661\u0662", "en"),
        ("x-" * 50_000, "en"),
        (", ".join(f"x{number}" for number in range(5_000)), "en"),
    ],
)
def test_a_problem_is_told_in_the_language_that_is_wanted(client: FlaskClient, accepted: str | None, tag: str) -> None:
    headers = {} if accepted is None else {"Accept-Language": accepted.encode().decode("latin-1")}
    response = client.get("/api/nothing", headers=headers)
    problem: dict[str, Any] = response.get_json()
    assert (response.status_code, problem["detail"], problem["message"]) == (404, NOTHING[tag], NOTHING[tag])
    assert problem["title"] == languages.languages()[tag].say("title_404")
    assert problem["code"] == "not_found"
    assert response.headers["Content-Language"] == tag
    assert "accept-language" in response.vary.as_set()


@pytest.mark.parametrize("tag", TAGS)
def test_what_is_wrong_with_a_field_is_told_in_that_language(client: FlaskClient, tag: str) -> None:
    sent = {"email": 5, "username": "", "password": "short"}
    response = client.post("/api/signup", json=sent, headers={"Accept-Language": tag})
    say = languages.languages()[tag].say
    assert response.get_json()["errors"] == [
        {"field": "email", "message": say("field_string_type")},
        {"field": "username", "message": say("field_string_too_short", min_length=1)},
        {"field": "password", "message": say("field_string_too_short", min_length=8)},
    ]
    missing = client.post("/api/login", json={}, headers={"Accept-Language": tag}).get_json()
    assert missing["detail"] == say("field_wrong", field="email", message=say("field_missing"))
    assert missing["code"] == "invalid"


def test_few_languages_are_remembered_however_many_are_asked_for(client: FlaskClient) -> None:
    for number in range(languages.MAX_HEADERS_KEPT + 10):
        with client.application.test_request_context(headers={"Accept-Language": f"de, x{number}"}):
            assert languages.current().tag == "de"
    assert languages._best.cache_info().currsize == languages.MAX_HEADERS_KEPT


def test_outside_of_a_request_it_is_english() -> None:
    assert languages.current().tag == "en"
