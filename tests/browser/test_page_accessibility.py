"""Every step of the pages that seal in the browser under axe-core, on a phone and by keyboard."""

import pytest

from meyasubako.service.mechanism import Mechanism
from tests.browser import browsers, page_walk, walk
from tests.browser.test_accessibility import Axe
from tests.browser.test_without_scripts import FOCUS, SMALL_TARGETS, WIDER_THAN_THE_SCREEN, WITHOUT_A_NAME
from tests.integration.reporter_box import appoint_custodians, appoint_recovery, found_box
from tests.integration.reporter_server import Server

CUSTODIANS = ["Cyra Noor", "Cleo Brandt"]
HELPERS = ["Rex Okafor", "Ria Castro"]


@pytest.fixture(scope="module")
def served_with_holders(tmp_path_factory):
    """The site of a mechanism in which some keep names, and some restore access."""
    place = tmp_path_factory.mktemp("holders")
    roles = dict.fromkeys(CUSTODIANS, ("custodian:main",)) | dict.fromkeys(
        HELPERS, ("outsider", "recovery:main")
    )
    box = found_box(place / "box", languages=walk.LANGUAGES, also=roles)
    mechanism = Mechanism.open(box.directory)
    try:
        appoint_custodians(mechanism, box, CUSTODIANS)
        appoint_recovery(mechanism, box, HELPERS)
    finally:
        mechanism.close()
    server = Server(box.directory, tmp_path_factory.mktemp("temporary"))
    yield server
    server.stop()


@pytest.mark.parametrize(("language", "scheme"), [("my", "light"), ("ar", "dark")])
def test_each_step_can_be_used_by_everybody(language, scheme, page_in, served_with_holders):
    page = page_in(browsers.CHROMIUM, served_with_holders.base, (320, 640), scheme)
    axe = Axe(page)

    def see(name):
        axe(name)
        assert page.evaluate(WIDER_THAN_THE_SCREEN) <= 0, name
        assert page.evaluate(SMALL_TARGETS) == [], name
        assert page.evaluate(WITHOUT_A_NAME) == [], name
        assert page.locator("h1:visible").count() == 1, name

    page.goto(f"/{language}/form")
    files = [walk.PHOTO]
    said = {"text": walk.TEXT[language], "files": files, "who": walk.PLACE[language]}
    page_walk.write(page, language, excluded=["Sato Keiko"], see=see, **said)
    page_walk.go(page, "review", "send")
    page_walk.at(page, "receipt")
    see("receipt")
    receipt = walk.shown(page, ".code")
    page.goto(f"/{language}/replies")
    page_walk.at(page, "door")
    see("door")
    page.fill("#receipt", receipt[:-4] + "9999")
    page_walk.go(page, "door", "open")
    page.locator(".summary:focus").wait_for()
    see("a wrong code")
    page_walk.enter(page, language, receipt)
    page_walk.say(page, walk.ASK[language], files=files)
    page_walk.add(page, walk.ANSWER[language])
    page_walk.open_details(page)
    see("mailbox")
    page.goto(f"/{language}/envelope")
    see("envelope")
    assert axe.violations == []


def test_a_step_is_gone_through_by_keyboard_alone_and_the_way_out_comes_first(page_in, server):
    page = page_in(browsers.CHROMIUM, server.base)
    page.goto("/en/form")
    page_walk.at(page, "readers")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(FOCUS) == "leave"
    page.goto("/en/form")
    page_walk.at(page, "readers")
    page_walk.go(page, "readers")
    page_walk.at(page, "story")
    page_walk.go(page, "story")
    page.locator(".summary:focus").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate(FOCUS) == "text"
    page.keyboard.type("By keyboard.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page_walk.at(page, "topic")
