"""Scenario 26: whoever leaves in a hurry leaves nothing behind on the server."""

import pytest

from tests.browser import browsers, walk
from tests.system import canary

FILE = b"\xff\xd8" + bytes(range(256)) * 800


def draft(page):
    """The first two pages filled in; gives the third."""
    walk.begin(page, "ja", excluded="Omar Haddad")
    page.fill("#text", walk.TEXT["ja"])
    walk.forward(page)
    page.fill("#organisation", "ひかり精密工業")


def left_behind(town):
    """What was typed or attached, wherever the service could have put it."""
    needles = [
        *canary.of_text("the report", walk.TEXT["ja"]),
        *canary.of_text("an answer", "ひかり精密工業"),
        *canary.of_bytes("a file", FILE[2000:2048]),
    ]
    places = [town.box.directory, town.served.temporary, town.served.log.parent]
    return canary.found_in([*canary.files_below(*places), *canary.held_by(town.served.pids())], needles)


@pytest.mark.parametrize("kind", browsers.ALL, ids=str)
def test_scenario_26_quick_exit_on_page_3_leaves_no_draft(kind, town, page_in):
    before = town.box.contents()
    page = page_in(kind, town.at("reporter"))
    draft(page)
    walk.leave(page)
    assert page.url.endswith("/ja/calendar")
    assert page.title() == "カレンダー"
    assert town.box.contents() == before
    assert left_behind(town) == []


@pytest.mark.parametrize("kind", browsers.WITHOUT_SCRIPTS, ids=str)
def test_scenario_26_quick_exit_deletes_what_was_uploaded_in_this_visit(kind, town, page_in, tmp_path):
    before = town.box.contents()
    file = tmp_path / "photo.jpg"
    file.write_bytes(FILE)
    page = page_in(kind, town.at("reporter"))
    draft(page)
    for _ in range(3):
        walk.forward(page)
    walk.attach(page, [file])
    assert len(town.box.contents().arriving) == len(before.arriving) + 1
    assert left_behind(town) == []
    walk.leave(page)
    assert town.box.contents() == before
    assert left_behind(town) == []


@pytest.mark.parametrize("kind", browsers.WITHOUT_SCRIPTS, ids=str)
def test_scenario_26_nothing_that_was_typed_comes_back_by_the_back_button(kind, town, page_in):
    page = page_in(kind, town.at("reporter"))
    draft(page)
    walk.leave(page)
    assert went_back_to(page) in ("", None)


def went_back_to(page):
    """What stands in the field of the page before, or None where the browser shows no such page."""
    try:
        page.go_back(wait_until="load")
    except Exception:  # noqa: BLE001 (each browser refuses in its own words)
        return None
    field = page.locator("#organisation")
    return field.input_value() if field.count() else None
