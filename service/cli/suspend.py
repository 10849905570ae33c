"""`suspend`: what a steward does when somebody's key may be in other hands, alone and at once."""

import sys
from pathlib import Path

import click

from meyasubako.service.cli import options
from meyasubako.service.cli.acts import steward
from meyasubako.service.cli.connecting import one_person
from meyasubako.service.cli.failures import InputError
from meyasubako.service.cli.output import emit


@click.command(epilog=options.example('meyasubako suspend "Omar Haddad" --at URL --as dan.key'))
@click.argument("person")
@options.server("the handlers' API")
@options.keyfile
@options.passphrase_file
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@options.proxy
@options.as_json
def suspend(
    person: str,
    *,
    url: str,
    keyfile: Path,
    passphrase_file: Path | None,
    yes: bool,
    proxy: str | None,
    as_json: bool,
) -> None:
    """Suspend PERSON, so that their key may act and read no more.

    PERSON is a name, or the beginning of a key id. One steward alone can do this: a stolen key does not wait.
    It is published at once. Two people lift it (`people restore`) where the key was never in other hands, or
    put a new key in its place (`people rotate`). What the key could open until now, whoever has it may have
    kept.
    """
    stewardship = steward(url, keyfile, passphrase_file, proxy)
    people = stewardship.people()
    key_id = one_person(people, person)
    if not yes:
        if not sys.stdin.isatty():
            raise InputError("there is no terminal to ask in: use --yes")
        click.confirm(f"Suspend {people[key_id]!r} ({key_id}) now?", abort=True, err=True)
    event = stewardship.suspend(key_id)
    emit(
        {"person": people[key_id], "key_id": key_id, "state": "suspended", "leaf": event.leaf},
        as_json=as_json,
    )
