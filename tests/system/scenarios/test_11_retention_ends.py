"""Scenario 11: three years and a day after its end two people erase a case; an older copy shows nothing."""

import shutil
from pathlib import Path

import pytest

from meyasubako.domain.audit import must_be_absent
from meyasubako.service.client.errors import NoSuchCaseError
from meyasubako.service.errors import RefusedError
from meyasubako.service.inspection import audit
from tests.system.archive import Archive, archived, opened
from tests.system.box import Box


def erased(archive: Archive, case: str) -> None:
    proposed = archive.records("Rex Okafor").erase(case)
    archive.records("Keiko Sato").confirm(proposed.leaf)


def test_two_people_erase_a_case_when_its_time_is_over(tmp_path: Path) -> None:
    with archived(tmp_path) as archive:
        archive.adopt("de-hinschg")
        archive.pass_days(0)
        case, other = archive.report("ERASED-canary"), archive.report("KEPT-canary")
        archive.close(case, "We end here.")
        archive.records("Rex Okafor").start(case)
        day = archive.pass_days(3 * 365 - 6)
        week_old = archive.copy(tmp_path / "week-old")
        assert opened(week_old, case) == ("ERASED-canary",)
        assert archive.pass_days(7) > day

        proposed = archive.records("Omar Haddad").erase(case)
        with pytest.raises(RefusedError, match="neither of the two"):
            archive.records("Keiko Sato").confirm(proposed.leaf)
        erased(archive, case)
        with pytest.raises((RefusedError, NoSuchCaseError)):
            archive.write("Keiko Sato", case, "dialogue", "One word more.", lambda *_: None)

        assert (opened(archive.box, case), opened(archive.box, other)) == ((), ("KEPT-canary",))
        assert nothing_left(archive.box, case)
        # Whoever has last week's database and objects, today's keys and a handler's key file opens nothing.
        stolen = archive.copy(tmp_path / "stolen")
        for name in ("log.db", "objects"):
            replace(stolen.directory / name, week_old.directory / name)
        assert (opened(stolen, case), opened(stolen, other)) == ((), ("KEPT-canary",))
        archive.pass_days(1)
        result = audit(archive.box.directory)
        assert [finding for finding in result.findings if finding.rule != "deadline-is-recorded"] == []


def nothing_left(box: Box, case: str) -> bool:
    """Whether no payload of the case is in the store."""
    ledger = box.ledger()
    own = {digest for digest, owner in ledger.owners.items() if owner.case == case}
    assert own
    assert own <= must_be_absent(ledger)
    with box.looked_into() as mechanism:
        return not any(mechanism.store.has_payload(digest) for digest in own)


def replace(there: Path, by: Path) -> None:
    if there.is_dir():
        shutil.rmtree(there)
        shutil.copytree(by, there)
    else:
        for name in (there.name, f"{there.name}-wal", f"{there.name}-shm"):
            (there.parent / name).unlink(missing_ok=True)
            if (by.parent / name).exists():
                shutil.copy(by.parent / name, there.parent / name)
