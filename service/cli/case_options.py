"""What the commands under `cases` share: how each finds the mechanism, and the texts that they are given."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import click

from meyasubako.domain.envelope import Event
from meyasubako.service.cli import options
from meyasubako.service.cli.asking import unlock
from meyasubako.service.cli.connecting import Connection, connect
from meyasubako.service.cli.failures import InputError
from meyasubako.service.cli.output import emit
from meyasubako.service.client.pins import Demands
from meyasubako.service.clocks import system_clock

TEXT_LIMIT = 100_000


def at_mechanism(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options with which every command here finds the mechanism and says who acts."""
    for option in reversed(
        (
            options.server("the handlers' API"),
            options.keyfile,
            options.passphrase_file,
            options.log_url("What gives somebody a key needs it."),
            options.demands,
            options.proxy,
            options.as_json,
        )
    ):
        command = option(command)
    return command


case_argument = click.argument("case", metavar="CASE")
text_option = click.option("--text", help="What to write; standard input if left out.")
to_option = click.option(
    "--to", multiple=True, metavar="PERSON", help="Who answers for the organisation; may be given twice."
)
next_option = click.option(
    "--next",
    "next_date",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="The day by which the reporter hears more; in 30 days if left out.",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What every command here is given, gathered into one connection."""

    connection: Connection
    as_json: bool


def connected(options_given: dict[str, Any]) -> Asked:
    """Open the key file and reach the mechanism."""
    pair = unlock(options_given["keyfile"], options_given["passphrase_file"])
    connection = connect(
        options_given["url"],
        pair,
        log_url=options_given["log_url"],
        demands=Demands(
            options_given["fingerprint"],
            options_given["first_use"],
            options_given["accept_stale"],
            options_given["accept_unwitnessed"],
        ),
        proxy=options_given["proxy"],
    )
    return Asked(connection, options_given["as_json"])


def text_given(text: str | None) -> str:
    """The text of an option, or what standard input holds; refuses an empty and an overlong one."""
    if text is None:
        if sys.stdin.isatty():
            click.echo("Write, and end with Ctrl-D on a line of its own:", err=True)
        text = sys.stdin.read()
    text = text.strip()
    if not text:
        raise InputError("the text is empty")
    if len(text) > TEXT_LIMIT:
        raise InputError(f"the text has {len(text)} characters; at most {TEXT_LIMIT} fit one message")
    return text


def next_day(given: Any) -> date:
    """The next date: click hands over a datetime, or nothing."""
    return given.date() if given else system_clock().date() + timedelta(days=30)


def done(asked: Asked, event: Event, what: str) -> None:
    """Say that an act is in the log."""
    facts = {"done": what, "kind": event.kind, "day": event.at.isoformat(), "leaf": event.leaf}
    emit(facts, as_json=asked.as_json)
