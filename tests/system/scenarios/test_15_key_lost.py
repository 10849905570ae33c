"""Scenario 15: a handler's key is destroyed. Two of three holders, one from outside, restore the cases; where
too few shares are left, it is said exactly which cases are lost.
"""

from pathlib import Path

from meyasubako.crypto.keyfile import KeyPair
from tests.system.scenarios.holding import HANDLERS, Place, held
from tests.system.town import texts

KEIKO, OMAR = HANDLERS


def rekeyed(place: Place) -> None:
    """Keiko's key is gone; two stewards put a new one in its place."""
    town = place.town
    new = KeyPair.generate(KEIKO)
    town.keep("Keiko2 Sato", new)
    path = town.place / "Keiko2.key.pub"
    path.write_text(f"{new.person(KEIKO).public_line()}\n")
    proposed = town.facts("people", "rotate", KEIKO, path, *town.by("Ada Berg"))
    town.facts("people", "confirm", proposed["leaf"], *town.by("Jonas Mori"), "--yes")
    town.facts("log", "publish", *town.by("Ada Berg"))


def test_two_holders_restore_every_case_and_the_mailbox_is_as_it_was(tmp_path: Path) -> None:
    with held(tmp_path) as place:
        cases = [place.report("--without", OMAR, text=f"Report {number}.") for number in range(2)]
        place.facts(KEIKO, "cases", "say", cases[1], "--text", "A question.")
        place.facts(KEIKO, "cases", "note", cases[1], "--text", "A note.")
        checked = place.facts("Rex Okafor", "recovery", "list")
        assert checked["requests"] == []
        rekeyed(place)

        safe = place.facts("Rex Okafor", "recovery", "check")
        assert {row["state"] for row in safe["cases"]} == {"at risk"}
        asked = place.facts("Rex Okafor", "recovery", "request", "all", KEIKO)["asked"]
        assert {row["case"] for row in asked} == set(cases)
        for row in asked:
            wanted = row["request"]
            for name in ("Rex Okafor", "Ria Castro"):
                place.act(name, "approve", wanted, group="recovery")
            for name in ("Rex Okafor", "Ria Castro"):
                place.act(name, "release", wanted, group="recovery")
            place.act("Keiko2 Sato", "finish", wanted, group="recovery")

        seen = place.facts("Keiko2 Sato", "cases", "open", cases[1])
        assert texts(seen, "report") == ["Report 1."]
        assert (texts(seen, "dialogue"), texts(seen, "team")) == (["A question."], ["A note."])
        place.facts("Keiko2 Sato", "cases", "say", cases[1], "--text", "I am back.")
        visit = place.mailbox()
        assert [message["text"] for message in visit["messages"]] == ["A question.", "I am back."]
        assert [each["what"] for each in visit["happened"]] == ["recovery requested"]
        assert place.town.box.findings() == []


def test_where_two_holders_are_lost_too_it_is_said_which_cases_are_lost(place: Place, tmp_path: Path) -> None:
    lost = place.report("--without", OMAR)
    kept = place.report()
    gone = ("--lost", KEIKO, "--lost", "Ruth Meyer", "--lost", "Ria Castro")
    notice = tmp_path / "notice.txt"
    found = place.facts("Rex Okafor", "recovery", "check", *gone, "--notice", notice)
    assert found["lost"] == [lost]
    states = {row["case"]: row["state"] for row in found["cases"]}
    assert (states[lost], states[kept]) == ("lost", "at risk")
    assert lost in notice.read_text()
    assert kept not in notice.read_text()
    fewer = place.facts("Rex Okafor", "recovery", "check", *gone[:4])
    assert fewer["lost"] == []
