"""Every leaf against the stored tiles, and every tile against the one below it (C2SP tlog-tiles)."""

from collections.abc import Iterator, Sequence

from meyasubako.crypto.errors import BadTileError
from meyasubako.crypto.merkle import HASH_SIZE, Frontier
from meyasubako.crypto.tiles import HEIGHT, TILE, tile_root, tiles_for
from meyasubako.domain.audit import Finding
from meyasubako.service.inspection.source import Source

_NO_TILE = "the tree of the published size has tile {n} of level {level}, {width} hashes wide"


def check_tiles(source: Source, leaves: Sequence[bytes], published: int) -> Iterator[Finding]:
    """Compare each stored tile with what the entries give, and see that those of the published tree exist."""
    widths: dict[tuple[int, int], int] = {}
    rows: list[Sequence[bytes]] = [leaves]
    for level, n, hashes in source.tiles():
        widths[level, n] = len(hashes) // HASH_SIZE
        while len(rows) <= level:
            rows.append(_above(rows[-1]))
        yield from _compare(level, n, hashes, rows[level][n * TILE : (n + 1) * TILE])
    for level, n, width in tiles_for(0, published):
        if widths.get((level, n), 0) < width:
            sentence = _NO_TILE.format(level=level, n=n, width=width)
            yield Finding("tile-is-there", sentence, (n * TILE) << (HEIGHT * level))


def _above(row: Sequence[bytes]) -> list[bytes]:
    full = len(row) // TILE
    return [tile_root(b"".join(row[n * TILE : (n + 1) * TILE])) for n in range(full)]


def _compare(level: int, n: int, hashes: bytes, expected: Sequence[bytes]) -> Iterator[Finding]:
    for place in range(len(hashes) // HASH_SIZE):
        start = (n * TILE + place) << (HEIGHT * level)
        if place >= len(expected):
            yield Finding("leaf-is-what-was-hashed", "the tiles hash an entry that is not there", start)
        elif hashes[place * HASH_SIZE : (place + 1) * HASH_SIZE] != expected[place]:
            what = "the entry is not what was hashed" if level == 0 else f"level {level} hashes another tile"
            yield Finding("leaf-is-what-was-hashed", what, start)


def check_edge(source: Source, tree: Frontier) -> Iterator[Finding]:
    """Compare the right edge that was kept with the entries, where the source has one."""
    kept = source.edge()
    if kept is None:
        return
    try:
        edge = Frontier.decode(kept)
    except BadTileError as error:
        yield Finding("root-is-kept", str(error))
        return
    if edge.size != tree.size:
        sentence = f"{edge.size} entries were written, and {tree.size} are there"
        yield Finding("root-is-kept", sentence, min(edge.size, tree.size))
    elif edge != tree:
        yield Finding("root-is-kept", "the entries do not give the tree that was kept with them")
