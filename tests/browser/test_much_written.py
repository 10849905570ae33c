"""A mailbox that holds more than one page shows, and a day that takes no more: with scripts and without."""

import msgspec
import pytest

from meyasubako.service.config import NO_ABUSE_LIMITS, Config
from meyasubako.service.mailbox import SHOWN
from meyasubako.service.mechanism import Mechanism
from tests.browser import browsers, page_walk, walk
from tests.integration.reporter_box import answer, found_box
from tests.integration.reporter_server import Server

LIMIT = "as much as one code can add in a day"


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """A mechanism that takes two messages of a receipt in a day."""
    box = found_box(tmp_path_factory.mktemp("much") / "box", languages=walk.LANGUAGES)
    config = Config.load(box.directory)
    abuse = msgspec.structs.replace(NO_ABUSE_LIMITS, additions_a_day=2)
    msgspec.structs.replace(config, abuse=abuse).write(box.directory)
    return box


@pytest.fixture(scope="module")
def server(box, tmp_path_factory):
    server = Server(box.directory, tmp_path_factory.mktemp("temporary"))
    yield server
    server.stop()


@pytest.mark.parametrize("language", ["en", "my"])
def test_without_scripts_earlier_messages_are_a_button_away_and_nothing_typed_is_lost(
    page, box, language, tmp_path
):
    receipt = walk.report(page, language)
    mechanism = Mechanism.open(box.directory)
    for number in range(SHOWN + 3):
        answer(mechanism, box, "Maria Lindqvist", f"Answer {number}")
    mechanism.close()
    walk.enter(page, language, receipt)
    texts = page.locator(".messages .told")
    assert texts.all_inner_texts() == [f"Answer {number}" for number in range(3, SHOWN + 3)]
    page.fill("#text", "Half written.")
    page.screenshot(path=tmp_path / f"newest-{language}.png", full_page=True)
    with page.expect_navigation():
        page.click("button[value^='show:dialogue:']")
    assert texts.all_inner_texts() == ["Answer 0", "Answer 1", "Answer 2"]
    assert page.input_value("#text") == "Half written."
    page.screenshot(path=tmp_path / f"earlier-{language}.png", full_page=True)
    with page.expect_navigation():
        page.click("button[value='show:dialogue:0']")
    assert texts.count() == SHOWN
    for text in ("One.", "Two.", "Three."):
        walk.write(page, text)
    assert page.input_value("#text") == "Three."
    assert page.locator(".messages .mine").count() == 2
    page.screenshot(path=tmp_path / f"enough-{language}.png", full_page=True)


def test_with_scripts_a_day_that_takes_no_more_is_told_and_nothing_is_lost(page_in, server):
    page = page_in(browsers.CHROMIUM, server.base)
    receipt = page_walk.report(page, "en")
    page_walk.enter(page, "en", receipt)
    mine = page.locator(".messages .mine .told")
    for number, text in enumerate(("One.", "Two."), 1):
        page_walk.say(page, text)
        page_walk.until("it stands there", lambda number=number: mine.count() == number)
    page.fill("#text", "Three.")
    page_walk.go(page, "mailbox", "say")
    told = page.locator('[data-step="mailbox"] [data-problems]')
    page_walk.until("it is told", lambda: LIMIT in told.inner_text())
    # "from 00:00 (UTC) on", or in the day's last hour "in 12 minutes, at 00:00 (UTC)".
    assert "00:00 (UTC)" in told.inner_text()
    assert "{" not in told.inner_text()
    assert page.input_value("#text") == "Three."
