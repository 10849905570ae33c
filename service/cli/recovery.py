"""`recovery`: the ceremony by which a colleague whose key is lost gets their cases back."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from meyasubako.domain import requests
from meyasubako.service.cli import options
from meyasubako.service.cli.case_options import Asked, at_mechanism, case_argument, connected, done
from meyasubako.service.cli.connecting import Connection
from meyasubako.service.cli.failures import Commands, InputError
from meyasubako.service.cli.identity import day, state_of
from meyasubako.service.cli.identity_answers import days_option, period
from meyasubako.service.cli.output import emit, plain, table
from meyasubako.service.client.joint import JointFile
from meyasubako.service.client.recovery_desk import Kept, RecoveryDesk, notice
from meyasubako.service.clocks import system_clock


@click.group(cls=Commands)
def recovery() -> None:
    """Restore what a lost key opened, case by case; several holders of shares do it together.

    First the colleague gets a new key on the roster. Then, for each case: one holder asks, enough agree, as
    many release their shares, and the colleague finishes it. REQUEST is the beginning of a request's leaf
    hash, as `recovery list` shows it.
    """


request_argument = click.argument("request", metavar="REQUEST")


def _at_desk(given: dict[str, Any]) -> tuple[Asked, RecoveryDesk]:
    asked = connected(given)
    there = asked.connection
    return asked, RecoveryDesk(there.client, there.pair, there.people.roster, verified=there.people.verified)


@recovery.command(
    epilog=options.example('meyasubako recovery request 3f9a "Keiko Sato" --at URL --as rex.key --log URL')
)
@case_argument
@click.argument("person", metavar="PERSON")
@at_mechanism
def request(case: str, person: str, **given: Any) -> None:
    """Ask that PERSON, with their new key, gets CASE back.

    For CASE `all`: every case that PERSON's earlier key read.
    """
    asked, desk = _at_desk(given)
    key_id = asked.connection.people.newest(person)
    if case != "all":
        done(asked, desk.ask(case, key_id), "asked")
        return
    events = [desk.ask(file.case.stream, key_id) for file in desk.missing(key_id)]
    rows = [{"case": event.stream, "request": event.leaf} for event in events]
    emit({"asked": rows, "cases": len(rows)}, as_json=asked.as_json, show=lambda out: _drawn(out, rows))


def _drawn(out: Console, rows: list[dict[str, str]]) -> None:
    if not rows:
        out.print("There is no case that this person's earlier key read, and of which you hold shares.")
    for row in rows:
        out.print(f"asked for case {row['case'][:8]}: request {row['request'][:12]}")


def _facts(file: JointFile, asked: requests.Request, connection: Connection) -> dict[str, Any]:
    rooms = [file.rooms[stream].name for stream in asked.rooms if stream in file.rooms]
    return {
        "request": asked.leaf,
        "case": file.case.stream,
        "for": connection.name(asked.to),
        "asked_by": connection.name(asked.by),
        "on": asked.on.isoformat(),
        "rooms": sorted(rooms),
        "state": state_of(asked),
        "agreed": sorted(connection.name(each) for each in asked.approved),
        "released": sorted({connection.name(each.holder) for each in asked.released}),
        "until": day(asked.until),
    }


@recovery.command("list", epilog=options.example("meyasubako recovery list --at URL --as rex.key"))
@at_mechanism
def list_(**given: Any) -> None:
    """List requests. Shares that you were given and nobody looked at yet are looked at, and signed for."""
    asked, desk = _at_desk(given)
    rows = [_facts(file, each, asked.connection) for file, each in desk.asked()]

    def show(out: Console) -> None:
        if not rows:
            out.print("Nobody asked for lost access.")
            return
        made = table("request", "case", "for", "on", "state", "agreed", "released")
        for row in rows:
            agreed, released = ", ".join(row["agreed"]), ", ".join(row["released"])
            made.add_row(
                row["request"][:12], row["case"][:8], plain(row["for"]), row["on"], row["state"],
                plain(agreed), plain(released),
            )  # fmt: skip
        out.print(made)

    emit({"requests": rows}, as_json=asked.as_json, show=show)


@recovery.command(epilog=options.example("meyasubako recovery approve 3f9a --at URL --as rex.key --log URL"))
@request_argument
@at_mechanism
def approve(request: str, **given: Any) -> None:
    """Agree. Compare the fingerprint of the colleague's new key with them by voice before."""
    asked, desk = _at_desk(given)
    done(asked, desk.approve(request), "agreed")


@recovery.command(epilog=options.example("meyasubako recovery release 3f9a --at URL --as rex.key --log URL"))
@request_argument
@days_option
@at_mechanism
def release(request: str, days: int, **given: Any) -> None:
    """Release your shares of this case to the colleague's new key alone."""
    asked, desk = _at_desk(given)
    done(asked, desk.release(request, period(days)), "released")


@recovery.command(epilog=options.example("meyasubako recovery finish 3f9a --at URL --as new.key --log URL"))
@request_argument
@at_mechanism
def finish(request: str, **given: Any) -> None:
    """Put the keys together from the released shares, and take the case back."""
    asked, desk = _at_desk(given)
    done(asked, desk.finish(request), "access restored")


@recovery.command(
    epilog=options.example('meyasubako recovery check --at URL --as rex.key --lost "Keiko Sato" --lost Ria')
)
@click.option("--lost", multiple=True, metavar="PERSON", help="Somebody whose key is lost; may be repeated.")
@click.option(
    "--notice",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the text of a breach notice about the cases that are lost to FILE.",
)
@at_mechanism
def check(lost: tuple[str, ...], path: Path | None, **given: Any) -> None:
    """Say of every case that you are shown whether it can still be read, and whether it could be restored.

    A case is lost where nobody reads it any more and too few shares are left; nothing brings it back.
    """
    asked, desk = _at_desk(given)
    people = [asked.connection.people.newest(each) for each in lost]
    kept = desk.kept(people)
    rows = [_row(each, asked.connection) for each in kept]
    if path is not None:
        if not any(each.lost for each in kept):
            raise InputError("no case is lost: there is nothing to notify")
        names = [asked.connection.name(each) for each in people]
        with path.open("x", encoding="utf-8") as file:
            file.write(notice(kept, names, system_clock().date().isoformat()))

    def show(out: Console) -> None:
        made = table("case", "state", "readers", "shares left")
        for row in rows:
            shares = ", ".join(
                f"{each['room']}/{each['epoch']}: {each['left']} of {each['needed'] or 'none'}"
                for each in row["shares"]
            )
            made.add_row(row["case"][:8], row["state"], plain(", ".join(row["readers"])), shares)
        out.print(made)

    facts = {"cases": rows, "lost": sorted(each.case for each in kept if each.lost)}
    emit(facts, as_json=asked.as_json, show=show)


def _row(kept: Kept, connection: Connection) -> dict[str, Any]:
    state = "lost" if kept.lost else "safe" if kept.recoverable and kept.readers else "at risk"
    return {
        "case": kept.case,
        "state": state,
        "readers": [connection.name(each) for each in kept.readers],
        "shares": [
            {"room": room, "epoch": epoch, "left": left, "needed": needed}
            for room, epoch, left, needed in kept.rooms
        ],
    }
