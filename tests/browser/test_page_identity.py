"""Who a reporter is, told in the page: sealed there, opened by several custodians at their commands."""

import pytest

from tests.browser import browsers, page_walk, walk
from tests.browser.recorder import recorded
from tests.browser.test_page_saved import send
from tests.system import canary
from tests.system.scenarios.holding import CUSTODIANS, HANDLERS, held

KEIKO, OMAR = HANDLERS
NAME = "Noor INTHEPAGE Haddad-51907"
STORY = "Gravel in the concrete."


@pytest.fixture(scope="module")
def served_with_holders(tmp_path_factory):
    with held(tmp_path_factory.mktemp("holders")) as place:
        yield place


@pytest.fixture
def place(served_with_holders):
    served_with_holders.receipts.clear()
    return served_with_holders


def shown_to_one(place, case):
    """Asked for, agreed to and opened, all of it by commands; gives what was told."""
    place.act(KEIKO, "request", case, "--text", "We must call them.")
    asked = place.request(case)
    for verb in ("approve", "release"):
        for name in CUSTODIANS[:2]:
            place.act(name, verb, asked)
    place.act(KEIKO, "open", asked, "--tell", "I was shown your name.")
    return place.facts(KEIKO, "identity", "show", asked)["identity"]


def the_case(place, receipt):
    place.receipts.append(receipt)
    return place.town.box.cases_of([receipt])[receipt]


@pytest.mark.parametrize("kind", [browsers.CHROMIUM, browsers.FIREFOX_SAFER], ids=str)
def test_who_one_is_leaves_sealed_and_two_custodians_open_it_for_one_person(kind, place, page_in):
    box = place.town.box
    with recorded(place.town.at("reporter")) as line:
        page = page_in(kind, line.base)
        page.goto("/en/form")
        left_out = ["Omar Haddad", "Cora Lindqvist"]
        page_walk.write(page, "en", excluded=left_out, text=STORY, who=NAME)
        assert NAME in page.inner_text('[data-review="identity"]')
        page_walk.go(page, "review", "send")
        page_walk.at(page, "receipt")
        receipt = walk.shown(page, ".code")
        assert not line.holds(NAME)
    case = the_case(place, receipt)
    identity = box.ledger().rooms[box.ledger().cases[case].rooms["identity"]]
    assert {share.holder for share in identity.shares} == set(map(box.key_id, CUSTODIANS[:2]))
    assert canary.found_in(canary.files_below(box.directory), list(canary.of_text("who", NAME))) == []
    assert shown_to_one(place, case) == [NAME]
    page = page_in(kind, place.town.at("reporter"))
    page_walk.enter(page, "en", receipt)
    happened = page.inner_text('[data-list="happened"]')
    assert "Somebody asked the people who guard names who you are." in happened
    assert "One person was shown who you are." in happened
    assert "(until " in happened
    page_walk.open_details(page)
    assert "any 2 of these people can give access back" in page.inner_text("[data-recovery]")
    assert box.findings() == []


def test_the_saved_page_seals_who_one_is_into_its_file(place, page_in, tmp_path):
    page = page_in(browsers.CHROMIUM_WITHOUT_SCRIPTS, place.town.at("reporter"))
    page.goto("/en/envelope")
    page.click("summary >> nth=0")
    with page.expect_download() as download:
        page.click("a[download]")
    download.value.save_as(tmp_path / "questions.html")
    page = page_in(browsers.CHROMIUM, "http://127.0.0.1:9")
    page.goto((tmp_path / "questions.html").as_uri())
    page_walk.write(page, "en", excluded=["Omar Haddad", "Cora Lindqvist"], text=STORY, who=NAME)
    with page.expect_download() as download:
        page_walk.go(page, "review", "send")
    page_walk.at(page, "receipt")
    download.value.save_as(tmp_path / "questions.sealed")
    assert NAME.encode() not in (tmp_path / "questions.sealed").read_bytes()
    case_of = walk.shown(page, ".code")
    answer = send(page_in, place.town, "en", tmp_path / "questions.sealed")
    assert "meyasubako/promise/v1" in answer.inner_text("pre")
    assert shown_to_one(place, the_case(place, case_of)) == [NAME]
    assert place.town.box.findings() == []


def test_it_is_asked_once_and_left_out_where_it_is_too_long_or_too_few_would_keep_it(place, page_in):
    page = page_in(browsers.CHROMIUM, place.town.at("reporter"))
    page.goto("/en/form")
    page_walk.write(page, "en", excluded=["Omar Haddad"], text=STORY, who="x" * 1500)
    page_walk.go(page, "review", "to:who")
    page.fill("#identity", "x" * 4096)
    # Going back leaves what was typed as it is, and the way on leads past it: sending looks once more.
    page_walk.go(page, "who", "back")
    page_walk.go(page, "files")
    page_walk.go(page, "review", "send")
    page_walk.at(page, "who")
    page.locator(".summary:focus").wait_for()
    assert "too long" in page.inner_text(".summary:focus")
    page_walk.go(page, "who", "back")
    page_walk.go(page, "files", "next")
    page_walk.go(page, "review", "to:readers")
    for name in CUSTODIANS[1:]:
        page.get_by_label(name).check()
    page_walk.go(page, "readers")
    page_walk.at(page, "review")
    assert not page.locator('[data-review="identity"]').is_visible()
    page_walk.go(page, "review", "send")
    page_walk.at(page, "receipt")
    case = the_case(place, walk.shown(page, ".code"))
    assert "identity" not in place.town.box.ledger().cases[case].rooms
