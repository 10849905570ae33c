"""`enroll`: put somebody on the roster, in two steps by two people."""

import sys
from pathlib import Path

import click
from rich.console import Console

from meyasubako.domain import roles
from meyasubako.service.cli import options
from meyasubako.service.cli.asking import unlock
from meyasubako.service.cli.connecting import handler_client
from meyasubako.service.cli.failures import InputError
from meyasubako.service.cli.key import read_public
from meyasubako.service.cli.output import emit, plain, table
from meyasubako.service.client.stewardship import Proposed, Stewardship


@click.command(
    epilog=options.example(
        "meyasubako enroll --at URL --as dan.key --role intake:main mei.key.pub",
        "meyasubako enroll --at URL --as eva.key --confirm 3f9a",
        "meyasubako enroll --at URL --as eva.key --list",
    )
)
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.server("the handlers' API")
@options.keyfile
@options.passphrase_file
@click.option("--role", "given", multiple=True, help="A role to give; more than once for several.")
@click.option(
    "--confirm", metavar="LEAF", help="Be the second person: confirm the proposal that begins with LEAF."
)
@click.option("--list", "listing", is_flag=True, help="Show what waits for a second person.")
@click.option("--yes", is_flag=True, help="Do not ask whether you compared the fingerprint.")
@options.proxy
@options.as_json
def enroll(  # noqa: PLR0913  each is an option of the command
    file: Path | None,
    *,
    url: str,
    keyfile: Path,
    passphrase_file: Path | None,
    given: tuple[str, ...],
    confirm: str | None,
    listing: bool,
    yes: bool,
    proxy: str | None,
    as_json: bool,
) -> None:
    """Put the person of the public line in FILE on the roster.

    A steward proposes, a second person (another steward, or an outsider) confirms: nobody alone decides who
    reads. Only an auditor or a publisher is enrolled by one steward. Before confirming, compare the
    fingerprint with the new person by voice. A new key counts from the first checkpoint after the waiting
    time.
    """
    if (file is not None) + (confirm is not None) + listing != 1:
        raise click.UsageError("Give the FILE of a public line, or --confirm LEAF, or --list.")
    if file is not None and not given:
        raise click.UsageError("Give at least one --role, for example --role intake:main.")
    for role in given:
        if not roles.is_role(role):
            raise click.UsageError(f"{role!r} is not a role.")
    person = read_public(file) if file else None
    stewardship = Stewardship(handler_client(url, pair := unlock(keyfile, passphrase_file), proxy), pair)
    if listing:
        _list(stewardship.proposed(), as_json=as_json)
    elif confirm is not None:
        _confirm(stewardship, confirm, yes=yes, as_json=as_json)
    elif person is not None:
        event, proposed = stewardship.enroll(person, given)
        facts = {
            "person": person.name,
            "roles": sorted(given),
            "fingerprint": person.fingerprint,
            "state": "proposed" if proposed else "enrolled",
            "leaf": event.leaf,
        }
        if proposed and not as_json:
            facts["next"] = (
                f"a second person runs: meyasubako enroll --at {url} --as … --confirm {event.leaf[:12]}"
            )
        emit(facts, as_json=as_json)


def _list(waiting: list[Proposed], *, as_json: bool) -> None:
    rows = [
        {
            "leaf": each.leaf,
            "person": each.name,
            "roles": list(each.roles),
            "fingerprint": each.fingerprint,
            "proposed_by": each.by,
        }
        for each in waiting
    ]

    def show(out: Console) -> None:
        if not waiting:
            out.print("Nothing waits for a second person.")
            return
        made = table("proposal", "person", "roles", "fingerprint")
        for each in waiting:
            made.add_row(each.leaf[:12], plain(each.name), ", ".join(each.roles), each.fingerprint)
        out.print(made)

    emit({"proposals": rows}, as_json=as_json, show=show)


def _confirm(stewardship: Stewardship, leaf: str, *, yes: bool, as_json: bool) -> None:
    found = [each for each in stewardship.proposed() if each.leaf.startswith(leaf.lower())]
    if len(found) != 1:
        raise InputError(f"no single proposal that stands begins with {leaf}; see --list")
    person = found[0]
    if not yes:
        if not sys.stdin.isatty():
            raise InputError("there is no terminal to ask in: compare the fingerprint, then use --yes")
        click.echo(f"{person.name}: {', '.join(person.roles)}\nfingerprint {person.fingerprint}", err=True)
        click.confirm("Did the person read you this fingerprint?", abort=True, err=True)
    event = stewardship.confirm(person.leaf)
    facts = {
        "person": person.name,
        "roles": list(person.roles),
        "fingerprint": person.fingerprint,
        "state": "enrolled",
        "leaf": event.leaf,
    }
    emit(facts, as_json=as_json)
