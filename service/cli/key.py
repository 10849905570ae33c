"""`key`: a person's own keys, made on their own machine."""

import os
from pathlib import Path

import click

from meyasubako.crypto.keyfile import (
    WORK_FACTOR,
    KeyPair,
    Person,
    change_passphrase,
    generate_passphrase,
    parse_public_line,
    write_keyfile,
)
from meyasubako.service.cli import options
from meyasubako.service.cli.asking import ask, first_line
from meyasubako.service.cli.failures import Commands, InputError
from meyasubako.service.cli.output import console, emit

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(cls=Commands)
def key() -> None:
    """Make and look at key files."""


@key.command(epilog=options.example('meyasubako key new "Keiko Sato" -o keiko.key'))
@click.argument("name")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="KEYFILE",
    help="Where to write the key file; KEYFILE.pub is written beside it.",
)
@options.passphrase_file
@options.as_json
@click.option("--work-factor", type=click.IntRange(10, 22), default=WORK_FACTOR, hidden=True)
def new(name: str, out: Path, passphrase_file: Path | None, *, as_json: bool, work_factor: int) -> None:
    """Make a key file for the person NAME.

    KEYFILE holds the secret keys under a pass phrase, in a form that stock age opens. Keep it, and a copy
    elsewhere: nobody can make it again. KEYFILE.pub is one public line for whoever enrols you. Compare its
    fingerprint with them by voice.
    """
    public = out.with_name(out.name + ".pub")
    for path in (out, public):
        if path.exists():
            raise InputError(f"{path} exists already and is left as it is")
    pair = KeyPair.generate(name)
    passphrase = first_line(passphrase_file) if passphrase_file else _new_passphrase()
    person = pair.person()
    _write(out, write_keyfile(pair, name, passphrase, work_factor), 0o600)
    _write(public, f"{person.public_line()}\n".encode(), 0o644)
    facts = {"name": name, **_public_facts(person), "key_file": str(out), "public_file": str(public)}
    emit(facts, as_json=as_json)


@key.command(epilog=options.example("meyasubako key show keiko.key.pub"))
@click.argument("file", type=_EXISTING)
@options.as_json
def show(file: Path, *, as_json: bool) -> None:
    """Check the public line in FILE and show whose it is, with the fingerprint to compare by voice."""
    person = read_public(file)
    emit({"name": person.name, **_public_facts(person)}, as_json=as_json)


@key.command(epilog=options.example("meyasubako key passphrase keiko.key"))
@click.argument("file", type=_EXISTING)
def passphrase(file: Path) -> None:
    """Give the key file FILE another pass phrase."""
    old = ask("Pass phrase so far", instead="run this in a terminal")
    data = change_passphrase(file.read_bytes(), old, _new_passphrase())
    beside = file.with_name(f".{file.name}.new")
    beside.unlink(missing_ok=True)
    _write(beside, data, 0o600)
    beside.replace(file)
    console().print("The key file has the new pass phrase now.")


def read_public(path: Path) -> Person:
    """The person of a public line in a file; the proof of possession is checked."""
    try:
        return parse_public_line(first_line(path))
    except UnicodeDecodeError:
        raise InputError(f"{path} holds no public line: give the file whose name ends in .pub") from None


def _public_facts(person: Person) -> dict[str, str]:
    return {"fingerprint": person.fingerprint, "key_id": person.key.key_id}


def _new_passphrase() -> str:
    typed = ask("New pass phrase (Enter alone makes one for you)", again=True, may_be_empty=True)
    if typed:
        return typed
    made = generate_passphrase()
    click.echo(f"\nYour pass phrase, shown this once. Write it down:\n\n    {made}\n", err=True)
    return made


def _write(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
