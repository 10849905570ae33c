"""What a reporter wrote is shown at the next full hour; nobody who acts meanwhile is held up by it."""

from pathlib import Path

from tests.system.archive import archived


def test_who_keeps_the_records_acts_on_a_case_whose_reporter_has_just_written(tmp_path: Path) -> None:
    with archived(tmp_path, show="hour") as archive:
        made = archive.reported("What happened.")
        archive.pass_days(0)  # a slot closes, and shows the report
        letters = archive.letters(made.receipt)
        letters.ask("withdraw", "I do not want to go on.")
        rex = archive.records("Rex Okafor")
        before = rex.file(made.case).case
        assert (before.withdrawn, archive.box.ledger().cases[made.case].withdrawn) == (False, True)
        rex.hold(made.case)
        assert archive.box.ledger().cases[made.case].keeping.holds
