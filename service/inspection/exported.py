"""An export as an auditor reads it: `checkpoint`, `log.vkey`, `tile/…`, `tile/entries/…`, `payloads.txt`.

Rules upheld here (C2SP tlog-tiles): the checkpoint's size says which tiles there are and how wide each is; a
file that this size does not allow is as suspicious as one that is missing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final, cast

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.errors import BadNoteError, BadTileError
from meyasubako.crypto.note import Note
from meyasubako.crypto.tiles import TILE, decode_bundle, tile_path, tiles_for
from meyasubako.domain.audit import Finding
from meyasubako.service.inspection.errors import UnreadableSourceError
from meyasubako.service.inspection.source import (
    CHECKPOINT,
    PAYLOADS,
    VKEY,
    BrokenSourceError,
    Kept,
    Payload,
    Place,
    Stored,
)

_LINE: Final = re.compile(r"(?P<digest>[0-9a-f]{64}) (?P<size>[1-9][0-9]{0,15}) (?P<place>table|object|gone)")


class ExportSource:
    """The published part of a log in a plain directory."""

    whole = False

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            self._note = (directory / CHECKPOINT).read_bytes()
            # What it says is verified by the audit; here it only says how much to read.
            self._size = Checkpoint.parse(Note.parse(self._note).text).size
        except (OSError, BadNoteError) as error:
            raise UnreadableSourceError(f"{directory / CHECKPOINT} cannot be read: {error}") from error

    def close(self) -> None:
        """Nothing is held open."""

    def _read(self, name: str, index: int | None = None) -> bytes:
        try:
            return (self._directory / name).read_bytes()
        except OSError as error:
            raise BrokenSourceError("file-is-there", f"{name}: {error.strerror}", index) from error

    def malformed(self) -> Iterator[Finding]:
        """Files beyond those that a log of this size has."""
        expected = {CHECKPOINT, VKEY, PAYLOADS}
        for level, n, width in tiles_for(0, self._size):
            expected.add(tile_path(level, n, width))
            if level == 0:
                expected.add(tile_path("entries", n, width))
        found = {
            str(path.relative_to(self._directory)) for path in self._directory.rglob("*") if path.is_file()
        }
        for name in sorted(found - expected):
            yield Finding("file-belongs-here", f"a log of {self._size} entries has no file {name}")
        for name in sorted(expected - found):
            yield Finding("file-is-there", f"a log of {self._size} entries has a file {name}")

    def size(self) -> int:
        """The checkpoint's size."""
        return self._size

    def entries(self) -> Iterator[Stored]:
        """Every entry out of the bundles."""
        for start in range(0, self._size, TILE):
            width = min(TILE, self._size - start)
            name = tile_path("entries", start // TILE, width)
            try:
                bundle = decode_bundle(self._read(name, start), width)
            except BadTileError as error:
                raise BrokenSourceError("bundle-is-well-formed", f"{name}: {error}", start) from error
            for number, data in enumerate(bundle):
                yield Stored(start + number, data)

    def tiles(self) -> Iterator[tuple[int, int, bytes]]:
        """Every hash tile that the size has."""
        for level, n, width in tiles_for(0, self._size):
            yield level, n, self._read(tile_path(level, n, width))

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

    def payloads(self) -> Iterator[Payload]:
        """The lines of payloads.txt."""
        text = self._read(PAYLOADS).decode("ascii", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            found = _LINE.fullmatch(line)
            if found is None:
                sentence = f"{PAYLOADS}, line {number} is not a digest, a size and a place"
                raise BrokenSourceError("payload-is-recorded", sentence)
            yield Payload(found["digest"], int(found["size"]), cast("Place", found["place"]))

    def open(self, payload: Payload) -> BinaryIO | None:  # noqa: ARG002  an export holds no payloads
        """An export holds no payloads."""
        return None

    def leftovers(self, named: Mapping[str, Place]) -> Iterator[str]:  # noqa: ARG002  see above
        """An export holds no payloads."""
        yield from ()
