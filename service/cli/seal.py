"""`seal` and `open`: the age tool that people would like to have, with age's meaning of its flags.

- Writes and reads what stock age tools do: post-quantum, X25519 and pass phrase recipients, binary and
  armored.
- Nothing is shown or left under its name that was not authenticated; a file with a fault is not left half
  open.
- Constant memory; reading, sealing and writing happen at the same time where there are processors for it.
"""

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from meyasubako.crypto.age import (
    ArmorReader,
    ArmorWriter,
    Identity,
    Recipient,
    Sealer,
    Sink,
    Source,
    Unsealer,
    is_armored,
)
from meyasubako.service.cli import options
from meyasubako.service.cli import seal_files as files
from meyasubako.service.cli import seal_keys as keys
from meyasubako.service.cli.seal_roster import Wanted

# A bar for less would be gone before it is seen.
_LARGE: Final = 64 << 20
_PEEK: Final = 100
_SCRYPT_STANZA: Final = b"age-encryption.org/v1\n-> scrypt "

_out = click.option(
    "-o",
    "--output",
    "out",
    metavar="OUTPUT",
    help="Write to this file; - is standard output, also to a terminal.",
)
_identity = click.option(
    "-i",
    "--identity",
    "identity_files",
    multiple=True,
    metavar="KEYFILE",
    help="A key file or an age identity file, plain or sealed with a pass phrase; - is standard input.",
)
_passphrase_file = click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Read the pass phrase from the first line of FILE instead of asking for it.",
)
_input = click.argument("file", metavar="[INPUT]", default=files.DASH)


# As `main` says it for all: so that they answer to -h wherever they are called from.
_HELP: Final = {"help_option_names": ["-h", "--help"]}


@click.command(
    context_settings=_HELP,
    epilog="\b\nExamples:\n"
    "  meyasubako seal -r age1pq1… -o report.pdf.age report.pdf\n"
    "  meyasubako seal --roster people.pub -r 'Keiko Sato' -o film.mp4.age film.mp4\n"
    "  tar c evidence | meyasubako seal -p > evidence.tar.age",
)
@click.option(
    "-r", "--recipient", "words", multiple=True, metavar="RECIPIENT", help="Seal to age1pq1… or age1…."
)
@click.option(
    "-R",
    "--recipients-file",
    "recipient_files",
    multiple=True,
    metavar="FILE",
    help="Seal to every recipient or public line in FILE; - is standard input.",
)
@click.option("-p", "--passphrase", is_flag=True, help="Seal with a pass phrase.")
@_identity
@click.option(
    "--roster",
    "rosters",
    multiple=True,
    metavar="FILE|URL",
    help="People who can then be named with -r: a file of public lines, or a mechanism's site for reporters.",
)
@options.demands
@options.proxy
@click.option("-a", "--armor", "armored", is_flag=True, help="Write ASCII armor.")
@_passphrase_file
@_out
@_input
def seal(  # noqa: PLR0913  each is an option of the command
    *,
    words: tuple[str, ...],
    recipient_files: tuple[str, ...],
    passphrase: bool,
    identity_files: tuple[str, ...],
    rosters: tuple[str, ...],
    fingerprint: str | None,
    first_use: bool,
    accept_stale: bool,
    accept_unwitnessed: bool,
    proxy: str | None,
    armored: bool,
    passphrase_file: Path | None,
    out: str | None,
    file: str,
) -> None:
    """Seal INPUT (or standard input) so that only the recipients can open it.

    Every recipient opens it alone. Post-quantum (age1pq1…), classic (age1…) and pass phrase recipients are
    never mixed in one file. With -i, the file is sealed to the owner of that identity. A mechanism's roster
    is verified against its public log first; give the --fingerprint from its poster.
    """
    inputs = keys.Inputs(passphrase_file)
    if file == files.DASH:
        inputs.claim_stdin("the file to seal")
    if passphrase and (words or recipient_files or identity_files):
        raise click.UsageError("-p stands alone: a pass phrase is never mixed with recipients")
    if not (passphrase or words or recipient_files or identity_files):
        raise click.UsageError("to whom? Give -r RECIPIENT, -R FILE, -i KEYFILE or -p")
    if files.to_terminal(out) and not armored:
        raise click.UsageError("a sealed file is not text: use -o FILE, or -a for ASCII armor")
    wanted = Wanted(fingerprint, first_use, accept_stale, accept_unwitnessed, proxy)
    with files.reading(file) as source:
        to: list[Recipient] = (
            [keys.new_passphrase(inputs)]
            if passphrase
            else keys.recipients(inputs, words, recipient_files, identity_files, rosters, wanted)
        )
        with files.writing(out or files.DASH, source) as sink, _bar("Sealing", source) as progress:
            _seal(source, sink, to, armored=armored, progress=progress)


