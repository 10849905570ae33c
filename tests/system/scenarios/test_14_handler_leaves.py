"""Scenario 14: a handler leaves. Cases are handed over, the account is closed, and the list is printed."""

from pathlib import Path

from tests.system.scenarios.holding import Place
from tests.system.scenarios.staffed import good, staffed
from tests.system.town import texts

KEIKO, OMAR, MEI = "Keiko Sato", "Omar Haddad", "Mei Lin"


def retired(place: Place, *words: object) -> list[object]:
    return ["people", "retire", KEIKO, *place.town.by("Ada Berg"), *words]


def test_whoever_leaves_hands_over_first_and_opens_nothing_that_comes_after(tmp_path: Path) -> None:
    with staffed(tmp_path) as place:
        shared, alone = place.report(), place.report("--without", OMAR)
        opened = place.facts(KEIKO, "cases", "open", shared)
        assert texts(opened, "report") == ["Gravel in the concrete."]
        place.facts(KEIKO, "cases", "acknowledge", alone, "--text", "I read it.")

        unasked = place.town.command(*retired(place))
        assert unasked.returncode == 2
        refused = place.town.command(*retired(place, "--yes"))
        assert refused.returncode == 1
        assert "an open case" in refused.stderr
        assert alone[:8] in refused.stderr
        assert shared[:8] not in refused.stderr
        assert MEI in refused.stderr
        assert place.command(KEIKO, "cases", "list").returncode == 0

        place.facts(KEIKO, "cases", "grant", alone, MEI)
        gone = place.town.facts(*retired(place, "--yes"))
        assert gone["state"] == "retired"
        reached = {row["case"]: row for row in gone["cases"]}  # type: ignore[attr-defined]  # JSON
        assert set(reached) == {shared, alone}
        assert reached[shared]["fetched"] > 0
        assert {room["room"] for room in reached[alone]["rooms"]} == {"report", "dialogue"}
        assert place.command(KEIKO, "cases", "list").returncode == 1

        place.facts(OMAR, "cases", "say", shared, "--text", "Keiko has left.")
        place.facts(MEI, "cases", "say", alone, "--text", "I am new here.")
        assert place.town.box.texts(KEIKO, "dialogue")[shared] == ()
        assert place.town.box.texts(KEIKO, "dialogue")[alone] == ("I read it.",)
        assert "I am new here." in str(place.mailbox()["messages"])
        assert good(place)


def test_the_list_of_what_somebody_could_read_is_for_stewards_and_auditors(tmp_path: Path) -> None:
    with staffed(tmp_path) as place:
        case = place.report()
        for name in ("Jonas Mori", "Ana Silva"):
            seen = place.town.facts("people", "reach", OMAR, *place.town.by(name))
            assert [row["case"] for row in seen["cases"]] == [case]  # type: ignore[attr-defined]  # JSON
        assert place.town.command("people", "reach", OMAR, *place.town.by(KEIKO)).returncode == 1
