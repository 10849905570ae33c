r"""The Merkle tree over the log's entries: hashes, the right edge, proofs.

Rules upheld here (RFC 6962 section 2, with the verification algorithms of RFC 9162 section 2.1):

- A leaf's hash is SHA-256(0x00 ‖ entry), a node's SHA-256(0x01 ‖ left ‖ right); an odd last node is promoted.
  The empty tree's root is SHA-256 of nothing.
- Only the right edge is needed to append: the roots of the full subtrees of a tree's size, largest first.
- Verification raises `BadProofError` and returns nothing; a proof one hash too long or short is refused.
- Paths are computed from a reader of stored nodes, where (level, index) is the root of the full subtree over
  the leaves from index · 2^level up to (index + 1) · 2^level.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Self, TypeAlias

from meyasubako.crypto.errors import BadProofError, BadTileError

HASH_SIZE: Final = 32
# Tree sizes fit the signed 64-bit integers that other implementations count with.
MAX_SIZE: Final = 2**63 - 1
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

NodeReader: TypeAlias = Callable[[int, int], bytes]

_TILE_HEIGHT = 8
# Copying a context that has taken the prefix is a tenth faster than joining the prefix and the data.
_new_leaf = hashlib.sha256(b"\x00").copy
_new_node = hashlib.sha256(b"\x01").copy


def leaf_hash(data: bytes) -> bytes:
    """The hash of an entry.

    >>> leaf_hash(b"").hex()[:16]
    '6e340b9cffb37a98'
    """
    context = _new_leaf()
    context.update(data)
    return context.digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """The hashes of many entries, as fast as this machine hashes."""
    hashes = []
    for data in entries:
        context = _new_leaf()
        context.update(data)
        hashes.append(context.digest())
    return hashes


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    context = _new_node()
    context.update(left)
    context.update(right)
    return context.digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over 2^k hashes of one level; `ValueError` for another number of them."""
    if not hashes or len(hashes) & (len(hashes) - 1):
        raise ValueError("a perfect tree has a power of two of leaves")
    row = hashes
    while len(row) > 1:
        pairs, above = iter(row), []
        for left, right in zip(pairs, pairs, strict=True):
            context = _new_node()
            context.update(left)
            context.update(right)
            above.append(context.digest())
        row = above
    return row[0]


def root_of(hashes: Iterable[bytes]) -> bytes:
    """The root of the tree over these leaf hashes, tile by tile in constant memory."""
    return Frontier().extend(hashes).root()


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree's right edge: all that appending needs.

    `hashes` are the roots of the full subtrees that make up the tree, largest and leftmost first: one for
    each bit that is set in `size`.

    >>> Frontier().append(leaf_hash(b"")).root() == leaf_hash(b"")
    True
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE or len(self.hashes) != self.size.bit_count():
            raise BadTileError("the right edge does not fit its size")
        if any(len(each) != HASH_SIZE for each in self.hashes):
            raise BadTileError("a hash is 32 bytes long")

    def append(self, leaf: bytes) -> Self:
        """The edge after one more leaf hash."""
        return type(self)(self.size + 1, _carry(self.hashes, self.size, leaf))

    def extend(self, leaves: Iterable[bytes]) -> Self:
        """The edge after many more leaf hashes, folded 256 at a time where they fill a tile."""
        size, edge, source = self.size, self.hashes, iter(leaves)
        tile = 1 << _TILE_HEIGHT
        while True:
            batch = list(islice(source, tile - size % tile))
            if len(batch) == tile:
                edge = _carry(edge, size >> _TILE_HEIGHT, perfect_root(batch))
            else:
                for number, leaf in enumerate(batch):
                    edge = _carry(edge, size + number, leaf)
            size += len(batch)
            if not batch:
                return type(self)(size, edge)

    def root(self) -> bytes:
        """The root hash of the tree."""
        return _fold(self.hashes) if self.hashes else EMPTY_ROOT

    def encode(self) -> bytes:
        """The size in 8 bytes, big-endian, followed by the hashes."""
        return self.size.to_bytes(8, "big") + b"".join(self.hashes)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """What `encode` wrote; `BadTileError` for anything else."""
        if len(data) < 8:
            raise BadTileError("the right edge does not fit its size")
        return cls(int.from_bytes(data[:8], "big"), split_hashes(data[8:]))


