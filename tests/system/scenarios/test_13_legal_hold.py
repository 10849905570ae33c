"""Scenario 13: a hold a day before the end stops the erasure; once lifted it goes on, and no day is added."""

from pathlib import Path

import pytest

from meyasubako.domain.audit import must_be_absent
from meyasubako.service.errors import RefusedError
from tests.system.archive import archived, opened


def test_a_hold_stops_erasure_and_adds_no_day(tmp_path: Path) -> None:
    with archived(tmp_path) as archive:
        archive.adopt("de-hinschg")
        archive.pass_days(0)
        case = archive.report("HELD-canary")
        archive.close(case, "We end here.")
        rex, keiko = archive.records("Rex Okafor"), archive.records("Keiko Sato")
        rex.start(case)
        until = rex.one(case).file.case.keeping.latest
        archive.pass_days(1094)
        rex.hold(case)
        assert rex.one(case).next_step == "hold"
        archive.pass_days(100)
        proposed = rex.erase(case)
        with pytest.raises(RefusedError, match="a hold stands"):
            keiko.confirm(proposed.leaf)
        assert opened(archive.box, case) == ("HELD-canary",)
        assert not must_be_absent(archive.box.ledger())

        rex.lift(case)
        kept = rex.one(case)
        assert (kept.file.case.keeping.latest, kept.next_step) == (until, "overdue")
        # A proposal lapses after a while: the same is proposed anew.
        keiko.confirm(rex.erase(case).leaf)
        assert opened(archive.box, case) == ()
