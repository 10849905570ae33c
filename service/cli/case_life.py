"""`cases`: what is decided in the course of a case's life. The reporter is told with each act, by --text."""

from collections.abc import Mapping
from datetime import date
from hashlib import file_digest
from pathlib import Path
from typing import Any

import click

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain import kinds
from meyasubako.domain.kinds.cases import ELIGIBILITY, OVERLAYS
from meyasubako.service.cli import options
from meyasubako.service.cli.case_options import (
    at_mechanism,
    case_argument,
    connected,
    done,
    next_day,
    next_option,
    text_given,
    text_option,
)
from meyasubako.service.cli.cases import cases
from meyasubako.service.client import life
from meyasubako.service.client.life import Done

# Command, kind, what was done, and what its help says: acts that tell the reporter and give a next date.
_TOLD = (
    ("investigate", "path.chosen", "an investigation began", "Begin an investigation, and say so."),
    ("findings", "findings.drafted", "the findings stand as a draft", "Say that the findings are written."),
    (
        "remedy",
        "remedy.agreed",
        "the plan is agreed",
        "Tell the plan, its dates, and how to object. After findings, somebody else than their author does.",
    ),
    ("verify", "milestone.verified", "verified", "Say that a step of the plan was checked."),
    (
        "feedback",
        "feedback.given",
        "feedback given",
        "Tell what is done or planned, and the grounds: the feedback that laws ask for.",
    ),
    ("extend", "deadline.extended", "extended", "Tell why it takes longer, and until when."),
    ("reopen", "case.reopened", "open again", "Open a closed case again."),
)


def _said(did: Done, what: str) -> str:
    return (
        f"proposed: a colleague confirms it with `cases confirm`, {did.event.leaf[:12]}"
        if did.proposed
        else what
    )


def _telling(name: str, kind: str, what: str, words: str) -> None:
    """Make a command of an act that tells the reporter and gives a next date."""

    def command(case: str, text: str | None, next_date: date | None, **given: Any) -> None:
        asked = connected(given)
        body: dict[str, JsonValue] = {"next": next_day(next_date).isoformat()}
        if kind == "path.chosen":
            body["path"] = "investigation"
        did = life.tell(asked.connection.desk, case, kind, text_given(text), body)
        done(asked, did.event, _said(did, what))

    command.__doc__ = words
    example = options.example(f'meyasubako cases {name} 3f9a --at URL --as keiko.key --text "…"')
    made = at_mechanism(command)
    for option in (next_option, text_option, case_argument):
        made = option(made)
    cases.command(name, epilog=example)(made)


for _row in _TOLD:
    _telling(*_row)


@cases.command(epilog=options.example("meyasubako cases move 3f9a screening --at URL --as keiko.key"))
@case_argument
@click.argument("state", type=click.Choice(kinds.MOVED_TO))
@next_option
@at_mechanism
def move(case: str, state: str, next_date: date | None, **given: Any) -> None:
    """Move the case to another STATE: to screening and back from waiting, to assessment, to monitoring."""
    asked = connected(given)
    event = life.move(asked.connection.desk, case, state, next_day(next_date))
    done(asked, event, f"moved to {state.replace('_', ' ')}")


@cases.command(
    epilog=options.example('meyasubako cases decide 3f9a eligible --at URL --as keiko.key --text "…"')
)
@case_argument
@click.argument("outcome", type=click.Choice(ELIGIBILITY))
@text_option
@next_option
@at_mechanism
def decide(case: str, outcome: str, text: str | None, next_date: date | None, **given: Any) -> None:
    """Decide whether the report is for this mechanism. `ineligible` takes two people."""
    asked = connected(given)
    body: dict[str, JsonValue] = {"outcome": outcome, "next": next_day(next_date).isoformat()}
    did = life.tell(asked.connection.desk, case, "eligibility.decided", text_given(text), body)
    done(asked, did.event, _said(did, f"decided: {outcome.replace('_', ' ')}"))


@cases.command(epilog=options.example("meyasubako cases notify 3f9a --message 81c0 --at URL --as keiko.key"))
@case_argument
@click.option(
    "--message",
    required=True,
    metavar="LEAF",
    help="Your message of an earlier day that told the reporter: the beginning of its leaf hash.",
)
@next_option
@at_mechanism
def notify(case: str, message: str, next_date: date | None, **given: Any) -> None:
    """Say that the organisation is told now, what your message told the reporter before.

    First write to the reporter with `cases say`: what the organisation hears, when, and what could point to
    them. A day later at the earliest comes this, and then `cases release`.
    """
    asked = connected(given)
    event = life.notify(asked.connection.desk, case, message, next_day(next_date))
    done(asked, event, "the organisation may be told now")


@cases.command(
    epilog=options.example('meyasubako cases checkin 3f9a --text "How are you?" --at URL --as keiko.key')
)
@case_argument
@text_option
@at_mechanism
def checkin(case: str, text: str | None, **given: Any) -> None:
    """Ask the reporter how they are: after a withdrawal, or to see whether anybody retaliates."""
    asked = connected(given)
    did = life.tell(asked.connection.desk, case, "checkin.posted", text_given(text), {})
    done(asked, did.event, "asked")


