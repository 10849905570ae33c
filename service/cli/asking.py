"""Asking for what nobody else may see, and opening key files with it.

- A pass phrase or a receipt is typed without echo, or read from a file or a pipe; never from an argument,
  which every process on the machine could read, and never from the environment.
"""

import sys
from pathlib import Path
from typing import Final

import click

from meyasubako.crypto.errors import WrongKeyError
from meyasubako.crypto.keyfile import KeyPair, read_keyfile
from meyasubako.crypto.receipt import Receipt
from meyasubako.service.cli.failures import InputError

USE_FILE: Final = "use --passphrase-file FILE"


def first_line(path: Path) -> str:
    """The first line of a text file, or of standard input for `-`, without its line break."""
    if str(path) == "-":
        return sys.stdin.readline().rstrip("\r\n")
    with path.open(encoding="utf-8") as file:
        return file.readline().rstrip("\r\n")


def ask(prompt: str, *, again: bool = False, may_be_empty: bool = False, instead: str = USE_FILE) -> str:
    """Type something without echo; `again` asks twice.

    Where there is no terminal to type into it refuses, and says what to do `instead`.
    """
    if not sys.stdin.isatty():
        raise InputError(f"there is no terminal to ask in: {instead}")
    while True:
        typed: str = click.prompt(prompt, hide_input=True, err=True, default="", show_default=False)
        if not typed and not may_be_empty:
            continue
        if not typed or not again:
            return typed
        if typed == click.prompt("The same again", hide_input=True, err=True, default="", show_default=False):
            return typed
        click.echo("These two differ. Once more.", err=True)


def unlock(keyfile: Path, passphrase_file: Path | None) -> KeyPair:
    """The keys in a key file; asks for the pass phrase where no file holds it."""
    data = keyfile.read_bytes()
    passphrase = first_line(passphrase_file) if passphrase_file else ask(f"Pass phrase of {keyfile}")
    try:
        return read_keyfile(data, passphrase)
    except WrongKeyError:
        raise InputError(f"the pass phrase does not open {keyfile}") from None


def read_receipt() -> Receipt:
    """The reporter's receipt: typed without echo, or the first line of standard input."""
    if sys.stdin.isatty():
        return Receipt.parse(ask("Your receipt (it is not shown)"))
    return Receipt.parse(sys.stdin.readline())
