"""From the options of `seal` and `open` to recipients and identities.

- Recipients come as words, as files of recipients, as public lines (`key new` writes them), or by the name
  of a person on a roster, see `seal_roster`.
- Identities come from plain age identity files, from ones that are sealed with a pass phrase, and from key
  files, which are such files.
- A pass phrase is typed without echo, or read from a file; never from an argument. Two things are not read
  from standard input at once.

What is imported late is so because these two commands are measured against small native tools, from their
start.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

from meyasubako.crypto.age import (
    HybridIdentity,
    HybridRecipient,
    Identity,
    Recipient,
    ScryptIdentity,
    ScryptRecipient,
    X25519Identity,
    X25519Recipient,
    dearmor,
    is_armored,
    parse_identities,
    parse_recipient,
    parse_recipients,
    unseal,
)
from meyasubako.crypto.errors import BadKeyError, WrongKeyError
from meyasubako.service.cli.seal_roster import Named, Wanted, is_address, people_at, people_in

_MAX_KEYS: Final = 1 << 24
_SEALED: Final = b"age-encryption.org/"
_DASH: Final = "-"


@dataclass
class Inputs:
    """What is read besides the file itself; standard input is lent to one reader only."""

    passphrase_file: Path | None
    taken: list[str] = field(default_factory=list)

    def claim_stdin(self, reader: str) -> None:
        """Let one reader have standard input; a second one is refused."""
        if self.taken:
            raise click.UsageError(f"standard input cannot be both {self.taken[0]} and {reader}")
        self.taken.append(reader)

    def read(self, path: str, what: str) -> bytes:
        """A small file, or standard input for `-`."""
        if path == _DASH:
            self.claim_stdin(what)
            data = sys.stdin.buffer.read(_MAX_KEYS + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(_MAX_KEYS + 1)
        if len(data) > _MAX_KEYS:
            raise click.UsageError(f"{path} is too large to hold {what}")
        return data

    def passphrase(self, prompt: str, *, again: bool = False) -> str:
        """The pass phrase: the first line of the file that was named, or typed."""
        if self.passphrase_file is not None:
            line = self.read(str(self.passphrase_file), "the pass phrase").partition(b"\n")[0]
            return line.removesuffix(b"\r").decode("utf-8", "surrogateescape")
        return _typed(prompt, again=again)


def recipients(
    inputs: Inputs,
    words: Sequence[str],
    files: Sequence[str],
    identity_files: Sequence[str],
    rosters: Sequence[str],
    wanted: Wanted,
) -> list[Recipient]:
    """Everybody to seal to. `BadKeyError`, or `click.UsageError` for a name that is not one person's."""
    people = [person for roster in rosters for person in _people(inputs, roster, wanted)]
    found: list[Recipient] = [_recipient(word, people) for word in words]
    for path in files:
        found += _recipients_in(inputs.read(path, "recipients"), path)
    for path in identity_files:
        found += [_recipient_of(identity, path) for identity in identities(inputs, [path])]
    return found


def new_passphrase(inputs: Inputs) -> ScryptRecipient:
    """A pass phrase to seal with: as given, or made and shown once where none is typed."""
    typed = inputs.passphrase("New pass phrase (Enter alone makes one for you)", again=True)
    if typed:
        return ScryptRecipient(typed)
    if inputs.passphrase_file is not None:
        raise click.UsageError("the pass phrase file begins with an empty line")
    from meyasubako.crypto.keyfile import generate_passphrase  # noqa: PLC0415  # see above

    made = generate_passphrase()
    click.echo(f"\nThe pass phrase, shown this once. Write it down:\n\n    {made}\n", err=True)
    return ScryptRecipient(made)


def identities(inputs: Inputs, files: Sequence[str]) -> list[Identity]:
    """The identities in these files, asking for the pass phrases of those that are sealed."""
    found: list[Identity] = []
    for path in files:
        data = inputs.read(path, "identities")
        if is_armored(data[:100]):
            data = dearmor(data)
        if data.startswith(_SEALED):
            data = _unlocked(inputs, data, path)
        try:
            found += parse_identities(data.decode("utf-8"))
        except UnicodeDecodeError:
            raise click.UsageError(f"{path} does not hold identities") from None
        except BadKeyError as error:
            raise BadKeyError(f"{path}: {error}") from None
    return found


def opening_passphrase(inputs: Inputs) -> ScryptIdentity:
    """A pass phrase to open with."""
    return ScryptIdentity(inputs.passphrase("Pass phrase"))


def _unlocked(inputs: Inputs, data: bytes, path: str) -> bytes:
    phrase = inputs.passphrase(f"Pass phrase of {path}")
    try:
        return unseal(data, ScryptIdentity(phrase))
    except WrongKeyError:
        raise WrongKeyError(f"the pass phrase does not open {path}") from None


def _recipient(word: str, people: Sequence[Named]) -> Recipient:
    if word.startswith(("age1", "AGE-")):
        return parse_recipient(word)
    if not people:
        raise BadKeyError("a recipient begins with age1pq1 or age1; to name a person, give --roster")
    named = [person for person in people if person.name.casefold() == word.casefold()]
    if len({person.recipient for person in named}) != 1:
        known = ", ".join(sorted({person.name for person in people}))
        raise click.UsageError(f"{word!r} is not one person's name in the roster; known are: {known}")
    return named[0].recipient


def _recipients_in(data: bytes, path: str) -> list[HybridRecipient | X25519Recipient]:
    try:
        text = data.decode("utf-8")
        # A public line ends in a proof of possession; a recipient is one word.
        if any(" " in line for line in _lines(text)):
            return [person.recipient for person in people_in(data)]
        return parse_recipients(text)
    except UnicodeDecodeError:
        raise click.UsageError(f"{path} does not hold recipients") from None
    except BadKeyError as error:
        raise BadKeyError(f"{path}: {error}") from None


def _people(inputs: Inputs, roster: str, wanted: Wanted) -> list[Named]:
    if is_address(roster):
        return people_at(roster, wanted)
    try:
        return people_in(inputs.read(roster, "a roster"))
    except UnicodeDecodeError:
        raise click.UsageError(f"{roster} does not hold public lines") from None


def _lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        word = line.removesuffix("\r")
        if word and not word.startswith("#"):
            yield word


def _recipient_of(identity: Identity, path: str) -> Recipient:
    if isinstance(identity, HybridIdentity | X25519Identity):
        return identity.recipient
    raise click.UsageError(f"{path} holds no identity that has a recipient")


def _typed(prompt: str, *, again: bool) -> str:
    import getpass  # noqa: PLC0415  # see above

    try:
        # Asked at the terminal itself: standard input is often the file to seal.
        with Path("/dev/tty").open("rb"):
            pass
    except OSError:
        raise click.UsageError("there is no terminal to ask in: use --passphrase-file FILE") from None
    while True:
        typed = getpass.getpass(f"{prompt}: ")
        if not typed or not again or typed == getpass.getpass("The same again: "):
            return typed
        click.echo("These two differ. Once more.", err=True)
