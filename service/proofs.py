"""Proof, for somebody outside, that an event stands in the published log; before its slot closes, a promise.

A `.tlog-proof` verifies offline with stock tools. Its `extra` line carries the leaf hash, so that the one
file is enough; it names no person, no case and no text. It leads to the first checkpoint that covered the
event: when that was signed, in the time of the log's ML-DSA line and of the witnesses' lines, is the date
that it proves.
"""

from dataclasses import dataclass

from meyasubako.crypto.merkle import inclusion_path, leaf_hash
from meyasubako.crypto.proof import LogProof, Promise
from meyasubako.crypto.tiles import TileReader
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.store.port import Published
from meyasubako.service.store.sqlite import Store


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file that shows that an event is, or by a slot will be, in the log."""

    file_name: str
    data: bytes
    final: bool


def promise(mechanism: Mechanism, leaf: str) -> bytes:
    """The promise that every accepted event (leaf hash in hex) gets: that the log holds it after a slot."""
    marker = mechanism.ledger().mechanism.last_marker
    slot = marker.slot + 1 if marker else 0
    return Promise(mechanism.config.origin, bytes.fromhex(leaf), slot).sign(mechanism.keys.promise)


def promised(mechanism: Mechanism, leaf: str) -> Evidence:
    """What whoever has just written an event (leaf hash in hex) can take away: the promise."""
    return Evidence("promise.txt", promise(mechanism, leaf), final=False)


def evidence(mechanism: Mechanism, stream: str, seq: int) -> Evidence:
    """The proof of an event, or a promise while its slot is open; LookupError if there is no such event."""
    row = next(iter(mechanism.store.stream(stream, seq)), None)
    if row is None:
        raise LookupError("there is no such event")
    leaf = leaf_hash(row.data).hex()
    published = next((each for each in mechanism.store.checkpoints() if each.size > row.index), None)
    if published is None:
        return promised(mechanism, leaf)
    path = published_path(mechanism.store, published, row.index)
    proof = LogProof(row.index, tuple(path), published.note, bytes.fromhex(leaf))
    return Evidence("filed.tlog-proof", proof.encode(), final=True)


def published_path(store: Store, published: Published, index: int) -> list[bytes]:
    """The inclusion path of an index in the published tree, leaf's sibling first."""

    def fetch(level: int, n: int, width: int) -> bytes:
        # Within the published tree there is every tile.
        return store.tile(level, n, width) or b""

    return inclusion_path(index, published.size, TileReader(published.size, fetch))
