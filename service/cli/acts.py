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
from meyasubako.crypto.keyfile import fingerprint
from meyasubako.crypto.signing import VerifyKey
from meyasubako.domain.people import Proposal
from meyasubako.service.cli import options
from meyasubako.service.cli.asking import unlock
from meyasubako.service.cli.connecting import handler_client
from meyasubako.service.cli.failures import InputError
from meyasubako.service.cli.output import console, emit, plain, print_facts, table
from meyasubako.service.client.cards import card_name
from meyasubako.service.client.stewardship import Stewardship
from meyasubako.service.rotation import keys_fingerprint

_ENROLLED = "person.enrolled"
_LIMIT = 64 * 1024
# What of a proposal's body a table has room for.
_TELLING = ("roles", "role", "channel", "profile", "threshold", "letterbox", "of", "fingerprint")


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
    printed on the server; for somebody's own key, the one that they read to you from `key show`.
    """
    if (leaf is not None) == listing:
        raise click.UsageError("Give the LEAF of a proposal, or --list.")
    stewardship = steward(url, keyfile, passphrase_file, proxy)
    if leaf is None:
        draw_proposals(stewardship, as_json=as_json)
        return
    standing = stewardship.standing()
    found = [each for each in standing if each.startswith(leaf.lower())]
    if len(found) != 1:
        raise InputError(f"no single proposal that stands begins with {leaf}; see --list")
    facts = _named(stewardship, {found[0]: standing[found[0]]})[found[0]]
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
    key = body.get("key") or (keys[0] if isinstance(keys, list) and body.get("of") == "person" else None)
    if isinstance(key, str):
        # A person's own fingerprint, as `key show` prints it on their machine.
        facts["fingerprint"] = fingerprint(str(body["recipient"]), VerifyKey.parse(key).key_id)
    return facts


def _named(stewardship: Stewardship, standing: Mapping[str, Proposal]) -> dict[str, dict[str, object]]:
    """Proposals as facts, with the names of the people and cards in them."""
    _, names = stewardship.known()
    cards = stewardship.cards()
    found = {}
    for leaf, each in standing.items():
        facts = described(each.kind, each.body)
        facts["proposed_by_name"] = names.get(each.by, each.by[:8])
        about = each.body.get("people", [each.body.get("person", "")])
        listed = [names[str(key)] for key in about if str(key) in names] if isinstance(about, list) else []
        card = each.body.get("card")
        if each.kind == _ENROLLED and isinstance(card, dict):
            listed.append(card_name(cards, str(card["ref"])))
        if listed:
            facts["names"] = listed
        found[leaf] = facts
    return found


def read_act(path: Path) -> tuple[str, dict[str, JsonValue]]:
    """The kind and body of an act out of a JSON file."""
    try:
        data = sys.stdin.read(_LIMIT) if str(path) == "-" else path.read_text(encoding="utf-8")
        act = msgspec.json.decode(data, type=_Act)
    except msgspec.DecodeError:
        raise InputError(f"{path} holds no act: JSON with kind, v and body") from None
    return act.kind, act.body


def draw_proposals(stewardship: Stewardship, *, as_json: bool) -> None:
    """Show what waits for a second person."""
    standing = stewardship.standing()
    named = _named(stewardship, standing)
    rows: list[dict[str, Any]] = [
        {"leaf": leaf, "proposed_by": each.by, "day": each.on.isoformat(), **named[leaf]}
        for leaf, each in standing.items()
    ]

    def show(out: Console) -> None:
        if not rows:
            out.print("Nothing waits for a second person.")
            return
        made = table("proposal", "by", "since", "act", "what")
        for row in rows:
            what = [*row.get("names", ()), *(str(row[name]) for name in _TELLING if name in row)]
            made.add_row(
                row["leaf"][:12],
                plain(row["proposed_by_name"]),
                row["day"],
                row["act"],
                plain(", ".join(what)),
            )
        out.print(made)

    emit({"proposals": rows}, as_json=as_json, show=show)
