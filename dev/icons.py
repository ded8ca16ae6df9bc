"""Draws the page's icons from its logo, web/static/icon.svg: `python -m dev.icons`. Needs Chromium.

Maskable icons fill the square, with the logo within the circle that every mask leaves (80 % of it); a badge is white on
nothing, since Android shows only its outline.
"""

import re
from pathlib import Path

from playwright.sync_api import sync_playwright

from dev.system import CHROMIUM, find_program

STATIC = Path(__file__).resolve().parent.parent / "web" / "static"
LOGO = STATIC / "icon.svg"
FOLDER = STATIC / "icons"
SIDE = 64  # of the logo's own coordinates
SAFE = 0.8  # https://www.w3.org/TR/appmanifest/#icon-masks


def drawings() -> dict[str, tuple[int, str]]:
    """The icons by file name: their side in pixels, and what is drawn."""
    logo = LOGO.read_text()
    square = re.sub(r' rx="\d+"', "", logo)
    path = re.findall(r"<path.*?/>", logo)[0]
    margin = SIDE * (1 - SAFE) / 2
    within = f'<g transform="translate({margin} {margin}) scale({SAFE})">{path}</g>'
    bare = re.sub(r"<rect.*?/>", "", logo)
    white = re.sub(r'stroke="#\w+"', 'stroke="#fff"', bare)
    return {
        "icon-192.png": (192, logo),
        "icon-512.png": (512, logo),
        "icon-180.png": (180, square),  # iOS cuts the corners itself
        "maskable-192.png": (192, square.replace(path, within)),
        "maskable-512.png": (512, square.replace(path, within)),
        "badge-96.png": (96, white),
    }


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_program(*CHROMIUM), args=["--no-sandbox"])
        for name, (side, drawing) in drawings().items():
            page = browser.new_page(viewport={"width": side, "height": side})
            page.set_content(f"<style>*{{margin:0}}svg{{display:block;width:{side}px}}</style>{drawing}")
            page.screenshot(path=FOLDER / name, omit_background=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
