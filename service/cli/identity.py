"""`identity`: asking who a reporter is, and reading it. Custodians' answers are in `identity_answers`."""

import os
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from meyasubako.domain import requests
from meyasubako.service.cli import options
from meyasubako.service.cli.case_options import (
    Asked,
    at_mechanism,
    case_argument,
    connected,
    done,
    text_given,
    text_option,
)
from meyasubako.service.cli.connecting import Connection
from meyasubako.service.cli.failures import Commands
from meyasubako.service.cli.output import emit, plain, print_facts, table
from meyasubako.service.client.identity_desk import Asked as AskedFor
from meyasubako.service.client.identity_desk import IdentityDesk, Said


@click.group(cls=Commands)
def identity() -> None:
    """Ask who a reporter is, and answer: only several custodians together can open it.

    REQUEST is the beginning of a request's leaf hash, as `identity list` shows it. The reporter sees each
    request, each answer and each opening in the mailbox.
    """


def at_desk(given: dict[str, Any]) -> tuple[Asked, IdentityDesk]:
    """What every command here is given, and the desk that it works at."""
    asked = connected(given)
    there = asked.connection
    return asked, IdentityDesk(there.client, there.pair, there.people.roster, verified=there.people.verified)


request_argument = click.argument("request", metavar="REQUEST")
_TELLING = (
    click.option("--tell", metavar="TEXT", help="What the reporter is told; it goes into the dialogue."),
    click.option(
        "--withhold",
        metavar="TEXT",
        help="Why the reporter is not told yet: sealed for those who discuss it, and reviewed.",
    ),
    click.option(
        "--review",
        type=click.DateTime(["%Y-%m-%d"]),
        metavar="DAY",
        help="The day on which it is looked at again whether the reporter can be told.",
    ),
)


def said(tell: str | None, withhold: str | None, review: datetime | None) -> Said:
    """How the reporter is told, out of three options."""
    if (tell is None) == (withhold is None) or (withhold is None) != (review is None):
        raise click.UsageError("Give --tell, or --withhold together with --review.")
    if tell is not None:
        return Said(text=text_given(tell))
    return Said(ground=text_given(withhold), review=review.date() if review else None)


def telling(command: Any) -> Any:
    """The options with which the reporter is told, or with which it is said why not."""
    for option in reversed(_TELLING):
        command = option(command)
    return command


def day(given: date | None) -> str:
    """A day, or nothing."""
    return given.isoformat() if given else ""


def facts_of(asked: AskedFor, connection: Connection) -> dict[str, Any]:
    """What the log says of one request."""
    request = asked.request
    return {
        "request": request.leaf,
        "case": asked.file.case.stream,
        "asked_by": connection.name(request.by),
        "on": request.on.isoformat(),
        "ground": request.ground,
        "state": state_of(request),
        "agreed": sorted(connection.name(each) for each in request.approved),
        "refused_by": connection.name(request.refused_by) if request.refused_by else "",
        "released": sorted({connection.name(each.holder) for each in request.released}),
        "until": day(request.until),
        "opened_on": day(request.opened_on),
    }


def state_of(request: requests.Request) -> str:
    """Where a request stands, in a word."""
    if request.refused_on:
        return "refused"
    if request.expired_on:
        return "over"
    if request.opened_on:
        return "opened"
    if request.released:
        return "released"
    return "agreed" if request.approved else "asked"


@identity.command("list", epilog=options.example("meyasubako identity list --at URL --as cy.key"))
@at_mechanism
def list_(**given: Any) -> None:
    """List requests. Shares that you were given and nobody looked at yet are looked at, and signed for."""
    asked, desk = at_desk(given)
    rows = [facts_of(each, asked.connection) for each in desk.asked()]

    def show(out: Console) -> None:
        if not rows:
            out.print("Nobody has asked for an identity.")
            return
        made = table("request", "case", "asked by", "on", "ground", "state", "agreed")
        for row in rows:
            words = (row["asked_by"], row["on"], row["ground"].replace("_", " "), row["state"])
            agreed = ", ".join(row["agreed"])
            made.add_row(row["request"][:12], row["case"][:8], *map(plain, words), plain(agreed))
        out.print(made)

    emit({"requests": rows}, as_json=asked.as_json, show=show)


