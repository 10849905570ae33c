"""Mirror: an auditor's own copy of a log, taken from its door and verified before it is kept.

Rules upheld here (C2SP tlog-tiles):

- The mechanism's public stream gives the keys, and with them the checkpoint is verified; the new tree's root
  is computed out of what is held and of the fetched leaf hashes, so the new checkpoint extends the one that
  is held. Bundles are compared with those hashes. Upper tiles are computed, never fetched.
- Whether the log keeps its rules is the audit's to say: one that breaks them is to be secured above all.
- What is held is never exchanged for anything else: a tile only grows by what follows, and a log that was
  set back or forked is refused and named. Its checkpoint, signed by the log, is kept beside the one that is
  held, for the two together are the evidence; nothing else is changed.
- Where a file of what is held is missing or cut off, the mirror does not grow, and says so: nobody relies for
  years on a copy that an audit could not read. What whole files hold is for the audit to verify.
- Every file appears whole, the checkpoint last. Whoever is interrupted goes on where they were, and what
  they left is cleared away.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.errors import BadNoteError, BadTileError
from meyasubako.crypto.keyfile import digest_fingerprint
from meyasubako.crypto.merkle import HASH_SIZE, Frontier, leaf_hashes, split_hashes
from meyasubako.crypto.note import Note
from meyasubako.crypto.tiles import (
    HEIGHT,
    MAX_ENTRY,
    TILE,
    TileReader,
    decode_bundle,
    tile_path,
    tile_root,
    tile_width,
    tiles_for,
)
from meyasubako.domain.people import Mechanism
from meyasubako.service.client import roster
from meyasubako.service.client.errors import NotAnAuditorError
from meyasubako.service.client.http import Http
from meyasubako.service.errors import BadAnswerError, ForkedLogError, RefusedError, UnreachableError
from meyasubako.service.inspection.errors import UnreadableSourceError
from meyasubako.service.inspection.exported import begins, refused_name, wider
from meyasubako.service.inspection.source import CHECKPOINT, MIRRORED, VKEY, Progress

_BUNDLE_LIMIT: Final = TILE * (MAX_ENTRY + 2)
# How a file is named until it is whole.
_HALF: Final = re.compile(r"\..+\.new")
_ANEW: Final = (
    "the mirror was damaged. Make a new one in another directory, and audit that with this one's checkpoint "
    "as --pin"
)
_ABOUT: Final = "Mirrored from a log's door, which serves entries and tiles, and no record of payloads.\n"


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What is held now, and what was before; `seen_by` says in words how many witnesses have cosigned it."""

    origin: str
    fingerprint: str
    size: int
    before: int
    root: str
    seen_by: str


def mirror(
    http: Http, out: Path, today: date, *, fingerprint: str | None = None, progress: Progress | None = None
) -> Mirrored:
    """Bring the mirror in a directory (a new one, or one of the same log) up to the log's newest checkpoint.

    `http` is the log's door, signing as an enrolled auditor. Raises ForkedLogError if the log does not extend
    what is held, RosterError and its kin if its stream does not show whose the log is, UnreadableSourceError
    if the directory holds something else, another log or a damaged mirror, and NotAnAuditorError or
    UnreachableError if the door refuses: whom it does not answer has found nothing.
    """
    try:
        return _mirror(http, out, today, fingerprint, progress)
    except RefusedError as error:
        if error.status in {401, 403}:
            raise NotAnAuditorError(str(error)) from error
        raise UnreachableError(f"the log's door refuses at this moment: {error}") from error


def _mirror(
    http: Http, out: Path, today: date, fingerprint: str | None, progress: Progress | None
) -> Mirrored:
    verified = roster.verify(
        roster.from_log(http),
        today,
        fingerprint=fingerprint,
        accept_stale=True,
        accept_unwitnessed=True,
        judge=False,
    )
    tree, note = verified.checkpoint.checkpoint, verified.checkpoint.note.encode()
    held = _Held(out)
    held.check_same_log(tree, verified.fingerprint)
    fetch = _Fetch(http, held, tree, progress)
    try:
        held.check_grown(tree, verified.mechanism)
        fetch.tiles()
    except ForkedLogError as error:
        raise ForkedLogError(f"{error}{held.keep_refused(tree, note)}") from error
    held.check_whole()
    fetch.entries()
    held.write(MIRRORED, _ABOUT.encode())
    held.replace(VKEY, f"{verified.mechanism.log_keys[0]}\n".encode())
    held.replace(CHECKPOINT, note)
    held.clear_away(tree.size)
    return Mirrored(
        tree.origin, verified.fingerprint, tree.size, held.size, tree.root.hex(), verified.seen_by
    )


