"""Options that several commands share, so that one name means one thing everywhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]

_DIGITS = 24
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

as_json = click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON, for scripts.")

keyfile = click.option(
    "--as", "keyfile", type=_FILE, required=True, metavar="KEYFILE", help="Your key file: who does this."
)
passphrase_file = click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Read the pass phrase from the first line of FILE instead of asking for it.",
)
proxy = click.option(
    "--proxy",
    metavar="URL",
    help="Go through this proxy, for example Tor's: socks5h://127.0.0.1:9050",
)


def _six_groups(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """A slip of the hand must not look like another mechanism."""
    digits = "".join((value or "").split())
    if value is not None and (len(digits) != _DIGITS or not digits.isdecimal()):
        raise click.BadParameter("a fingerprint is six groups of four digits, as on the poster")
    return value


fingerprint = click.option(
    "--fingerprint",
    metavar="DIGITS",
    callback=_six_groups,
    help="The mechanism's fingerprint, from its poster: refuse any other mechanism.",
)
_FIRST_USE = click.option(
    "--first-use",
    is_flag=True,
    help="Believe that this is the right mechanism, without a fingerprint to compare.",
)
_STALE = click.option(
    "--accept-stale",
    is_flag=True,
    help="Go on although the published list of readers is older than two slots, or dated in the future: it "
    "may be an old one.",
)
_UNWITNESSED = click.option(
    "--accept-unwitnessed",
    is_flag=True,
    help="Go on although too few witnesses have seen the list: it may be one that only you are shown.",
)


def demands(command: Command) -> Command:
    """What a mechanism must be before a key is wrapped to its people, and what to put up with."""
    for option in (_UNWITNESSED, _STALE, _FIRST_USE, fingerprint):
        command = option(command)
    return command


attached = click.option(
    "--file",
    "attached",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="Send FILE along (may be repeated).",
)


def server(what: str) -> Callable[[Command], Command]:
    """`--at URL`: the address of a door."""
    return click.option("--at", "url", metavar="URL", required=True, help=f"The address of {what}.")


def log_url(otherwise: str) -> Callable[[Command], Command]:
    """`--log URL`: where the public log is, by which readers are verified before a key is wrapped to them.

    `otherwise` says what is done without it.
    """
    return click.option(
        "--log",
        "log_url",
        metavar="URL",
        help="The address of the mechanism's log: the readers are verified there before anything is sealed. "
        + otherwise,
    )


def example(*lines: str) -> str:
    """The end of a command's help: what one types."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