@identity.command(epilog=options.example("meyasubako identity read 3f9a --at URL --as cy.key"))
@request_argument
@at_mechanism
def read(request: str, **given: Any) -> None:
    """Read a request: its motive, and what was answered."""
    asked, desk = at_desk(given)
    found = desk.read(request)
    facts = facts_of(found, asked.connection)
    words = [
        {
            "by": asked.connection.name(each.event.by),
            "day": each.event.at.isoformat(),
            "text": each.document.text if each.document else "",
            "trouble": each.trouble,
        }
        for each in found.words
    ]

    def show(out: Console) -> None:
        print_facts(out, facts)
        for each in words:
            out.print(f"\n  [cyan]{plain(each['by'])}[/] [dim]{each['day']}[/]")
            out.print(f"    {plain(each['text'] or 'not opened: ' + each['trouble'])}")

    emit({**facts, "words": words}, as_json=asked.as_json, show=show)


@identity.command(
    epilog=options.example('meyasubako identity request 3f9a --at URL --as ira.key --log URL --text "…"')
)
@case_argument
@text_option
@click.option(
    "--ground",
    type=click.Choice(["request", "break_glass", "court_order"]),
    default="request",
    show_default=True,
    help="break_glass: life is in danger, custodians review afterwards; court_order: see --order.",
)
@click.option("--order", default="", metavar="ORDER", help="The order, as `identity order` printed it.")
@at_mechanism
def request(case: str, text: str | None, ground: str, order: str, **given: Any) -> None:
    """Ask who the reporter of CASE is. The motive is read by you and the custodians alone."""
    asked, desk = at_desk(given)
    event = desk.ask(case, text_given(text), ground, order)
    done(asked, event, "asked")


@identity.command(
    "open",
    epilog=options.example(
        'meyasubako identity open 3f9a --at URL --as ira.key --log URL --tell "We asked for your name …"'
    ),
)
@request_argument
@telling
@at_mechanism
def open_(
    request: str, tell: str | None, withhold: str | None, review: datetime | None, **given: Any
) -> None:
    """Say that you open the identity now, and tell the reporter. Then `identity show` shows it."""
    asked, desk = at_desk(given)
    done(asked, desk.open(request, said(tell, withhold, review)), "opened")


@identity.command(epilog=options.example("meyasubako identity show 3f9a --at URL --as ira.key"))
@request_argument
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it to a new FILE that only you can read, instead of showing it.",
)
@at_mechanism
def show(request: str, out: Path | None, **given: Any) -> None:
    """Show what the reporter told of themselves, by the shares that were released to you."""
    asked, desk = at_desk(given)
    told = [str(each.get("text", "")) for each in desk.show(request)]
    if out is not None:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write("\n\n".join(told) + "\n")
        emit({"file": str(out), "texts": len(told)}, as_json=asked.as_json)
        return

    def draw(console: Console) -> None:
        for each in told:
            console.print(plain(each))

    emit({"identity": told}, as_json=asked.as_json, show=draw)


@identity.command(
    epilog=options.example(
        'meyasubako identity order 3f9a --at URL --as ira.key --text "District court, 7 C 12/26" --tell "…"'
    )
)
@case_argument
@text_option
@telling
@at_mechanism
def order(
    case: str,
    text: str | None,
    tell: str | None,
    withhold: str | None,
    review: datetime | None,
    **given: Any,
) -> None:
    """Put a court's order down, before anything is given: what it says, and how the reporter hears of it."""
    asked, desk = at_desk(given)
    done(asked, desk.put_down_order(case, text_given(text), said(tell, withhold, review)), "put down")


@identity.command(
    epilog=options.example("meyasubako identity disclose 3f9a 81bc given.zip --at URL --as ira.key")
)
@case_argument
@click.argument("order", metavar="ORDER")
@click.argument("package", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
@at_mechanism
def disclose(case: str, order: str, package: Path, **given: Any) -> None:
    """Write down that FILE was given to the court on ORDER: its SHA-256 goes into the log."""
    asked, desk = at_desk(given)
    done(asked, desk.disclose(case, order, package.read_bytes()), "given, and written down")