class _Held:
    """The mirror's directory, and the tree up to which it was verified before."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self.size, self._root, self._origin = 0, b"", ""
        if out.exists() and any(out.iterdir()):
            self._begin()

    def _begin(self) -> None:
        note = self.read(CHECKPOINT)
        if note is None:
            if self.read(tile_path(0, 0)) is None and not any((self._out / "tile").glob("**/*")):
                raise UnreadableSourceError(f"{self._out} holds something else than a mirror")
            return  # interrupted before its first checkpoint
        try:
            tree = Checkpoint.parse(Note.parse(note).text)
        except BadNoteError as error:
            raise UnreadableSourceError(f"{self._out / CHECKPOINT} cannot be read: {error}") from error
        self.size, self._root, self._origin = tree.size, tree.root, tree.origin

    def check_same_log(self, tree: Checkpoint, fingerprint: str) -> None:
        """Refuse another log: what that one's keys signed is no evidence about this one.

        Of another name it is a slip of whoever chose the directory; one that goes by the same name and was
        founded otherwise contradicts what is held.
        """
        if self._origin and tree.origin != self._origin:
            raise UnreadableSourceError(
                f"{self._out} holds a mirror of {self._origin}, and this is the log of {tree.origin}: "
                "choose another directory"
            )
        if self.size:
            own = digest_fingerprint(self.tile(0, 0, tile_width(0, 0, self.size))[:HASH_SIZE])
            if own != fingerprint:
                raise ForkedLogError(f"the mirror is of the log founded as {own}, and this is {fingerprint}")

    def check_grown(self, tree: Checkpoint, state: Mechanism) -> None:
        """Refuse a smaller tree, another of the same size, and one by a key that was replaced before."""
        if tree.size < self.size:
            raise ForkedLogError(
                f"the log was set back: {self.size} entries are held here, and it shows {tree.size}"
            )
        if tree.size == self.size and tree.root != self._root:
            raise ForkedLogError(f"the log was forked: it shows another tree of {tree.size} entries")
        key = (self.read(VKEY) or b"").decode(errors="replace").strip()
        if self.size and key and key not in state.spent_keys.union(state.log_keys):
            # Whoever stole the key of before could hide from the stream that it was replaced.
            raise ForkedLogError("the log was forked: it does not name the key that it had before")

    def check_whole(self) -> None:
        """Refuse to go on where a tile or bundle of the held tree is missing or cut off."""
        for level, n, width in tiles_for(0, self.size):
            self.tile(level, n, width)
            if level == 0:
                self._check_bundle(n, width)

    def _check_bundle(self, n: int, width: int) -> None:
        name = tile_path("entries", n, width)
        data = self.read(name) or self.read(tile_path("entries", n)) or b""
        try:
            whole = len(decode_bundle(data)) >= width
        except BadTileError:
            whole = False
        if not whole:
            raise UnreadableSourceError(f"{self._out} lacks {name}, or a part of it: {_ANEW}")

    def frontier(self) -> Frontier:
        """The right edge of the tree that is held, out of its tiles; checked against its checkpoint."""

        def fetch(level: int, n: int, width: int) -> bytes:
            return self.tile(level, n, width)

        reader = TileReader(self.size, fetch)
        edge, start = list[bytes](), 0
        while start < self.size:
            level = (self.size - start).bit_length() - 1
            edge.append(reader(level, start >> level))
            start += 1 << level
        frontier = Frontier(self.size, tuple(edge))
        if self.size and frontier.root() != self._root:
            raise UnreadableSourceError(f"the tiles in {self._out} are not those of its checkpoint: {_ANEW}")
        return frontier

    def tile(self, level: int, n: int, width: int) -> bytes:
        """A tile that is held; UnreadableSourceError if it is missing or short."""
        name = tile_path(level, n, width)
        data = self.read(name) or self.read(tile_path(level, n)) or b""
        if len(data) < width * HASH_SIZE:
            raise UnreadableSourceError(f"{self._out} lacks {name}, or a part of it: {_ANEW}")
        return data[: width * HASH_SIZE]

    def read(self, name: str) -> bytes | None:
        """A file, None if it is not there."""
        try:
            return (self._out / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole, unless it is there already with just these bytes."""
        if self.read(name) != data:
            self.replace(name, data)

    def replace(self, name: str, data: bytes) -> None:
        """Write a file whole in the place of the one that is there."""
        path = self._out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")  # see _HALF
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def keep_refused(self, tree: Checkpoint, note: bytes) -> str:
        """Lay a checkpoint that contradicts what is held beside it; gives the words that say where."""
        if not self.size:
            return ""
        name = refused_name(tree)
        try:
            if self.read(name) is None:
                self.replace(name, note)
        except OSError as error:
            # That the log was forked matters more than that the disk is full.
            return f"; the checkpoint that it signed could not be kept as {name}: {error.strerror}"
        return f"; the checkpoint that it signed is kept as {name}"

    def clear_away(self, size: int) -> None:
        """Remove half-written files, and narrower tiles and bundles that the held ones begin with.

        Whatever else lies there is for the audit to name.
        """
        for path in [each for each in self._out.rglob("*") if each.is_file()]:
            name = str(path.relative_to(self._out))
            grown = wider(name, size)
            if _HALF.fullmatch(path.name) or (grown is not None and begins(self._out, name, grown)):
                path.unlink()
        for folder in [*self._out.rglob("*.p")]:
            if not any(folder.iterdir()):
                folder.rmdir()


