"""The log as files: hash tiles and entry bundles under fixed paths.

Rules upheld here (C2SP tlog-tiles):

- A tile holds 256 hashes of one level, a level being a multiple of eight of the tree's; a partial one holds
  fewer, at least one. The hash at place i of tile (L, n) is the root of the full subtree over 256^L leaves
  from (256 n + i) · 256^L.
- ``tile/<L>/<N>[.p/<W>]`` and ``tile/entries/<N>[.p/<W>]``: N in groups of three digits, all but the last
  behind an ``x``. A path has one spelling.
- A bundle is its entries one behind the other, each after its length in two bytes, big-endian.
- Whoever publishes a checkpoint has the tiles of exactly its size, partial ones included.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from meyasubako.crypto.errors import BadTileError
from meyasubako.crypto.merkle import HASH_SIZE, MAX_SIZE, perfect_root, split_hashes

TILE: Final = 256
HEIGHT: Final = 8
MAX_LEVEL: Final = 63
MAX_ENTRY: Final = 2**16 - 1

Level: TypeAlias = int | Literal["entries"]

_PATH = re.compile(
    r"tile/(?P<level>0|[1-9][0-9]?|entries)"
    r"/(?P<n>(?:x[0-9]{3}/){0,6}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


def tile_path(level: Level, n: int, width: int = TILE) -> str:
    """The path of a tile or bundle, `width` hashes or entries wide.

    >>> tile_path(0, 1234067), tile_path("entries", 273, 112)
    ('tile/0/x001/x234/067', 'tile/entries/273.p/112')
    """
    if not 1 <= width <= TILE or not 0 <= n <= MAX_SIZE >> HEIGHT:
        raise BadTileError("there is no such tile")
    if level != "entries" and not 0 <= level <= MAX_LEVEL:
        raise BadTileError("there is no such tile level")
    groups = f"{n % 1000:03}"
    while n := n // 1000:
        groups = f"x{n % 1000:03}/{groups}"
    partial = "" if width == TILE else f".p/{width}"
    return f"tile/{level}/{groups}{partial}"


def parse_tile_path(path: str) -> tuple[Level, int, int]:
    """The (level, n, width) whose `tile_path` is exactly `path`; `BadTileError` for anything else."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise BadTileError("the path is not a tile's")
    level: Level = "entries" if found["level"] == "entries" else int(found["level"])
    n = int(found["n"].replace("x", "").replace("/", ""))
    width = int(found["width"] or TILE)
    # One spelling: no leading empty groups, no partial tile of full width.
    if tile_path(level, n, width) != path:
        raise BadTileError("the path is not a tile's")
    return level, n, width


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    r"""The bytes of an entry bundle of 1 to 256 entries of at most 65,535 bytes each.

    >>> encode_bundle([b"alpha", b""])
    b'\x00\x05alpha\x00\x00'
    """
    if not 1 <= len(entries) <= TILE:
        raise BadTileError("a bundle holds 1 to 256 entries")
    if any(len(entry) > MAX_ENTRY for entry in entries):
        raise BadTileError("an entry is longer than 65,535 bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(data: bytes, width: int | None = None) -> list[bytes]:
    """The 1 to 256 entries of a bundle, exactly `width` of them if given; `BadTileError` otherwise."""
    entries, start = [], 0
    while start < len(data):
        end = start + 2 + int.from_bytes(data[start : start + 2], "big")
        if end > len(data) or start + 2 > len(data):
            raise BadTileError("the bundle ends within an entry")
        entries.append(data[start + 2 : end])
        start = end
    if not 1 <= len(entries) <= TILE or (width is not None and len(entries) != width):
        raise BadTileError("the bundle holds another number of entries")
    return entries


def tile_width(level: int, n: int, size: int) -> int:
    """How many hashes tile (level, n) holds in a tree of `size` leaves: 0 to 256.

    >>> tile_width(0, 273, 70_000), tile_width(1, 1, 70_000), tile_width(2, 0, 70_000)
    (112, 17, 1)
    """
    return max(0, min(TILE, (size >> HEIGHT * level) - TILE * n))


def tiles_for(old_size: int, new_size: int) -> Iterator[tuple[int, int, int]]:
    """The (level, n, width) of every hash tile of the newer tree that the older one did not have.

    Lower levels come first, so that a full tile can be hashed into the one above it. The entry bundles that
    are new are those of level 0.

    >>> list(tiles_for(255, 257))
    [(0, 0, 256), (0, 1, 1), (1, 0, 1)]
    """
    if not 0 <= old_size <= new_size:
        raise BadTileError("the older tree is larger than the newer one")
    level = 0
    while old_size != new_size:
        for n in range(old_size // TILE, -(-new_size // TILE)):
            yield level, n, min(TILE, new_size - TILE * n)
        level, old_size, new_size = level + 1, old_size >> HEIGHT, new_size >> HEIGHT


def tile_root(tile: bytes) -> bytes:
    """The hash by which the level above holds a full tile."""
    if len(tile) != TILE * HASH_SIZE:
        raise BadTileError("only a full tile is hashed upward")
    return perfect_root(split_hashes(tile))


class TileReader:
    """Node hashes of a tree of `size` leaves, out of its tiles: the reader that paths are computed from.

    `fetch` is given (level, n, width) and gives the tile's bytes; a few tiles are kept, since a path meets
    each more than once. What it gives is not verified here: the path that comes of it is.
    """

    def __init__(self, size: int, fetch: Callable[[int, int, int], bytes]) -> None:
        self._size = size
        self._fetch = fetch
        self._hashes = lru_cache(maxsize=32)(self._read_tile)

    def __call__(self, level: int, index: int) -> bytes:
        """The root of the full subtree over leaves index · 2^level up to (index + 1) · 2^level."""
        if level < 0 or index < 0 or (index + 1) << level > self._size:
            raise BadTileError("the node lies outside of the tree")
        row, rise = divmod(level, HEIGHT)
        n, first = divmod(index << rise, TILE)
        return perfect_root(self._hashes(row, n)[first : first + (1 << rise)])

    def _read_tile(self, level: int, n: int) -> tuple[bytes, ...]:
        width = tile_width(level, n, self._size)
        hashes = split_hashes(self._fetch(level, n, width))
        if len(hashes) != width:
            raise BadTileError("the tile holds another number of hashes")
        return hashes
