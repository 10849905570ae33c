"""`propose` and `confirm`: acts that take two people, whatever they are about.

- A proposal is a file with the act's kind and body, as `log rotate` writes it.
- Whoever confirms is shown exactly what the log says was proposed, never what somebody else says of it.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import click
import msgspec
from rich.console import Console

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain.people import Proposal
from meyasubako.service.cli import options
from meyasubako.service.cli.asking import unlock
from meyasubako.service.cli.connecting import handler_client
from meyasubako.service.cli.failures import InputError
from meyasubako.service.cli.output import console, emit, plain, print_facts, table
from meyasubako.service.client.stewardship import Stewardship
from meyasubako.service.rotation import keys_fingerprint

_ENROLLED = "person.enrolled"
_LIMIT = 64 * 1024


class _Act(msgspec.Struct, frozen=True):
    """An act as a file holds it; its body's own schema is asked when it is signed."""

    kind: str
    v: Literal[1]
    body: dict[str, Any]


@click.command(
    epilog=options.example(
        "meyasubako log rotate var/box successor.json --of service",
        "meyasubako propose successor.json --at URL --as dan.key",
    )
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@options.server("the handlers' API")
@options.keyfile
@options.passphrase_file
@options.proxy
@options.as_json
def propose(
    file: Path, *, url: str, keyfile: Path, passphrase_file: Path | None, proxy: str | None, as_json: bool
) -> None:
    """Propose the act in FILE (JSON with its kind and body; - reads standard input).

    It has no effect before a second person confirms it.
    """
    kind, body = read_act(file)
    send_proposal(kind, body, steward(url, keyfile, passphrase_file, proxy), url, as_json=as_json)


@click.command(
    epilog=options.example(
        "meyasubako confirm --at URL --as eva.key --list", "meyasubako confirm 3f9a --at URL --as eva.key"
    )
)
@click.argument("leaf", required=False)
@options.server("the handlers' API")
@options.keyfile
@options.passphrase_file
@click.option("--list", "listing", is_flag=True, help="Show what waits for a second person.")
@click.option("--yes", is_flag=True, help="Do not ask whether you compared what is proposed.")
@options.proxy
@options.as_json
def confirm(
    leaf: str | None,
    *,
    url: str,
    keyfile: Path,
    passphrase_file: Path | None,
    listing: bool,
    yes: bool,
    proxy: str | None,
    as_json: bool,
) -> None:
    """Be the second person for the proposal whose leaf hash begins with LEAF.

    Compare what is shown with the person who made it, by voice: for keys, the fingerprint that `log rotate`
    printed on the server. People are confirmed with `enroll --confirm`.
    """
    if (leaf is not None) == listing:
        raise click.UsageError("Give the LEAF of a proposal, or --list.")
    stewardship = steward(url, keyfile, passphrase_file, proxy)
    standing = stewardship.standing()
    if leaf is None:
        _list(standing, as_json=as_json)
        return
    found = [each for each in standing if each.startswith(leaf.lower())]
    if len(found) != 1:
        raise InputError(f"no single proposal that stands begins with {leaf}; see --list")
    proposal = standing[found[0]]
    if proposal.kind == _ENROLLED:
        raise InputError(f"this enrols a person: use meyasubako enroll --confirm {found[0][:12]}")
    facts = described(proposal.kind, proposal.body)
    if not yes:
        if not sys.stdin.isatty():
            raise InputError("there is no terminal to ask in: compare what --list shows, then use --yes")
        print_facts(console(sys.stderr), facts)
        click.confirm("Did you compare this with whoever proposed it?", abort=True, err=True)
    event = stewardship.confirm(found[0])
    emit({**facts, "state": "done", "leaf": event.leaf}, as_json=as_json)


def steward(url: str, keyfile: Path, passphrase_file: Path | None, proxy: str | None) -> Stewardship:
    """Whoever's key file this is, at a mechanism."""
    pair = unlock(keyfile, passphrase_file)
    return Stewardship(handler_client(url, pair, proxy), pair)


def send_proposal(
    kind: str, body: Mapping[str, JsonValue], stewardship: Stewardship, url: str, *, as_json: bool
) -> None:
    """Propose, and say what comes next."""
    event = stewardship.propose(kind, body)
    facts: dict[str, object] = {
        **described(kind, body),
        "state": "proposed",
        "leaf": event.leaf,
    }
    if not as_json:
        facts["next"] = f"a second person runs: meyasubako confirm {event.leaf[:12]} --at {url} --as …"
    emit(facts, as_json=as_json)


def described(kind: str, body: Mapping[str, JsonValue]) -> dict[str, object]:
    """A proposed act as facts: its kind, its body, and what of it is compared by voice."""
    facts: dict[str, object] = {"act": kind, **body}
    keys = body.get("keys")
    if isinstance(keys, list):
        facts["fingerprint"] = keys_fingerprint([str(key) for key in keys])
    return facts


def read_act(path: Path) -> tuple[str, dict[str, JsonValue]]:
    """The kind and body of an act out of a JSON file."""
    try:
        data = sys.stdin.read(_LIMIT) if str(path) == "-" else path.read_text(encoding="utf-8")
        act = msgspec.json.decode(data, type=_Act)
    except msgspec.DecodeError:
        raise InputError(f"{path} holds no act: JSON with kind, v and body") from None
    return act.kind, act.body


def _list(standing: Mapping[str, Proposal], *, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {"leaf": leaf, "proposed_by": each.by, **described(each.kind, each.body)}
        for leaf, each in standing.items()
    ]

    def show(out: Console) -> None:
        if not rows:
            out.print("Nothing waits for a second person.")
            return
        made = table("proposal", "act", "what")
        for row in rows:
            what = ", ".join(
                f"{name} {value}"
                for name, value in row.items()
                if isinstance(value, str) and name not in {"leaf", "act", "proposed_by", "proof", "recipient"}
            )
            made.add_row(str(row["leaf"])[:12], str(row["act"]), plain(what))
        out.print(made)

    emit({"proposals": rows}, as_json=as_json, show=show)
