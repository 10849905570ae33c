"""Makes docs/screenshots: every page of the reporter's site, on a phone and on a desktop, in several scripts.

Run by `make screenshots`; needs Debian's chromium, fonts-noto-core, fonts-noto-cjk and pngquant.
"""

import subprocess
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from meyasubako.service.mechanism import Mechanism
from tests.browser import browsers, walk
from tests.integration.reporter_box import answer, found_box
from tests.integration.reporter_server import Server

TARGET = Path(__file__).parents[2] / "docs/screenshots"
KIND = browsers.CHROMIUM_WITHOUT_SCRIPTS
SIZES = {"phone": browsers.PHONE, "desktop": browsers.DESKTOP}
# Language, device, scheme, and the pages that are wanted; all of them where none are named.
SERIES = [
    *((language, device, "light", None) for language in ("en", "ja") for device in SIZES),
    *((language, "phone", "light", None) for language in ("ar", "my")),
    ("ar", "desktop", "light", {"readers", "needs", "review", "mailbox"}),
    ("ne", "phone", "light", {"review"}),
    ("th", "phone", "light", {"begin"}),
    ("en", "phone", "dark", {"begin", "story-error", "receipt", "mailbox"}),
    ("ja", "desktop", "dark", {"readers", "review"}),
]


def main():
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        box = found_box(Path(place) / "box", languages=walk.LANGUAGES, profiles=("jp-wpa", "ungp-practice"))
        server = Server(box.directory, place)
        try:
            with browsers.launched(playwright, KIND) as browser:
                for each in SERIES:
                    series(browser, server, box, *each)
        finally:
            server.stop()
    files = sorted(TARGET.glob("*.png"))
    quantise = ["pngquant", "--force", "--skip-if-larger", "--ext", ".png", "--quality", "60-90", "64"]
    # 98 and 99: this one file could not be made smaller without harm.
    done = subprocess.run([*quantise, *files], check=False)
    if done.returncode not in (0, 98, 99):
        raise SystemExit("pngquant failed")


def series(browser, server, box, language, device, scheme, only):
    context = browsers.context_in(browser, KIND, server.base, SIZES[device], scheme)
    page = context.new_page()
    suffix = "" if scheme == "light" else f"-{scheme}"

    def see(name):
        if only is None or name in only:
            picture(page, f"{language}-{device}-{name}{suffix}")
        if name == "receipt" and only is None:
            page.emulate_media(media="print")
            picture(page, f"{language}-{device}-printed")
            page.emulate_media(media="screen")

    def see_later(name):
        if name != "mailbox":
            see(name)

    receipt = walk.report(page, language, see)
    walk.come_back(page, language, receipt, see_later)
    staff(box, language)
    walk.enter(page, language, receipt)
    see("mailbox")
    walk.leave(page, see)
    page.goto(f"/{language}/nothing")
    see("error")
    context.close()


def picture(page, name):
    page.wait_for_load_state("load")
    page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0) }")
    page.screenshot(path=TARGET / f"{name}.png", full_page=True)


def staff(box, language):
    mechanism = Mechanism.open(box.directory)
    try:
        files = {"hours.pdf": b"x" * 40_000}
        answer(mechanism, box, "Maria Lindqvist", walk.QUESTION[language], files)
    finally:
        mechanism.close()


if __name__ == "__main__":
    main()
