"""An export as an auditor reads it: `checkpoint`, `log.vkey`, `tile/…`, `tile/entries/…`, `payloads.txt`.

Rules upheld here (C2SP tlog-tiles):

- The checkpoint's size says which tiles there are and how wide each is; a file that this size does not allow
  is as suspicious as one that is missing.
- A narrower tile may lie beside the one that it grew into, if that begins with its very bytes. So may, in a
  mirror, a checkpoint that the mirror refused, under a name that says its tree.
"""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.errors import BadNoteError, BadTileError
from meyasubako.crypto.merkle import HASH_SIZE
from meyasubako.crypto.note import Note
from meyasubako.crypto.tiles import TILE, decode_bundle, parse_tile_path, tile_path, tile_width, tiles_for
from meyasubako.domain.audit import Finding
from meyasubako.service.inspection.errors import UnreadableSourceError
from meyasubako.service.inspection.source import (
    CHECKPOINT,
    MIRRORED,
    PAYLOADS,
    VKEY,
    Batch,
    BrokenSourceError,
    Kept,
    Payload,
    Place,
    Stored,
)

# Not one line at a time: a log has as many of them as it has payloads.
_LINES: Final = re.compile(r"^([0-9a-f]{64}) ([1-9][0-9]{0,15}) (table|object|gone|lost)$", re.MULTILINE)


def refused_name(tree: Checkpoint) -> str:
    """The name under which a mirror keeps a checkpoint that its own tree does not extend."""
    return f"refused-{tree.size}-{tree.root.hex()[:8]}.checkpoint"


def wider(name: str, size: int) -> str | None:
    """What a narrower tile or bundle grew into in a log of a size; None for all other files."""
    try:
        level, n, width = parse_tile_path(name)
    except BadTileError:
        return None
    grown = tile_width(0 if level == "entries" else level, n, size)
    return tile_path(level, n, grown) if width < grown else None


def begins(directory: Path, name: str, grown: str) -> bool:
    """Whether a narrower tile or bundle is whole, and the wider one begins with its very bytes."""
    level, _, width = parse_tile_path(name)
    try:
        narrow, wide = ((directory / each).read_bytes() for each in (name, grown))
        whole = len(narrow) == width * HASH_SIZE if level != "entries" else bool(decode_bundle(narrow, width))
    except (OSError, BadTileError):
        return False
    return whole and wide.startswith(narrow)


