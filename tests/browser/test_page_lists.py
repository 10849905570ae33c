"""What the mailbox in the page says of people: who lost access, whose key is another; and what it adds."""

import pytest

from meyasubako.crypto.keyfile import KeyPair
from tests.browser import browsers, page_walk
from tests.browser.test_there_and_back import digest
from tests.system.scenarios.holding import CUSTODIANS, HANDLERS, held
from tests.system.served import wait_for
from tests.system.town import texts

KEIKO, OMAR = HANDLERS
STORY = "Gravel in the concrete."


def replaced(place, name):
    """Somebody's key is stolen: shut out, and another takes its place."""
    town = place.town
    town.facts("people", "suspend", name, *town.by("Jonas Mori"), "--yes")
    fresh = KeyPair.generate(name)
    town.keep(f"New{name.split()[0]}", fresh)
    public = town.place / f"New{name.split()[0]}.key.pub"
    told = town.facts("people", "rotate", name, public, "--suspended", *town.by("Ada Berg"))
    town.facts("people", "confirm", told["leaf"], *town.by("Jonas Mori"), "--yes")


def test_it_says_who_lost_access_whose_key_is_another_and_who_could_give_access_back(tmp_path, page_in):
    with held(tmp_path) as place:
        page = page_in(browsers.CHROMIUM, place.town.at("reporter"))
        receipt = page_walk.report(page, "en", text=STORY, who="Noor Haddad")
        place.receipts.append(receipt)
        case = place.town.box.cases_of([receipt])[receipt]
        # The room in which it is asked is none that a reporter is shown: custodians read it.
        place.act(KEIKO, "request", case, "--text", "We must call them.")
        page_walk.enter(page, "en", receipt)
        page_walk.open_details(page)
        assert "any 2 of these people" in page.inner_text("[data-recovery]")
        assert page.inner_text("[data-recovery]").count("Person who can help if keys are lost") == 2
        assert not page.locator("[data-lost]").is_visible()
        assert not page.locator("[data-replaced]").is_visible()

        place.facts(KEIKO, "cases", "revoke", case, OMAR)
        for name in (OMAR, CUSTODIANS[1]):
            replaced(place, name)
        wait_for(lambda: bool(place.mailbox()["replaced_keys"]))
        page_walk.enter(page, "en", receipt)
        page_walk.open_details(page)
        lost = page.inner_text("[data-lost]")
        assert "Person who works on reports: your report and its files" in lost
        assert "Person who works on reports: the messages in this mailbox" in lost
        told = page.inner_text("[data-replaced]")
        for role in ("Person who works on reports", "Person who guards names"):
            assert f"{role}: this person's key was replaced by a new one" in told


@pytest.mark.parametrize("kind", [browsers.CHROMIUM, browsers.FIREFOX], ids=str)
def test_something_is_added_to_the_report_with_a_file_that_the_code_does_not_open(
    kind, town, page_in, tmp_path
):
    photo = tmp_path / "photo 2.jpg"
    photo.write_bytes(bytes(range(256)) * 2000)
    page = page_in(kind, town.at("reporter"))
    receipt = page_walk.report(page, "en", excluded=["Omar Haddad"])
    case = town.box.cases_of([receipt])[receipt]
    page_walk.enter(page, "en", receipt)
    page_walk.say(page, "To you.")
    page_walk.add(page, "The second photo.", files=[photo])
    assert page.locator(".messages .told").all_inner_texts() == ["To you."]
    assert not page.locator("[data-sent]").is_visible()
    (tmp_path / "out").mkdir()
    opened = town.facts(*town.cases("open", case, "--save-to", tmp_path / "out"))
    assert texts(opened, "report")[1:] == ["The second photo."]
    assert texts(opened, "dialogue") == ["To you."]
    assert digest(tmp_path / "out" / photo.name) == digest(photo)
    assert town.command(*town.cases("open", case, name="Omar Haddad")).returncode != 0
    page_walk.enter(page, "en", receipt)
    assert page.locator(".messages .told").all_inner_texts() == ["To you."]
    assert town.box.findings() == []
