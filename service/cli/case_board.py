"""The board of cases: what is due when, what is late, and what waits for whom; the late ones first."""

from datetime import date
from typing import Any

from rich.console import Console

from meyasubako.service.cli.case_view import facts_of, staff, state
from meyasubako.service.cli.connecting import Connection
from meyasubako.service.cli.output import plain, table
from meyasubako.service.client import life
from meyasubako.service.client.casefile import CaseFile


def lateness(file: CaseFile, today: date) -> date | None:
    """Since which date the mechanism is late in a case, whether it was put down yet or not."""
    return file.case.late_since or file.case.overdue(today)


def ordered(files: list[CaseFile], today: date) -> list[CaseFile]:
    """The late ones first, then by next date; what is over comes last."""

    def key(file: CaseFile) -> tuple[bool, date, str]:
        late = lateness(file, today)
        return late is None, late or file.case.next_date or date.max, file.case.stream

    return sorted(files, key=key)


def board_facts(file: CaseFile, connection: Connection, today: date) -> dict[str, Any]:
    """A case's facts, and what there is to do in it."""
    late = lateness(file, today)
    return {
        **facts_of(file, connection),
        "next_step": life.NEXT_STEPS.get(file.case.state, ""),
        "late_since": late.isoformat() if late else "",
        "missed": [day.isoformat() for day in file.case.missed],
        "overlays": sorted(file.case.overlays),
        "waits": list(life.waits(file, today)),
        "proposals": [
            {"proposal": leaf, "kind": each.kind, "by": connection.name(each.by)}
            for leaf, each in file.case.proposals.items()
        ],
        "referrals": [{"referral": leaf, "state": each.state} for leaf, each in file.case.referrals.items()],
    }


def draw(out: Console, files: list[CaseFile], connection: Connection, today: date) -> None:
    """Draw the board."""
    made = table("case", "state", "since", "next date", "next step", "readers")
    for file in ordered(files, today):
        case = file.case
        names = ", ".join(connection.name(reader) for reader in staff(file))
        due = case.next_date.isoformat() if case.next_date else "none"
        late = lateness(file, today)
        due = f"[bold red]late since {late.isoformat()}[/]" if late else due
        step = "; ".join((life.NEXT_STEPS.get(case.state, ""), *life.waits(file, today))).strip("; ")
        made.add_row(case.stream[:8], state(file), case.submitted_on.isoformat(), due, step, plain(names))
    out.print(made)