class ExportSource:
    """The published part of a log in a plain directory."""

    whole = False

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        # Digest, size and place as payloads.txt has them, once it was read.
        self._recorded: list[tuple[str, str, Place]] | None = None
        try:
            self._note = (directory / CHECKPOINT).read_bytes()
            # What it says is verified by the audit; here it only says how much to read.
            self._size = Checkpoint.parse(Note.parse(self._note).text).size
        except (OSError, BadNoteError) as error:
            raise UnreadableSourceError(f"{directory / CHECKPOINT} cannot be read: {error}") from error

    @property
    def recorded(self) -> bool:
        """A mirror has no record of payloads."""
        return (self._directory / PAYLOADS).is_file()

    def close(self) -> None:
        """Nothing is held open."""

    def _read(self, name: str, index: int | None = None) -> bytes:
        try:
            return (self._directory / name).read_bytes()
        except OSError as error:
            raise BrokenSourceError("file-is-there", f"{name}: {error.strerror}", index) from error

    def malformed(self, since: int = 0) -> Iterator[Finding]:  # noqa: ARG002  names are looked at quickly
        """Files beyond those that a log of this size has."""
        found = {
            str(path.relative_to(self._directory)) for path in self._directory.rglob("*") if path.is_file()
        }
        if self._size > len(found) * TILE:
            # Nobody has verified that size yet: its files are not even to be counted up.
            yield Finding("file-is-there", f"a log of {self._size} entries has more files than lie here")
            return
        mirrored = (self._directory / MIRRORED).is_file()
        expected = {CHECKPOINT, VKEY, MIRRORED if mirrored else PAYLOADS}
        for level, n, width in tiles_for(0, self._size):
            expected.add(tile_path(level, n, width))
            if level == 0:
                expected.add(tile_path("entries", n, width))
        for name in sorted(found - expected):
            grown = wider(name, self._size)
            if grown is None and not (mirrored and self._refused(name)):
                yield Finding("file-belongs-here", f"a log of {self._size} entries has no file {name}")
            elif grown is not None and not begins(self._directory, name, grown):
                yield Finding("file-belongs-here", f"{name} is not the beginning of {grown}")
        for name in sorted(expected - found):
            yield Finding("file-is-there", f"a log of {self._size} entries has a file {name}")

    def _refused(self, name: str) -> bool:
        if not name.startswith("refused-"):
            return False
        try:
            return name == refused_name(Checkpoint.parse(Note.parse(self._read(name)).text))
        except (BrokenSourceError, BadNoteError):
            return False

    def size(self) -> int:
        """The checkpoint's size."""
        return self._size

    def batch(self, start: int, stop: int) -> Batch:
        """Entries out of the bundles."""
        entries: list[bytes] = []
        for n in range(start // TILE, -(-stop // TILE)):
            width = tile_width(0, n, self._size)
            name, first = tile_path("entries", n, width), max(start, n * TILE)
            try:
                bundle = decode_bundle(self._read(name, first), width)
            except BadTileError as error:
                broken = Finding("bundle-is-well-formed", f"{name}: {error}", first)
                return Batch(entries, broken=broken)
            except BrokenSourceError as error:
                return Batch(entries, broken=error.finding)
            entries += bundle[first - n * TILE : stop - n * TILE]
        return Batch(entries)

    def entries(self) -> Iterator[Stored]:
        """Every entry; BrokenSourceError where one cannot be read."""
        for start in range(0, self._size, TILE):
            found = self.batch(start, min(start + TILE, self._size))
            yield from (Stored(start + place, data) for place, data in enumerate(found.entries))
            if found.broken:
                raise BrokenSourceError(found.broken.rule, found.broken.sentence, found.broken.index)

    def meanwhile(self) -> Iterator[bytes]:
        """Nobody writes to an export."""
        yield from ()

    def tile(self, level: int, n: int) -> bytes | None:
        """A hash tile as wide as the size has it."""
        width = tile_width(level, n, self._size)
        try:
            return (self._directory / tile_path(level, n, width)).read_bytes() if width else None
        except OSError:
            return None

    def beyond(self, counts: Sequence[int]) -> Iterator[tuple[int, int]]:  # noqa: ARG002  see `malformed`
        """None: files that the size does not allow are found by their names."""
        yield from ()

    def edge(self) -> bytes | None:
        """An export has none: its checkpoint says the root."""
        return None

    def published(self) -> Sequence[Kept]:
        """The one checkpoint."""
        return [Kept(self._note)]

    def kept_apart(self) -> Kept | None:
        """The same one: there is no database beside it."""
        return Kept(self._note)

    def log_key(self) -> str | None:
        """What log.vkey says."""
        try:
            return self._read(VKEY).decode("ascii").removesuffix("\n")
        except UnicodeDecodeError:
            return ""

    def payloads(
        self,
        since: int = 0,  # noqa: ARG002  the lines name no entries
        wanted: Container[str] | None = None,
    ) -> Iterator[Payload]:
        """The lines of payloads.txt."""
        for digest, size, place in self._record():
            if wanted is None or digest in wanted:
                yield Payload(digest, int(size), place)

    def count(self) -> int:
        """How many lines there are."""
        return len(self._record())

    def _record(self) -> list[tuple[str, str, Place]]:
        if self._recorded is None:
            lines = self._read(PAYLOADS).decode("ascii", errors="replace").splitlines()
            # Other ends of lines than these would be none to the expression.
            self._recorded = _LINES.findall("\n".join(lines))
            if len(self._recorded) != len(lines):
                wrong = next(number for number, line in enumerate(lines, 1) if not _LINES.fullmatch(line))
                sentence = f"{PAYLOADS}, line {wrong} is not a digest, a size and a place"
                raise BrokenSourceError("payload-is-recorded", sentence)
        return self._recorded

    def open(self, payload: Payload) -> BinaryIO | None:  # noqa: ARG002  an export holds no payloads
        """An export holds no payloads."""
        return None

    def holds(self, digest: str) -> bool:  # noqa: ARG002  see above
        """An export holds no payloads."""
        return False

    def could_open(self, digest: str) -> bool:  # noqa: ARG002  see above
        """An export holds no keys."""
        return False

    def without_bytes(self) -> Iterator[str]:
        """An export holds no payloads."""
        yield from ()

    def leftovers(self, named: Mapping[str, Place]) -> Iterator[str]:  # noqa: ARG002  see above
        """An export holds no payloads."""
        yield from ()
