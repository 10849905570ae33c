"""`retention`: until when cases are kept, holds, and destroying what is over."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click
from rich.console import Console

from meyasubako.domain.envelope import Event
from meyasubako.service.cli import options
from meyasubako.service.cli.asking import unlock
from meyasubako.service.cli.case_options import at_mechanism, case_argument, text_given, text_option
from meyasubako.service.cli.connecting import connect
from meyasubako.service.cli.failures import Commands
from meyasubako.service.cli.output import emit, table
from meyasubako.service.client.pins import Demands
from meyasubako.service.client.records import Kept, Records

STEPS: Mapping[str, str] = {
    "": "",
    "start": "start its retention",
    "wait": "wait",
    "hold": "held",
    "erase": "may be erased",
    "overdue": "is to be erased: its time is over",
}


@click.group(cls=Commands)
def retention() -> None:
    """Keep cases as long as the law says, and no longer.

    The rules are those of the profiles that a channel has adopted. Erasing takes two people, one of whom
    keeps the records and does not read the case; afterwards nothing of its content can be opened, from a
    backup neither, and the log still verifies.
    """


def _records(given: Mapping[str, Any]) -> Records:
    pair = unlock(given["keyfile"], given["passphrase_file"])
    demands = Demands(
        given["fingerprint"], given["first_use"], given["accept_stale"], given["accept_unwitnessed"]
    )
    found = connect(given["url"], pair, log_url=given["log_url"], demands=demands, proxy=given["proxy"])
    return Records(found.client, pair, found.people.roster, verified=found.people.verified)


def _facts(kept: Kept) -> dict[str, object]:
    case, window = kept.file.case, kept.window
    days: dict[str, object] = {}
    if case.keeping.earliest and case.keeping.latest:
        days = {"from": case.keeping.earliest.isoformat(), "until": case.keeping.latest.isoformat()}
    elif window is not None:
        days = {
            "rules_from": window.earliest.isoformat(),
            "rules_until": window.latest.isoformat(),
            "rules_conflict": window.conflict,
        }
    return {
        "case": case.stream,
        "state": case.state,
        **days,
        "holds": len(case.keeping.holds),
        "next_step": kept.next_step,
        "proposals": {leaf: each.kind for leaf, each in kept.proposals.items()},
    }


def _done(event: Event, what: str, given: Mapping[str, Any], **more: str) -> None:
    facts = {"done": what, "kind": event.kind, "day": event.at.isoformat(), "leaf": event.leaf, **more}
    emit(facts, as_json=given["as_json"])


def _proposed(event: Event, given: Mapping[str, Any]) -> None:
    hint = f"a second person runs: meyasubako retention confirm {event.leaf[:12]} --at … --as …"
    _done(event, "proposed; nothing is destroyed yet", given, next=hint)


@retention.command(name="list", epilog=options.example("meyasubako retention list --at URL --as rex.key"))
@at_mechanism
def list_(**given: Any) -> None:
    """Show until when each case is kept, and what is to be done now."""
    rows = [_facts(kept) for kept in _records(given).kept()]

    def show(out: Console) -> None:
        if not rows:
            out.print("There is no case.")
            return
        made = table("case", "state", "kept from", "until", "now")
        for row in rows:
            begin, end = row.get("from") or row.get("rules_from"), row.get("until") or row.get("rules_until")
            step = STEPS[str(row["next_step"])]
            if row.get("rules_conflict"):
                step = "its rules conflict: people decide (retention decide)"
            made.add_row(str(row["case"])[:8], str(row["state"]), str(begin or ""), str(end or ""), step)
        out.print(made)

    emit({"cases": rows}, as_json=given["as_json"], show=show)


@retention.command(epilog=options.example("meyasubako retention start 3f9a --at URL --as rex.key"))
@case_argument
@at_mechanism
def start(case: str, **given: Any) -> None:
    """Begin to keep a closed case, for the time that its channel's rules give."""
    event = _records(given).start(case)
    until = f"{event.text('earliest')} to {event.text('latest')}"
    _done(event, "kept; it may be erased in the days named", given, erase=until)


@retention.command(
    epilog=options.example(
        'echo "Kept under pseudonyms" | meyasubako retention decide 3f9a 2028-11-22 --at URL --as keiko.key'
    )
)
@case_argument
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
@text_option
@at_mechanism
def decide(case: str, day: datetime, text: str | None, **given: Any) -> None:
    """Choose the day on which a case is erased where its rules conflict, and say why.

    One way out of a conflict is to split the case: what one rule wants kept is written down anew without
    what tells who anybody is, and the rest is erased when the other rule says. The reasons are sealed in the
    case's team room.
    """
    event = _records(given).decide(case, day.date(), text_given(text))
    _done(event, "decided", given, erase=event.text("earliest"))


@retention.command(epilog=options.example("meyasubako retention hold 3f9a --at URL --as rex.key"))
@case_argument
@at_mechanism
def hold(case: str, **given: Any) -> None:
    """Stop every erasure in a case until the hold is lifted, because somebody has ordered it."""
    _done(_records(given).hold(case), "held", given)


@retention.command(epilog=options.example("meyasubako retention lift 3f9a --at URL --as rex.key"))
@case_argument
@at_mechanism
def lift(case: str, **given: Any) -> None:
    """Lift the holds on a case. The days of the hold are not added to its time."""
    events = _records(given).lift(case)
    _done(events[-1], "lifted", given, holds=str(len(events)))


@retention.command(epilog=options.example("meyasubako retention erase 3f9a --at URL --as rex.key"))
@case_argument
@at_mechanism
def erase(case: str, **given: Any) -> None:
    """Propose that the whole content of a case be destroyed."""
    _proposed(_records(given).erase(case), given)


@retention.command(epilog=options.example("meyasubako retention remove 3f9a DIGEST --at URL --as keiko.key"))
@case_argument
@click.argument("digests", metavar="DIGEST…", nargs=-1, required=True)
@click.option(
    "--approved",
    default="",
    metavar="LEAF",
    help="The reporter's message that approves the text of a recording: it is then removed at once.",
)
@at_mechanism
def remove(case: str, digests: tuple[str, ...], approved: str, **given: Any) -> None:
    """Propose that single texts or files of a case be destroyed, by the digests that `cases show` gives."""
    event = _records(given).remove(case, digests, approved)
    if event.kind == "payload.removed":
        _done(event, "removed", given)
    else:
        _proposed(event, given)


@retention.command(epilog=options.example("meyasubako retention confirm 91c0de --at URL --as keiko.key"))
@click.argument("proposal", metavar="LEAF")
@click.option("--yes", is_flag=True, help="Do not ask.")
@at_mechanism
def confirm(proposal: str, *, yes: bool, **given: Any) -> None:
    """Be the second person: what was proposed is destroyed, for ever."""
    if not yes:
        click.confirm("What is destroyed cannot be had back, by nobody. Go on?", abort=True, err=True)
    event = _records(given).confirm(proposal)
    _done(event, "destroyed" if event.kind == "payload.removed" else "erased", given)
