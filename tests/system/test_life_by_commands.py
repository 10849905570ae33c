"""A case's life by the commands alone, from the conflict check to a review that somebody else decides."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.box import found_box
from tests.system.conftest import SMALL
from tests.system.town import Town, settled

OMAR = "Omar Haddad"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    place = tmp_path_factory.mktemp("life")
    with settled(found_box(place / "box", SMALL), place) as town:
        yield town


def reported(town: Town) -> tuple[str, str]:
    receipt = str(town.facts(*town.reporter("report", "--text", "The guard was off."))["receipt"])
    return receipt, town.box.cases_of([receipt])[receipt]


def act(town: Town, verb: str, case: str, *words: object, name: str = "Keiko Sato") -> dict[str, object]:
    return town.facts(*town.cases(verb, case, *words, name=name))


def ask(town: Town, receipt: str, code: str) -> None:
    town.facts(*town.reporter("mailbox", "--ask", code), typed=f"{receipt}\n")


def codes(town: Town, receipt: str) -> set[str]:
    wishes = town.facts(*town.reporter("mailbox"), typed=f"{receipt}\n")["wishes"]
    assert isinstance(wishes, list)
    return {each["code"] for each in wishes}


def test_a_case_goes_all_its_way_and_is_looked_at_again(town: Town) -> None:
    receipt, case = reported(town)
    act(town, "conflict", case, "none")
    act(town, "acknowledge", case, "--text", "Thank you.")
    act(town, "move", case, "screening")
    act(town, "decide", case, "eligible", "--text", "It is for us.")
    act(town, "move", case, "assessment")
    assert {"path:dialogue", "path:mediation", "path:investigation"} <= codes(town, receipt)
    ask(town, receipt, "path:investigation")
    act(town, "extend", case, "--text", "We need two weeks more.")
    act(town, "findings", case, "--text", "The draft stands.")
    refused = town.command(*town.cases("remedy", case, "--text", "The plan."))
    assert "findings" in refused.stderr
    act(town, "remedy", case, "--text", "The plan.", name=OMAR)
    act(town, "move", case, "monitoring")
    act(town, "verify", case, "--text", "The guard is on.")
    act(town, "checkin", case, "--text", "How are you?")
    ask(town, receipt, "checkin")
    act(town, "feedback", case, "--text", "This is what we did, and why.")
    ask(town, receipt, "view:partly")
    closing = ("decided", "--reason", "substantiated", "--complainant", "partly", "--text", "It is repaired.")
    act(town, "close", case, *closing)
    ask(town, receipt, "review")
    refused = town.command(*town.cases("review", case, "upheld", "--text", "It stays."))
    assert "review" in refused.stderr
    act(town, "review", case, "upheld", "--text", "It stays.", name=OMAR)
    assert "review" not in codes(town, receipt)
    shown = act(town, "show", case)
    assert (shown["state"], shown["outcome"], shown["next_step"]) == ("closed", "decided", "")
    assert town.box.findings() == []


def test_what_takes_two_people_is_proposed_and_confirmed(town: Town) -> None:
    _, case = reported(town)
    act(town, "acknowledge", case, "--text", "Thank you.")
    told = str(act(town, "decide", case, "ineligible", "--text", "It is not for us.")["done"])
    assert "a colleague confirms" in told
    (proposal,) = act(town, "show", case)["proposals"]  # type: ignore[misc]  # a list, as JSON has it
    act(town, "overlay", case, "set", "paused")
    assert "whoever proposed" in town.command(*town.cases("confirm", case, proposal["proposal"])).stderr
    act(town, "confirm", case, proposal["proposal"][:10], name=OMAR)
    assert act(town, "show", case)["state"] == "ineligible"
    act(town, "overlay", case, "lift", "paused")
    assert town.box.findings() == []


def test_a_referral_goes_out_with_consent_and_not_without(town: Town, tmp_path: Path) -> None:
    receipt, case = reported(town)
    package = tmp_path / "package.tar"
    package.write_bytes(b"what was sent")
    act(town, "acknowledge", case, "--text", "Thank you.")
    leaf = str(act(town, "refer", "propose", case, "--text", "To the bar association?")["leaf"])
    words = ("sent", case, leaf[:10], "--package", package, "--text", "It is sent.")
    assert "consent" in town.command(*town.cases("refer", *words)).stderr
    ask(town, receipt, f"consent:{leaf}")
    act(town, "refer", *map(str, words))
    assert f"unconsent:{leaf}" in codes(town, receipt)
    assert town.box.findings() == []


def test_whoever_steps_back_is_asked_first_and_shown_no_text(town: Town) -> None:
    _, case = reported(town)
    asked = town.command(*town.cases("recuse", case, name=OMAR))
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    act(town, "conflict", case, "declared", name=OMAR)
    act(town, "recuse", case, "--yes", name=OMAR)
    assert not town.box.ledger().fetched.get((town.box.key_id(OMAR), case))
    refused = town.command(*town.cases("grant", case, OMAR))
    assert "conflict" in refused.stderr
    assert town.box.findings() == []


def test_words_that_cannot_be_asked_for_are_explained(town: Town) -> None:
    receipt, _ = reported(town)
    ended = town.command(*town.reporter("mailbox", "--ask", "everything"), typed=f"{receipt}\n")
    assert ended.returncode == 2
    assert "lists what can be asked for" in ended.stderr
    both = town.command(*town.reporter("mailbox", "--add", "a", "--mediate", "b"), typed=f"{receipt}\n")
    assert both.returncode == 2
