"""Keys of which single ones can be destroyed while all others stay: a tree of keys that is punctured.

Rules upheld here:

- Every name has a key of its own at a leaf of a binary tree: left and right child follow from their parent by
  a keyed hash, and nobody gets from a child to its parent (O. Goldreich, S. Goldwasser, S. Micali, "How to
  construct random functions", 1986; keyed hash: BLAKE2b, RFC 7693). One secret stands for all of them.
- Destroying a name's key replaces the node above it by the siblings on the way down to it: from these every
  other key follows still, and that one does not follow from anything that is left.
- A leaf is found by a keyed 64-bit hash of the name, so that nobody who chooses names, but does not have the
  tree, can make two of them meet at one leaf.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Final

from meyasubako.crypto.errors import BadKeyError, DestroyedKeyError

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_SIZE: Final = 32
_DEPTH: Final = 64
_MAGIC: Final = b"meya-ek1"
_NODE: Final = 1 + 8 + KEY_SIZE
_CHECK: Final = 32
_SIDES: Final = {"0": b"\0", "1": b"\1"}
# Where a node stands: its depth, and the first so many bits of the leaves below it.
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class KeyTree:
    """What is left of a tree of keys: the secret that places names, and nodes, none of them above another."""

    placing: bytes = field(repr=False)
    nodes: Mapping[Place, bytes] = field(repr=False)

    @classmethod
    def generate(cls) -> KeyTree:
        """A fresh tree, in which every name has its key."""
        return cls(secrets.token_bytes(KEY_SIZE), {(0, 0): secrets.token_bytes(KEY_SIZE)})

    def key(self, name: bytes) -> bytes:
        """The 32-byte key of a name; raises `DestroyedKeyError`."""
        leaf = self._leaf(name)
        depth, seed = _above(self.nodes, leaf)
        # As `_child`, but a call for each of so many levels would take longer than the hash.
        for side in f"{leaf:0{_DEPTH}b}"[depth:]:
            seed = blake2b(_SIDES[side], key=seed, digest_size=KEY_SIZE, person=_MAGIC).digest()
        return seed

    def holds(self, name: bytes) -> bool:
        """Whether the key of a name was not destroyed."""
        try:
            _above(self.nodes, self._leaf(name))
        except DestroyedKeyError:
            return False
        return True

    def without(self, *names: bytes) -> KeyTree:
        """The tree that has every key but those of these names; may be repeated."""
        nodes = dict(self.nodes)
        for name in names:
            leaf = self._leaf(name)
            try:
                depth, seed = _above(nodes, leaf)
            except DestroyedKeyError:
                continue
            del nodes[depth, leaf >> (_DEPTH - depth)]
            for level in range(depth + 1, _DEPTH + 1):
                place = leaf >> (_DEPTH - level)
                nodes[level, place ^ 1] = _child(seed, bytes([place & 1 ^ 1]))
                seed = _child(seed, bytes([place & 1]))
        return replace(self, nodes=nodes)

    def encode(self) -> bytes:
        """The tree as bytes, with a checksum, so that damage shows as damage: see `decode`."""
        nodes = b"".join(
            bytes([depth]) + place.to_bytes(8) + self.nodes[depth, place]
            for depth, place in sorted(self.nodes)
        )
        body = _MAGIC + self.placing + nodes
        return body + sha256(body).digest()

    @classmethod
    def decode(cls, data: bytes) -> KeyTree:
        """The tree of these bytes: 8 of a mark, 32 that place names, 41 for each node (depth, bits, seed),
        then the SHA-256 of it all. Raises `BadKeyError` for anything else.
        """
        body, check = data[:-_CHECK], data[-_CHECK:]
        begin = len(_MAGIC) + KEY_SIZE
        if not body.startswith(_MAGIC) or len(body) < begin or sha256(body).digest() != check:
            raise BadKeyError("these are not the bytes of a tree of keys, or they were damaged")
        rows = [body[at : at + _NODE] for at in range(begin, len(body), _NODE)]
        nodes = {(row[0], int.from_bytes(row[1:9])): row[9:] for row in rows}
        if any(
            depth > _DEPTH or place >> depth or len(seed) != KEY_SIZE
            for (depth, place), seed in nodes.items()
        ):
            raise BadKeyError("a node of the tree of keys stands nowhere")
        tree = cls(body[len(_MAGIC) : begin], nodes)
        if tree.encode() != data or any(_covered(nodes, depth, place) for depth, place in nodes):
            raise BadKeyError("the tree of keys is not written as it should be")
        return tree

    def _leaf(self, name: bytes) -> int:
        return int.from_bytes(blake2b(name, key=self.placing, digest_size=_DEPTH // 8).digest())


def _above(nodes: Mapping[Place, bytes], leaf: int) -> tuple[int, bytes]:
    """Depth and seed of the one node above a leaf, or the leaf itself."""
    for depth in range(_DEPTH + 1):
        seed = nodes.get((depth, leaf >> (_DEPTH - depth)))
        if seed is not None:
            return depth, seed
    raise DestroyedKeyError("the key was destroyed")


def _child(seed: bytes, side: bytes) -> bytes:
    return blake2b(side, key=seed, digest_size=KEY_SIZE, person=_MAGIC).digest()


def _covered(nodes: Mapping[Place, bytes], depth: int, place: int) -> bool:
    return any((level, place >> (depth - level)) in nodes for level in range(depth))
