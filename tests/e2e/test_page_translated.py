"""The page in other languages: its words, plurals and errors, and the layout of those that run from the right."""

from playwright.sync_api import Page, expect

from tests.client import Client
from tests.e2e.conftest import Visit
from tests.e2e.history import message, minutes_ago, recording, spoken, tell

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SAID = "سنلتقي غدا عند النهر"


def left_and_right(page: Page, selector: str) -> tuple[float, float]:
    """Where an element begins and ends, in pixels from the left."""
    box = page.locator(selector).first.bounding_box()
    assert box
    return box["x"], box["x"] + box["width"]


def test_in_arabic_the_page_runs_from_the_right(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", locale="ar-EG", **PHONE), client.sign_up("grace")
    page = ada.page
    told = [
        message(grace, ada.person, minutes_ago(3), "كيف حالك؟"),
        message(grace, ada.person, minutes_ago(2), **spoken(SAID)),
        message(ada.person, grace, minutes_ago(1), "I am fine, thanks!"),
    ]
    tell(page, told, recording(1))
    box = ada.open(grace)
    expect(page.get_by_role("button", name="تشغيل التسجيل")).to_be_visible()
    root = page.locator("html")
    expect(root).to_have_attribute("lang", "ar")
    expect(root).to_have_attribute("dir", "rtl")
    loaded = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    assert len([name for name in loaded if name.endswith(".json")]) == 1  # of seven catalogues, once
    expect(page.locator(".day").first).to_have_text("اليوم")
    expect(box).to_have_attribute("placeholder", "اكتب رسالة")
    edges = {name: left_and_right(page, name) for name in (".theirs .bubble", ".mine .bubble", ".mic", ".back")}
    assert edges[".theirs .bubble"][1] > 360
    assert edges[".mine .bubble"][0] < 30
    assert edges[".back"][0] > 300
    assert edges[".mic"][0] < 60
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    ada.person.post(grace, "I am fine, thanks!")
    page.goto("/")
    line = page.locator(".people .line")
    expect(line).to_contain_text("أنت: I am fine, thanks!")
    expect(line).to_have_css("direction", "ltr")  # as what was written, or its beginning would be cut off
    page.goto("/settings")
    page.get_by_label("كلمة المرور الحالية").fill("not mine at all")
    page.get_by_label("كلمة المرور الجديدة").fill("correct horse battery")
    page.get_by_role("button", name="تغيير كلمة المرور").click()
    expect(page.get_by_text("كلمة المرور الحالية خاطئة.")).to_be_visible()


def test_a_chosen_language_stays_with_its_plurals_and_errors(visit: Visit, client: Client) -> None:
    ada, grace = visit("ada", locale="en-GB"), client.sign_up("grace")
    page = ada.page
    page.goto("/settings")
    page.get_by_role("combobox", name="Language of the page").select_option("Deutsch")
    expect(page.get_by_role("heading", name="Einstellungen")).to_be_visible()
    page.get_by_role("button", name="Passwort ändern").click()
    expect(page.get_by_text("Bitte fülle dieses Feld aus.")).to_be_visible()
    page.get_by_label("Bisheriges Passwort").fill("not mine at all")
    page.get_by_label("Neues Passwort").fill("correct horse battery")
    page.get_by_role("button", name="Passwort ändern").click()
    expect(page.get_by_text("Das bisherige Passwort ist falsch.")).to_be_visible()

    ada.hold_back()
    box = ada.open(grace)
    expect(page.locator("html")).to_have_attribute("lang", "de")
    for count, told in ((1, "Eine Nachricht ist noch nicht gesendet"), (2, "2 Nachrichten sind noch nicht gesendet")):
        box.fill(f"Nummer {count}")
        page.get_by_role("button", name="Senden", exact=True).click()
        expect(page.get_by_role("img", name="Wartet auf das Senden")).to_have_count(count)
        page.get_by_role("link", name="Einstellungen").click()
        page.get_by_role("button", name="Abmelden").click()
        expect(page.get_by_role("dialog")).to_contain_text(told)
        page.get_by_role("button", name="Abbrechen").click()
        page.go_back()
