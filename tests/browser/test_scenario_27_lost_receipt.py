"""Scenario 27: a receipt was lost. It opens nothing any more, and a new report can name the old one."""

import pytest

from tests.browser import browsers, walk
from tests.system.town import texts

LOST = "I have lost my code"
TOLD = "It cannot be restored; nobody has a copy."
ADVICE = "I wrote before about …"
AGAIN = "I wrote before about the press, in November. My paper is gone."


@pytest.mark.parametrize("kind", browsers.WITHOUT_SCRIPTS, ids=str)
def test_scenario_27_lost_receipt(kind, town, page_in):
    page = page_in(kind, town.at("reporter"))
    first = walk.report(page, "en", excluded="Omar Haddad", files=())
    case = town.box.cases_of([first])[first]
    town.facts(*town.cases("say", case, "--text", walk.QUESTION["en"]))

    back = page_in(kind, town.at("reporter"))
    told_at_the_door(back)
    second = walk.report(back, "en", excluded="Omar Haddad", text=AGAIN, files=())
    assert second != first

    # The new mailbox shows nothing of the old one, whatever the report says.
    walk.enter(back, "en", second)
    assert back.locator(".messages").count() == 0
    again = town.box.cases_of([second])[second]
    assert again != case
    assert AGAIN in texts(town.facts(*town.cases("open", again)), "report")[0]


def told_at_the_door(page):
    page.goto("/en/answers")
    page.get_by_text(LOST).click()
    assert page.get_by_text(TOLD).is_visible()
    assert page.get_by_text(ADVICE).is_visible()


@pytest.mark.parametrize("kind", browsers.WITHOUT_SCRIPTS, ids=str)
def test_scenario_27_a_receipt_with_a_mistake_opens_nothing_and_stays_to_be_corrected(kind, town, page_in):
    page = page_in(kind, town.at("reporter"))
    receipt = walk.report(page, "en", excluded="Omar Haddad", files=())
    groups = receipt.split()
    typed = " ".join([groups[1], groups[0], *groups[2:]])
    walk.enter(page, "en", typed)
    assert page.locator("#receipt-wrong").count() == 1
    assert page.input_value("#receipt").split() == typed.split()
    page.fill("#receipt", receipt.translate({ord("0") + value: 0xFF10 + value for value in range(10)}))
    walk.forward(page)
    assert page.locator(".state").count() == 1
