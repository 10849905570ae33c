"""Makes docs/screenshots: every page of the reporter's site, on a phone and on a desktop, in each language.

Run by `make screenshots`; needs Debian's chromium, fonts-noto-cjk and pngquant.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import walk
from tests.integration.reporter_box import answer, found_box
from tests.integration.reporter_server import Server

TARGET = Path(__file__).parents[2] / "docs/screenshots"
SIZES = {"phone": (360, 740), "desktop": (1280, 860)}
SERIES = [
    *((language, device, "light", None) for language in walk.TEXT for device in SIZES),
    ("en", "phone", "dark", {"begin", "story-error", "receipt", "mailbox"}),
    ("ja", "desktop", "dark", {"readers", "review"}),
]
ANSWER = {
    "en": "Thank you for writing. Two of us have read your report.\n\nDid the alarm work again after March?",
    "ja": "書いてくださり、ありがとうございます。二人で読みました。\n\n3月のあと、警報は元に戻りましたか。",
}


def main():
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        box = found_box(Path(place) / "box")
        server = Server(box.directory, place)
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        try:
            for language, device, scheme, only in SERIES:
                series(browser, server, box, language, device, scheme, only)
        finally:
            browser.close()
            server.stop()
    files = sorted(TARGET.glob("*.png"))
    quantise = ["pngquant", "--force", "--skip-if-larger", "--ext", ".png", "--quality", "60-90", "64"]
    # 98 and 99: this one file could not be made smaller without harm.
    done = subprocess.run([*quantise, *files], check=False)
    if done.returncode not in (0, 98, 99):
        raise SystemExit("pngquant failed")


def series(browser, server, box, language, device, scheme, only):
    width, height = SIZES[device]
    context = browser.new_context(
        java_script_enabled=False,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        base_url=server.base,
    )
    page = context.new_page()
    suffix = "" if scheme == "light" else f"-{scheme}"

    def see(name):
        if only is None or name in only:
            page.wait_for_load_state("load")
            page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0) }")
            page.screenshot(path=TARGET / f"{language}-{device}-{name}{suffix}.png", full_page=True)

    def see_later(name):
        if name != "mailbox":
            see(name)

    receipt = walk.report(page, language, see)
    walk.come_back(page, language, receipt, see_later)
    staff(box, language)
    page.goto(f"/{language}/answers")
    page.fill("#receipt", receipt)
    walk.forward(page)
    see("mailbox")
    walk.leave(page, see)
    page.goto(f"/{language}/nothing")
    see("error")
    context.close()


def staff(box, language):
    from meyasubako.service.mechanism import Mechanism

    mechanism = Mechanism.open(box.directory)
    try:
        answer(mechanism, box, "Maria Lindqvist", ANSWER[language], {"hours.pdf": b"x" * 40_000})
    finally:
        mechanism.close()


if __name__ == "__main__":
    main()