@click.command(
    name="open",
    context_settings=_HELP,
    epilog="\b\nExamples:\n"
    "  meyasubako open -i keiko.key -o report.pdf report.pdf.age\n"
    "  meyasubako open -i keiko.key evidence.tar.age | tar xi",
)
@_identity
@_passphrase_file
@_out
@_input
def open_(
    *, identity_files: tuple[str, ...], passphrase_file: Path | None, out: str | None, file: str
) -> None:
    """Open INPUT (or standard input), which was sealed to one of the identities, or with a pass phrase.

    Binary and ASCII armor are told apart by themselves. A file sealed with a pass phrase asks for it.
    """
    inputs = keys.Inputs(passphrase_file)
    if file == files.DASH:
        inputs.claim_stdin("the file to open")
    with files.reading(file) as source:
        start = _peek(source)
        whole = _Rest(start, source)
        if is_armored(start):
            armor = ArmorReader(whole)
            start = _peek(armor)
            whole = _Rest(start, armor)
        identities = _identities(
            inputs, identity_files, sealed_with_passphrase=start.startswith(_SCRYPT_STANZA)
        )
        with _bar("Opening", source) as progress:
            unsealer = Unsealer(whole, *identities)
            if files.to_terminal(out):
                shown = files.Shown()
                unsealer.copy_to(shown)
                shown.show()
                return
            with files.writing(out or files.DASH, source) as sink:
                unsealer.copy_to(sink, threads=_threads(), progress=progress)


def _seal(
    source: Source,
    sink: Sink,
    to: list[Recipient],
    *,
    armored: bool,
    progress: Callable[[int], object] | None,
) -> None:
    if armored:
        with ArmorWriter(sink) as armor:
            Sealer(armor, *to).copy_from(source, threads=_threads(), progress=progress)
    else:
        Sealer(sink, *to).copy_from(source, threads=_threads(), progress=progress)


def _identities(
    inputs: keys.Inputs, identity_files: tuple[str, ...], *, sealed_with_passphrase: bool
) -> list[Identity]:
    if sealed_with_passphrase:
        if identity_files:
            raise click.UsageError("this file is sealed with a pass phrase: leave -i out")
        return [keys.opening_passphrase(inputs)]
    if not identity_files:
        raise click.UsageError("this file is sealed to recipients: give your -i KEYFILE")
    return keys.identities(inputs, identity_files)


def _threads() -> int:
    """As many threads as there are processors, up to three: the disk gives no more."""
    return min(3, len(os.sched_getaffinity(0)))


@contextmanager
def _bar(label: str, source: io.FileIO) -> Iterator[Callable[[int], object] | None]:
    """A progress bar, for a large file whose size is known, where somebody watches."""
    size = files.size_of(source)
    if size is None or size < _LARGE or not sys.stderr.isatty():
        yield None
        return
    from meyasubako.service.cli.output import progress  # noqa: PLC0415  # few need what it costs to load

    with progress(label, size) as advance:
        yield advance


def _peek(source: Source) -> bytes:
    """The first bytes of a source, also where it gives few at a time."""
    start = b""
    while len(start) < _PEEK and (more := source.read(_PEEK - len(start))):
        start += more
    return start


class _Rest:
    """A source whose beginning was read already."""

    def __init__(self, start: bytes, source: Source) -> None:
        self._start = start
        self._source = source
        self._readinto: Callable[[memoryview], int | None] = getattr(source, "readinto", self._copy)

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""
        part, self._start = self._start[:size], self._start[size:]
        return part or self._source.read(size) or b""

    def readinto(self, target: memoryview) -> int:
        """Fill what can be filled at once."""
        return self._copy(target) if self._start else self._readinto(target) or 0

    def _copy(self, target: memoryview) -> int:
        part = self.read(len(target))
        target[: len(part)] = part
        return len(part)
