"""Every page of the reporter's site under axe-core."""

from pathlib import Path

import pytest

from tests.browser import browsers, walk
from tests.browser.test_without_scripts import WIDER_THAN_THE_SCREEN

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
# Every rule, the advice that is no criterion of WCAG included.
RUN = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
  .map(each => `${each.id}: ${each.nodes.map(node => node.html.slice(0, 90)).join(' | ')}`)"""
# Each size with each scheme once, and each language on each size.
VIEWS = [
    ("en", browsers.PHONE, "light"),
    ("en", browsers.DESKTOP, "dark"),
    ("ar", browsers.PHONE, "dark"),
    ("ar", browsers.DESKTOP, "light"),
]


class Axe:
    """Asks axe-core about each page that is passed."""

    def __init__(self, page):
        self.page = page
        self.source = AXE.read_text()
        self.seen = []
        self.violations = []

    def __call__(self, name):
        self.page.wait_for_load_state("load")
        # The site's policy allows no script but its own; the driver is not bound by it.
        self.page.evaluate(self.source)
        self.violations += [f"{name}: {each}" for each in self.page.evaluate(RUN)]
        self.seen.append(name)


@pytest.mark.parametrize(("language", "size", "scheme"), VIEWS)
def test_axe_finds_nothing_on_any_page(language, size, scheme, page_in, server):
    assert AXE.exists(), "this test needs what `make test-browser` installs by npm"
    page = page_in(browsers.CHROMIUM, server.base, size, scheme)
    axe = Axe(page)
    receipt = walk.report(page, language, axe)
    walk.come_back(page, language, receipt, axe)
    open_all(page)
    axe("mailbox, all of it")
    walk.leave(page, axe)
    page.goto(f"/{language}/")
    open_all(page)
    axe("first page, all of it")
    assert page.evaluate(WIDER_THAN_THE_SCREEN) <= 0
    assert page.get_by_text("0570-078377").is_visible()
    page.goto(f"/{language}/nothing")
    axe("no such page")
    page.goto(f"/{language}/questions")
    page.evaluate("() => { document.querySelector('#page [name=state]').value = 'old' }")
    walk.forward(page)
    axe("asked again")
    page.goto(f"/{language}/questions")
    for box in page.locator("[name=excluded], [name=rather_not_say]").all():
        box.check()
    walk.forward(page)
    axe("nobody left")
    for path in ("form", "replies"):
        page.goto(f"/{language}/{path}")
        axe(f"the pages that seal in the browser: {path}")
    assert axe.violations == []
    assert len(axe.seen) == 22


def open_all(page):
    """Unfold whatever can be unfolded."""
    for opened in page.locator("details").all():
        opened.evaluate("each => each.open = true")


def test_axe_is_asked_and_not_only_loaded(page_in, server):
    page = page_in(browsers.CHROMIUM, server.base)
    page.goto("/en/questions")
    page.evaluate("() => { document.documentElement.lang = ''; document.querySelector('legend').remove() }")
    axe = Axe(page)
    axe("spoilt")
    assert any("html-has-lang" in each for each in axe.violations)