def split_hashes(data: bytes) -> tuple[bytes, ...]:
    """The 32-byte hashes that lie one behind the other; `BadTileError` if some bytes are left over."""
    if len(data) % HASH_SIZE:
        raise BadTileError("the bytes are not a row of 32-byte hashes")
    return tuple(data[start : start + HASH_SIZE] for start in range(0, len(data), HASH_SIZE))


def inclusion_path(index: int, size: int, read: NodeReader) -> list[bytes]:
    """The hashes that lead from a leaf to the root of the first `size` leaves, the leaf's sibling first."""
    if not 0 <= index < size:
        raise BadProofError("the leaf lies outside of the tree")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _left_width(end - start)
        if index < middle:
            path.append(_range_hash(middle, end, read))
            end = middle
        else:
            path.append(_range_hash(start, middle, read))
            start = middle
    return path[::-1]


def consistency_path(old_size: int, new_size: int, read: NodeReader) -> list[bytes]:
    """The hashes that show the first `old_size` leaves to be a prefix of the first `new_size`."""
    if not 0 <= old_size <= new_size:
        raise BadProofError("the older tree is larger than the newer one")
    if old_size in (0, new_size):
        return []
    path, start, end = [], 0, new_size
    while end != old_size:
        middle = start + _left_width(end - start)
        if old_size <= middle:
            path.append(_range_hash(middle, end, read))
            end = middle
        else:
            path.append(_range_hash(start, middle, read))
            start = middle
    # What remains is a full subtree that ends the older tree; where it is all of it, its root is known.
    if start:
        path.append(_range_hash(start, end, read))
    return path[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Raise `BadProofError` unless the path leads from the leaf hash to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size <= MAX_SIZE:
        raise BadProofError("the leaf lies outside of the tree")
    _check_hashes(leaf, root, *path)
    position, last, reached = index, size - 1, leaf
    for sibling in path:
        if not last:
            raise BadProofError("the inclusion proof is too long")
        if position & 1 or position == last:
            reached = node_hash(sibling, reached)
            position, last = _skip_promoted(position, last)
        else:
            reached = node_hash(reached, sibling)
        position, last = position >> 1, last >> 1
    if last or reached != root:
        raise BadProofError("the inclusion proof does not lead to the root")


def verify_consistency(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Raise `BadProofError` unless the older tree is a prefix of the newer (RFC 9162, 2.1.4.2).

    Every tree extends the empty one: with an old size of 0 nothing is said about the new root.
    """
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise BadProofError("the older tree is larger than the newer one")
    _check_hashes(old_root, new_root, *path)
    if old_size in (0, new_size):
        known = EMPTY_ROOT if old_size == 0 else new_root
        if path or old_root != known:
            raise BadProofError("the consistency proof is not empty, or the roots differ")
        return
    hashes = iter([old_root, *path] if old_size & (old_size - 1) == 0 else path)
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_reached = new_reached = next(hashes, b"")
    for sibling in hashes:
        if not last:
            raise BadProofError("the consistency proof is too long")
        if position & 1 or position == last:
            old_reached = node_hash(sibling, old_reached)
            new_reached = node_hash(sibling, new_reached)
            position, last = _skip_promoted(position, last)
        else:
            new_reached = node_hash(new_reached, sibling)
        position, last = position >> 1, last >> 1
    if last or old_reached != old_root or new_reached != new_root:
        raise BadProofError("the consistency proof does not lead to both roots")


def _check_hashes(*hashes: bytes) -> None:
    if any(len(each) != HASH_SIZE for each in hashes):
        raise BadProofError("a hash is 32 bytes long")


def _skip_promoted(position: int, last: int) -> tuple[int, int]:
    # A last node without a sibling rises unchanged until it is somebody's right child.
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _carry(edge: tuple[bytes, ...], count: int, node: bytes) -> tuple[bytes, ...]:
    # As in binary addition: `count` subtrees of the node's height are there, each set low bit merges two.
    kept = len(edge)
    while count & 1:
        kept -= 1
        node = node_hash(edge[kept], node)
        count >>= 1
    return (*edge[:kept], node)


def _fold(hashes: Sequence[bytes]) -> bytes:
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def _left_width(width: int) -> int:
    """The largest power of two below `width`: how many leaves the left half of a tree holds."""
    return 1 << ((width - 1).bit_length() - 1)


def _range_hash(start: int, end: int, read: NodeReader) -> bytes:
    """The root over the leaves from start to end, where start is aligned to the largest subtree."""
    return _fold([read(level, first >> level) for level, first in _full_subtrees(start, end)])


def _full_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start
        start += 1 << level
