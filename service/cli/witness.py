"""`witness`: vouch for other logs, without seeing a word of them."""

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from meyasubako.crypto.errors import BadNoteError
from meyasubako.crypto.note import NoteKey
from meyasubako.service.cli import options
from meyasubako.service.cli.failures import FINDINGS, Commands, InputError
from meyasubako.service.cli.output import console, emit, table
from meyasubako.service.witness import founding, server
from meyasubako.service.witness.errors import MemoryLostError
from meyasubako.service.witness.memory import Admitted, Memory

_DIRECTORY = click.argument("directory", type=click.Path(file_okay=False, path_type=Path))


@click.group(cls=Commands)
def witness() -> None:
    """Witness the logs of others: sign that what they publish only ever grows."""


@witness.command(epilog=options.example("meyasubako witness new var/witness --name witness.example.org/box"))
@_DIRECTORY
@click.option("--name", required=True, help="The witness's name, for ever: like witness.example.org/box.")
@options.as_json
def new(directory: Path, name: str, *, as_json: bool) -> None:
    """Make a witness in DIRECTORY, with fresh keys.

    Give both keys to the logs that you will witness. A witness whose DIRECTORY was lost, or put back from a
    backup, is not made again under these keys: make a new one.
    """
    keys = founding.found(directory, name)
    emit({"directory": str(directory), "name": name, "keys": list(keys)}, as_json=as_json)


@witness.command(epilog=options.example("meyasubako witness serve var/witness --bind 127.0.0.1:8014"))
@_DIRECTORY
@click.option(
    "--bind", required=True, metavar="HOST:PORT", help="Where to listen; port 0 takes any free one."
)
@options.as_json
def serve(directory: Path, bind: str, *, as_json: bool) -> None:
    """Serve the witness in DIRECTORY until it is stopped.

    It refuses to start if its two records disagree, or if they are not where they were written: a restored
    copy could be made to sign a fork.
    """
    server.serve(directory, bind, as_json=as_json)


@witness.command(
    epilog=options.example("meyasubako witness admit var/witness log.example.org+5d6f9d9f+AQOhB7/zzhC…")
)
@_DIRECTORY
@click.argument("log_vkey", nargs=-1, required=True)
@click.option("--origin", help="The log's origin, where it is not the name of its key.")
@options.as_json
def admit(directory: Path, log_vkey: tuple[str, ...], origin: str | None, *, as_json: bool) -> None:
    """Witness the log that signs with LOG_VKEY from now on; give several for a log with several keys.

    A running witness takes it at once. The first checkpoint that the log sends is believed.
    """
    keys = [_key(text) for text in log_vkey]
    memory = Memory.open(directory)
    for key in keys:
        memory.admit(origin or key.name, key)
    emit({"admitted": [origin or key.name for key in keys]}, as_json=as_json)


@witness.command(
    epilog=options.example("meyasubako witness dismiss var/witness log.example.org+5d6f9d9f+AQOhB7/zzhC…")
)
@_DIRECTORY
@click.argument("log_vkey")
@options.as_json
def dismiss(directory: Path, log_vkey: str, *, as_json: bool) -> None:
    """Trust the log key LOG_VKEY no longer. What was seen of its log stays remembered."""
    key = _key(log_vkey)
    Memory.open(directory).dismiss(key)
    emit({"dismissed": key.name}, as_json=as_json)


@witness.command("list", epilog=options.example("meyasubako witness list var/witness"))
@_DIRECTORY
@options.as_json
@click.pass_context
def list_logs(context: click.Context, directory: Path, *, as_json: bool) -> None:
    """Show the logs that are witnessed in DIRECTORY, and the last tree of each.

    `head` stands for all that was ever seen. Note it when the witness has been stopped, before you move it.
    Exits with 1 if the witness refuses to sign, and says why.
    """
    memory, why = Memory(directory), ""
    try:
        Memory.open(directory).close()
    except MemoryLostError as error:
        why = str(error)
    logs, head = memory.admitted(), memory.head()
    facts = {"head": head, "refuses_to_sign": why, "logs": [_facts(log) for log in logs]}
    emit(facts, as_json=as_json, show=lambda target: _show(target, head, why, logs))
    if why:
        context.exit(FINDINGS)


@witness.command(epilog=options.example("meyasubako witness moved var/witness --head 3f5c…"))
@_DIRECTORY
@click.option("--head", required=True, help="What `witness list` showed where the witness ran last.")
def moved(directory: Path, head: str) -> None:
    """Say that the witness in DIRECTORY was moved here, and that no other copy will ever run again.

    Only for a move: it was stopped, its whole directory was copied, and HEAD is what it showed after it was
    stopped. A backup may be older than what the witness has signed since; then make a new witness.
    """
    Memory.confirm_moved(directory, head)
    console().print("The witness may be served here now. Never start the copy that it came from.")


def _facts(log: Admitted) -> dict[str, object]:
    seen = log.seen
    return {
        "origin": log.origin,
        "keys": [key.text for key in log.keys],
        "size": seen.size if seen else 0,
        "root": seen.root.hex() if seen else "",
        "time": seen.time if seen else 0,
        "refused": log.refused,
    }


def _key(text: str) -> NoteKey:
    try:
        return NoteKey.parse(text)
    except BadNoteError as error:
        raise InputError(f"this is not a log's key (name+id+base64): {error}") from error


def _show(target: Console, head: str, why: str, logs: list[Admitted]) -> None:
    rows = table("log", "size", "admitted keys", "kept refusals")
    for log in logs:
        size = str(log.seen.size) if log.seen else "never seen"
        rows.add_row(escape(log.origin), size, str(len(log.keys)), str(log.refused))
    target.print(rows)
    target.print(f"[dim]head[/]  {head}")
    if why:
        target.print(f"[bold red]refuses to sign[/]  {escape(why)}")
