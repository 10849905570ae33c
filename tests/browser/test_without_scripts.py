"""The whole way in a browser with scripts off, on a small phone and by keyboard."""

import pytest
from playwright.sync_api import Error

from tests.browser import walk

WIDER_THAN_THE_SCREEN = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
# WCAG 2.5.8 asks for 24 px; what a frightened person has to hit is larger.
SMALL_TARGETS = """() => [...document.querySelectorAll(
    'button, .go, .quiet, .choice, input[type=text], textarea, summary')]
  .filter(each => each.checkVisibility() && each.getBoundingClientRect().height < 32)
  .map(each => each.outerHTML.slice(0, 80))"""
WITHOUT_A_NAME = """() => [...document.querySelectorAll('input:not([type=hidden]), textarea')]
  .filter(each => !each.labels.length).map(each => each.outerHTML)"""
# What a browser's history and its row of tabs show to somebody who looks over a shoulder.
NEUTRAL = {
    "Questions",
    "Please check: Questions",
    "Calendar",
    "質問",
    "確認してください\uff1a 質問",
    "カレンダー",
}
FOCUS = "() => { const e = document.activeElement; return e.className || e.id || e.tagName }"


class Watch:
    """Looks at each page that is passed, and at everything that the browser fetched."""

    def __init__(self, page, base):
        self.page = page
        self.base = base
        self.seen = []
        self.complaints = []
        self.bytes = 0
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("response", self._count)

    def _count(self, response):
        if not response.url.startswith(self.base):
            self.complaints.append(f"fetched from elsewhere: {response.url}")
        if response.request.resource_type != "other":
            self.bytes += int(response.headers.get("content-length", 0))

    def __call__(self, name):
        page = self.page
        page.wait_for_load_state("load")
        self.seen.append(name)
        assert page.evaluate(WIDER_THAN_THE_SCREEN) <= 0, name
        assert page.evaluate(SMALL_TARGETS) == [], name
        assert page.evaluate(WITHOUT_A_NAME) == [], name
        assert page.locator("h1").count() == 1, name
        assert page.locator("main").count() == 1, name
        assert page.title() in NEUTRAL


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("width", [320, 360, 1280])
def test_the_whole_way(page, context, server, language, width):
    page.set_viewport_size({"width": width, "height": 740})
    watch = Watch(page, server.base)
    receipt = walk.report(page, language, watch)
    assert len(receipt.split()) == 12
    walk.come_back(page, language, receipt, watch)
    assert walk.ASK[language] in page.inner_text(".messages")
    walk.leave(page, watch)
    assert [each for each in watch.complaints if "Cleared data types" not in each] == []
    assert len(watch.complaints) == 1
    assert len(watch.seen) == 15
    assert context.cookies() == []
    assert watch.bytes < 300_000


def test_a_report_costs_little_on_a_slow_line(page, server):
    watch = Watch(page, server.base)
    page.goto("/en/")
    walk.press(page, ".moves a.go")
    walk.forward(page)
    page.fill("#text", walk.TEXT["en"])
    for _ in range(6):
        walk.forward(page)
    assert page.locator(".code").count() == 1
    assert watch.bytes < 150_000


def test_the_way_out_is_the_first_stop_of_the_keyboard_and_works_by_it(page):
    page.goto("/en/questions")
    walk.forward(page)
    page.fill("#text", "Somebody is coming.")
    page.goto("/en/questions")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUS) == "leave"
    page.keyboard.press("Enter")
    page.wait_for_url("**/en/calendar")
    assert page.title() == "Calendar"


def test_after_leaving_the_back_button_shows_nothing_that_was_typed(page):
    page.goto("/en/questions")
    walk.forward(page)
    page.fill("#text", "Somebody is coming.")
    walk.press(page, "button.leave")
    page.wait_for_url("**/en/calendar")
    # Chromium refuses to show the page at all: it was never stored, and is not sent again unasked.
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back(wait_until="commit")


def test_a_mistake_takes_the_focus_and_leads_to_its_field(page):
    page.goto("/en/questions")
    walk.forward(page)
    walk.forward(page)
    page.locator(".summary:focus").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("() => location.hash") == "#text"
    assert page.evaluate(FOCUS) == "text"


def test_enter_in_a_line_goes_on_and_not_out(page):
    page.goto("/en/questions")
    walk.forward(page)
    page.fill("#text", walk.TEXT["en"])
    walk.forward(page)
    page.fill("#organisation", "A factory")
    page.keyboard.press("Enter")
    page.wait_for_selector("#place")


def test_the_way_out_does_not_cover_what_has_the_focus(page):
    page.goto("/en/questions")
    walk.forward(page)
    page.fill("#text", walk.TEXT["en"])
    walk.forward(page)
    page.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
    covered = """() => {
      const bar = document.querySelector('.bar').getBoundingClientRect();
      const focus = document.activeElement.getBoundingClientRect();
      return focus.top < bar.bottom && !document.querySelector('.bar').contains(document.activeElement);
    }"""
    page.locator("#organisation").focus()
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        assert not page.evaluate(covered)


BROKEN = """() => [...document.querySelectorAll('.code span')]
  .filter(each => each.getClientRects().length > 1 || each.offsetHeight > 60).map(each => each.innerText)"""


@pytest.mark.parametrize("width", [360, 700])
def test_only_the_card_is_printed_with_both_spellings_of_the_code(page, width):
    page.set_viewport_size({"width": width, "height": 740})
    walk.report(page, "en", lambda _name: None)
    assert not page.locator(".card .words").is_visible()
    page.emulate_media(media="print")
    assert page.locator(".card").is_visible()
    assert len(page.inner_text(".card .words").split()) == 12
    assert page.evaluate(BROKEN) == []
    for hidden in (".bar", "h1", ".beside", ".foot", ".lead", "details"):
        assert not page.locator(hidden).first.is_visible(), hidden
    assert "box" not in page.inner_text(".card").lower()


def test_the_code_is_copied_in_one_piece(page):
    receipt = walk.report(page, "en", lambda _name: None)
    page.locator(".code").click()
    assert page.evaluate("() => getSelection().toString()").split() == receipt.split()


def test_a_page_reads_well_without_its_style_sheet(page):
    page.route("**/style.css", lambda route: route.abort())
    page.goto("/en/questions")
    words = page.inner_text("body")
    order = ["Leave this page now", "Who will read it", "Sato Keiko", "I would rather not say", "Continue"]
    places = [words.find(word) for word in order if word not in ("Leave this page now", "Continue")]
    assert -1 not in places
    assert places == sorted(places)


def test_both_languages_have_no_text_of_the_other(page):
    page.goto("/ja/")
    text = page.inner_text("main")
    for english in ("Stay safe", "Start", "Leave", "Which phone"):
        assert english not in text
    assert page.locator("html").get_attribute("lang") == "ja"