@cases.command(epilog=options.example("meyasubako cases overlay 3f9a set paused --at URL --as keiko.key"))
@case_argument
@click.argument("what", type=click.Choice(("set", "lift")))
@click.argument("overlay", type=click.Choice(OVERLAYS))
@at_mechanism
def overlay(case: str, what: str, overlay: str, **given: Any) -> None:
    """Set or lift an overlay: paused, safety, or a second person for closing.

    What it means stands in a note. To lift `safety` or `second_person` takes two people.
    """
    asked = connected(given)
    kind = "overlay.set" if what == "set" else "overlay.lifted"
    did = life.do(asked.connection.desk, case, kind, {"overlay": overlay})
    done(asked, did.event, _said(did, f"{overlay} {'set' if what == 'set' else 'lifted'}"))


@cases.command(
    epilog=options.example('meyasubako cases close 3f9a decided --at URL --as keiko.key --text "We found …"')
)
@case_argument
@click.argument("outcome", type=click.Choice(kinds.CLASSES))
@click.option("--reason", type=click.Choice(life.REASONS), help="Sealed.")
@click.option(
    "--complainant",
    "view",
    type=click.Choice(life.VIEWS),
    help="What the reporter thinks of it: sealed, for the team.",
)
@text_option
@at_mechanism
def close(
    case: str, outcome: str, reason: str | None, view: str | None, text: str | None, **given: Any
) -> None:
    """Close the case, and tell the reporter why.

    Only the class stands in the clear: settled (the parties agreed), decided (somebody looked at it), ended.
    After a withdrawal, or where a second person was asked for, this proposes; a colleague confirms.
    """
    asked = connected(given)
    did = life.close(asked.connection.desk, case, outcome, text_given(text), reason or "", view or "")
    done(asked, did.event, _said(did, f"closed as {outcome}"))


@cases.command(epilog=options.example("meyasubako cases confirm 3f9a 81c0 --at URL --as omar.key"))
@case_argument
@click.argument("proposal", metavar="PROPOSAL")
@at_mechanism
def confirm(case: str, proposal: str, **given: Any) -> None:
    """Do what a colleague proposed, as the second person, on their very words: read them first.

    PROPOSAL is the beginning of its leaf hash; `cases show` has it.
    """
    asked = connected(given)
    event = life.confirm(asked.connection.desk, case, proposal)
    done(asked, event, f"confirmed: {event.kind}")


@cases.command(
    epilog=options.example('meyasubako cases review 3f9a upheld --text "…" --at URL --as omar.key')
)
@case_argument
@click.argument("outcome", type=click.Choice(("reopened", "upheld")))
@text_option
@next_option
@at_mechanism
def review(case: str, outcome: str, text: str | None, next_date: date | None, **given: Any) -> None:
    """Decide a review that the reporter asked for. Whoever decided before cannot."""
    asked = connected(given)
    body: dict[str, JsonValue] = {"outcome": outcome}
    if outcome == "reopened":
        body["next"] = next_day(next_date).isoformat()
    did = life.tell(asked.connection.desk, case, "review.decided", text_given(text), body)
    done(asked, did.event, f"review decided: {outcome}")


@cases.command(epilog=options.example("meyasubako cases link 3f9a 77b2 --at URL --as keiko.key"))
@case_argument
@click.argument("others", nargs=-1, required=True, metavar="CASE…")
@at_mechanism
def link(case: str, others: tuple[str, ...], **given: Any) -> None:
    """Say that cases are about the same. Their mailboxes stay apart, and nobody reads more for it."""
    asked = connected(given)
    done(asked, life.link(asked.connection.desk, case, others), "linked")


@cases.group()
def refer() -> None:
    """Refer the case to somebody outside, with the reporter's consent."""


@refer.command(epilog=options.example("meyasubako cases refer propose 3f9a --at URL --as keiko.key"))
@case_argument
@text_option
@at_mechanism
def propose(case: str, text: str | None, **given: Any) -> None:
    """Ask the reporter: to whom, what exactly is sent, whether names go, and what cannot be undone."""
    asked = connected(given)
    did = life.tell(asked.connection.desk, case, "referral.proposed", text_given(text), {})
    done(asked, did.event, f"proposed as {did.event.leaf[:12]}; the reporter consents, or not")


@refer.command(
    epilog=options.example("meyasubako cases refer sent 3f9a 81c0 --package sent.tar --at URL --as keiko.key")
)
@case_argument
@click.argument("referral", metavar="REFERRAL")
@click.option(
    "--package",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="What was sent, exactly; only its SHA-256 stands in the log.",
)
@text_option
@next_option
@at_mechanism
def sent(
    case: str, referral: str, package: Path, text: str | None, next_date: date | None, **given: Any
) -> None:
    """Say that it was sent. Refused without consent; that of a receipt which a server saw rests a week."""
    asked = connected(given)
    file = asked.connection.desk.case(case)
    leaf = next((each for each in file.case.referrals if each.startswith(referral)), referral)
    with package.open("rb") as content:
        digest = file_digest(content, "sha256").hexdigest()
    body: Mapping[str, JsonValue] = {
        "referral": leaf,
        "package": digest,
        "next": next_day(next_date).isoformat(),
    }
    did = life.tell(asked.connection.desk, case, "referral.sent", text_given(text), body)
    done(asked, did.event, "sent")