class _Fetch:
    """What a newer tree has and the mirror has not."""

    def __init__(self, http: Http, held: _Held, tree: Checkpoint, progress: Progress | None) -> None:
        self._http, self._held, self._tree = http, held, tree
        self._progress = progress
        self._first = held.size // TILE
        # The leaf hashes of new and grown tiles.
        self._leaves: list[bytes] = []

    def tiles(self) -> None:
        """Fetch the leaf hashes; with what is held they must give the tree that was signed."""
        frontier, numbers = self._held.frontier(), self._numbers()
        for done, n in enumerate(numbers):
            self._tell("fetching tiles", done, len(numbers))
            width = tile_width(0, n, self._tree.size)
            hashes = self._hashes(n, width)
            known = max(0, self._held.size - n * TILE)
            if known and hashes[:known] != split_hashes(self._held.tile(0, n, known)):
                raise ForkedLogError(f"the log was forked: tile {n} does not begin as it is held")
            frontier = frontier.extend(hashes[known:])
            self._leaves += hashes
        if frontier.root() != self._tree.root:
            raise ForkedLogError(
                f"the log does not extend the {self._held.size} entries that are held, or serves false tiles"
            )
        self._tell("fetching tiles", len(numbers), len(numbers))

    def entries(self) -> None:
        """Fetch the bundles, each compared with its tile, and write both; then the tiles above."""
        numbers = self._numbers()
        for done, n in enumerate(numbers):
            self._tell("fetching entries", done, len(numbers))
            hashes = self._leaves[(n - self._first) * TILE : (n - self._first + 1) * TILE]
            name = tile_path("entries", n, len(hashes))
            data = self._held.read(name)
            if data is None or not _fits(data, hashes):
                data = self._http.get_bytes(f"/{name}", _BUNDLE_LIMIT)
                if not _fits(data, hashes):
                    raise BadAnswerError(f"{name} does not hold the entries that the log's tiles hash")
                self._held.replace(name, data)
            self._held.write(tile_path(0, n, len(hashes)), b"".join(hashes))
        self._tell("fetching entries", len(numbers), len(numbers))
        for level, n, width in tiles_for(self._held.size, self._tree.size):
            if level:
                self._held.write(tile_path(level, n, width), self._upper(level, n, width))

    def _numbers(self) -> range:
        return (
            range(self._first, -(-self._tree.size // TILE)) if self._tree.size > self._held.size else range(0)
        )

    def _hashes(self, n: int, width: int) -> tuple[bytes, ...]:
        name = tile_path(0, n, width)
        try:
            hashes = split_hashes(self._http.get_bytes(f"/{name}", TILE * HASH_SIZE))
        except BadTileError as error:
            raise BadAnswerError(f"{name} is not a tile") from error
        if len(hashes) != width:
            raise BadAnswerError(f"{name} is not as wide as it should be")
        return hashes

    def _upper(self, level: int, n: int, width: int) -> bytes:
        """A tile above: what is held of it, and the roots of the new tiles below."""
        return b"".join(self._node(level, n * TILE + place) for place in range(width))

    def _node(self, level: int, index: int) -> bytes:
        held = self._held.size >> (HEIGHT * level)
        n, place = divmod(index, TILE)
        if index < held:
            width = tile_width(level, n, self._held.size)
            return self._held.tile(level, n, width)[place * HASH_SIZE : (place + 1) * HASH_SIZE]
        return tile_root(self._held.tile(level - 1, index, TILE))

    def _tell(self, step: str, done: int, total: int) -> None:
        if self._progress:
            self._progress(step, done, total)


def _fits(bundle: bytes, hashes: Sequence[bytes]) -> bool:
    try:
        return leaf_hashes(decode_bundle(bundle, len(hashes))) == list(hashes)
    except BadTileError:
        return False
