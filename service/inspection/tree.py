"""The tree that the entries give, tile by tile, each compared with the stored one (C2SP tlog-tiles).

- Every leaf is hashed once and every node once; what is kept is the right edge of tiles, a few kilobytes for
  a log of any size. With that edge an audit goes on where an earlier one ended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from meyasubako.crypto.errors import BadTileError
from meyasubako.crypto.merkle import Frontier
from meyasubako.crypto.tiles import HEIGHT, TILE, tiles_for
from meyasubako.domain.audit import Finding
from meyasubako.service.inspection.source import Source

# Of each level from the leaves up: how many tiles are full, and the hashes of the one that is not.
Edge: TypeAlias = list[tuple[int, list[bytes]]]

_MOST: Final = 100
_NO_TILE = "the tree of the published size has tile {n} of level {level}, {width} hashes wide"


@dataclass(slots=True)
class _Level:
    full: int = 0
    row: list[bytes] = field(default_factory=list)
    edge: Frontier = field(default_factory=Frontier)


class TileTree:
    """The tree of the entries so far; `findings` says where the stored tiles are of another one."""

    def __init__(self, source: Source, edge: Edge | None = None) -> None:
        self._source = source
        self._levels = [_Level(full, [*row], Frontier().extend(row)) for full, row in edge or []]
        self._begun_at = self.size
        # Stored tiles that are narrower than the entries give, by (level, n), with their width.
        self._narrow: dict[tuple[int, int], int] = {}
        self.findings: list[Finding] = []

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._levels[0].full * TILE + len(self._levels[0].row) if self._levels else 0

    @property
    def edge(self) -> Edge:
        """What a later audit goes on with."""
        return [(level.full, [*level.row]) for level in self._levels]

    @property
    def frontier(self) -> Frontier:
        """The right edge of the tree as such."""
        hashes = (each for level in reversed(self._levels) for each in level.edge.hashes)
        return Frontier(self.size, tuple(hashes))

    def root(self) -> bytes:
        """The root of the tree so far."""
        return self.frontier.root()

    def extend(self, leaves: Sequence[bytes], level: int = 0) -> None:
        """Add leaf hashes (or, above, the roots of full tiles)."""
        if level == len(self._levels):
            self._levels.append(_Level())
        here, start = self._levels[level], 0
        while start < len(leaves):
            part = leaves[start : start + TILE - len(here.row)]
            here.row += part
            here.edge = here.edge.extend(part)
            start += len(part)
            if len(here.row) == TILE:
                self._compare(level, here)
                (root,) = here.edge.hashes
                here.full, here.row, here.edge = here.full + 1, [], Frontier()
                self.extend([root], level + 1)

    def finish(self, published: int) -> Iterator[Finding]:
        """Every finding, once the last entry was added: those of the stored tiles, and of the kept edge."""
        for level, here in enumerate(self._levels):
            if here.row:
                self._compare(level, here)
        yield from self.findings
        for level, n, width in tiles_for(min(self._begun_at, published), published):
            if self._narrow.get((level, n), TILE) < width:
                sentence = _NO_TILE.format(level=level, n=n, width=width)
                yield Finding("tile-is-there", sentence, (n * TILE) << (HEIGHT * level))
        for level, n in self._source.beyond([here.full + bool(here.row) for here in self._levels]):
            place = (n * TILE) << (HEIGHT * level)
            yield Finding("leaf-is-what-was-hashed", "the tiles hash an entry that is not there", place)
        yield from self._check_edge()

    def _compare(self, level: int, here: _Level) -> None:
        stored, expected = self._source.tile(level, here.full), b"".join(here.row)
        size = len(stored) if stored is not None else 0
        if size < len(expected):
            self._narrow[level, here.full] = size // 32
        if stored is None or expected.startswith(stored):
            return
        for place in range(-(-size // 32)):
            start = (here.full * TILE + place) << (HEIGHT * level)
            if place >= len(here.row):
                self._find("the tiles hash an entry that is not there", start)
            elif stored[place * 32 : (place + 1) * 32] != here.row[place]:
                what = (
                    "the entry is not what was hashed" if level == 0 else f"level {level} hashes another tile"
                )
                self._find(what, start)

    def _find(self, sentence: str, index: int) -> None:
        if len(self.findings) < _MOST:
            self.findings.append(Finding("leaf-is-what-was-hashed", sentence, index))

    def _check_edge(self) -> Iterator[Finding]:
        """Compare the right edge that was kept with the entries, where the source has one."""
        kept = self._source.edge()
        if kept is None:
            return
        try:
            edge = Frontier.decode(kept)
        except BadTileError as error:
            yield Finding("root-is-kept", str(error))
            return
        if edge.size != self.size:
            sentence = f"{edge.size} entries were written, and {self.size} are there"
            yield Finding("root-is-kept", sentence, min(edge.size, self.size))
        elif edge != self.frontier:
            yield Finding("root-is-kept", "the entries do not give the tree that was kept with them")
