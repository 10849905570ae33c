"""Scenario 3: everybody inside is accused. Somebody outside receives the report; nobody inside sees it."""

from collections.abc import Iterator

import pytest
import requests

from tests.system.scenarios.holding import Place
from tests.system.scenarios.staffed import INSIDE, OUTSIDE, good, listed, staffed, two
from tests.system.town import texts

TEXT = "All of them share what is taken."


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with staffed(tmp_path_factory.mktemp("outside")) as place:
        yield place


def test_the_person_outside_receives_it_and_nobody_inside_sees_that_it_is_there(place: Place) -> None:
    left_out = [word for name in INSIDE for word in ("--without", name)]
    case = place.report(*left_out, text=TEXT)
    assert texts(place.facts(OUTSIDE, "cases", "open", case), "report") == [TEXT]
    for name in (*INSIDE, "Mei Lin"):
        assert listed(place, name) == []
        assert place.command(name, "cases", "open", case).returncode == 2
        assert place.town.box.texts(name)[case] == ()

    place.facts(OUTSIDE, "cases", "acknowledge", case, "--text", "I am a lawyer and read this.")
    visit = place.mailbox()
    assert visit["state"] == "acknowledged"
    assert "I am a lawyer" in str(visit["messages"])
    assert good(place)


def test_a_letterbox_collects_for_the_person_outside_alone(place: Place) -> None:
    two(place, "letterbox", "on")
    place.town.facts("log", "publish", *place.town.by("Ada Berg"))
    told = place.town.command(
        *place.town.reporter("report", "--text", "Nobody was left out.", "--yes", "--json")
    )
    assert told.returncode == 0, told.stderr
    assert OUTSIDE in told.stderr
    assert not any(name in told.stderr for name in INSIDE)
    assert [listed(place, name) for name in INSIDE] == [[], []]
    assert len(listed(place, OUTSIDE)) == 2
    lacking = place.town.facts("people", "list", *place.town.by("Ada Berg"))["missing"]
    assert any("a letterbox" in str(each) for each in lacking if isinstance(lacking, list))
    assert good(place)


def test_reporters_read_on_the_site_that_it_is_a_letterbox(place: Place) -> None:
    page = requests.get(f"{place.town.at('reporter')}/en/questions", timeout=30)
    assert "This is a letterbox" in page.text
    assert OUTSIDE in page.text
    assert not any(name in page.text for name in INSIDE)


def test_the_person_outside_cannot_go_while_they_alone_read(place: Place) -> None:
    ended = place.town.command("people", "retire", OUTSIDE, *place.town.by("Ada Berg"), "--yes")
    assert ended.returncode == 1
