"""Scenario 12: seven years at least, two years at most: nothing chooses, people decide and say why."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from meyasubako.service.client.errors import ConflictingRulesError
from meyasubako.service.errors import RefusedError
from tests.system.archive import Archive, archived

SWEDEN = {"channel": "main", "profile": "se-visselblasarlagen", "deadlines": []}
TWO_YEARS = {"item": "report", "trigger": "closed", "most": 730}


def conflicting(archive: Archive) -> tuple[str, date]:
    """A case that ended today, on a channel whose rules conflict."""
    archive.adopt("de-lksg")
    archive.agree("profile.adopted", {**SWEDEN, "retention": [TWO_YEARS]})
    archive.pass_days(0)
    case = archive.report("What happened.")
    archive.write("Keiko Sato", case, "team", "We talk about it here.", lambda *_: None)
    archive.close(case, "We end here.")
    return case, archive.now().date()


def test_where_rules_conflict_people_are_asked_and_a_split_is_offered(tmp_path: Path) -> None:
    with archived(tmp_path) as archive:
        case, day = conflicting(archive)
        rex, keiko = archive.records("Rex Okafor"), archive.records("Keiko Sato")
        kept = rex.one(case)
        assert kept.window is not None
        assert (kept.window.conflict, kept.next_step) == (True, "start")
        with pytest.raises(ConflictingRulesError, match=r"de-lksg.*se-visselblasarlagen"):
            rex.start(case)
        assert rex.one(case).file.case.state == "closed"

        last = day + timedelta(days=730)
        with pytest.raises(RefusedError, match="between the days"):
            keiko.decide(case, day + timedelta(days=729), "too early for any rule")
        keiko.decide(case, last, "Kept under pseudonyms in a case of its own; the rest goes.")
        assert (rex.one(case).file.case.keeping.latest, rex.one(case).next_step) == (last, "wait")
