"""Proofs and promises in the hands of those who got them: verified offline, exchanged, or shown to be broken.

Rules upheld here:

- A proof is believed under keys that came from elsewhere. Its own leaf hash, in the `extra` line, says what
  it is a proof of; whose entry that is stands in the log, not in the file.
- When a promise's slot has closed, the public level-0 tiles hold its leaf within that slot's tree, or the
  mechanism has broken its word: promise and checkpoint, both signed by it, prove that together.
- Tiles are believed only as far as they give the signed root.
- What is asked of a log is the same for every promise: each level-0 tile once, in order, and nothing else. So
  whoever runs the log learns that somebody holds a promise, and not of which entry or slot. A proof in hand
  is verified without asking anybody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from meyasubako.crypto.checkpoint import Checkpoint, OpenedCheckpoint, open_checkpoint
from meyasubako.crypto.cosignature import parse_verifier
from meyasubako.crypto.errors import BadNoteError, BadProofError
from meyasubako.crypto.merkle import HASH_SIZE, inclusion_path, perfect_root, root_of, verify_inclusion
from meyasubako.crypto.note import Note, NoteKey
from meyasubako.crypto.policy import Policy
from meyasubako.crypto.proof import LogProof, Promise, open_promise, promise_key_name
from meyasubako.crypto.tiles import TILE, tile_path
from meyasubako.domain.people import Marker, Mechanism
from meyasubako.service.client.http import Http
from meyasubako.service.client.roster import VerifiedMechanism


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof that verified shows: which leaf (hex) is which entry of which tree, and who signed it."""

    leaf: str
    index: int
    checkpoint: Checkpoint
    # Key names, and when each says that it signed; None for a signature that states no time.
    signed: Mapping[str, datetime | None]


def verify_proof(
    data: bytes, *, keys: Sequence[str] = (), policy: Policy | None = None, leaf: str | None = None
) -> Proven:
    """Verify a `.tlog-proof` under every one of these verifier keys, or under a policy.

    `leaf` (hex) is what it must prove, if it is known; else the file's own `extra` line says it. Raises
    `BadProofError`, `BadNoteError`, `QuorumError`.
    """
    proof = LogProof.parse(data)
    if proof.extra is None or len(proof.extra) != HASH_SIZE:
        raise BadProofError("the file does not say of which entry it is a proof")
    if leaf is not None and proof.extra.hex() != leaf:
        raise BadProofError("the proof is of another entry")
    opened = proof.verify(proof.extra, policy) if policy else _open(proof, keys)
    return Proven(proof.extra.hex(), proof.index, opened.checkpoint, _times(opened))


def _open(proof: LogProof, keys: Sequence[str]) -> OpenedCheckpoint:
    verifiers = [parse_verifier(key) for key in keys]
    if not verifiers:
        raise BadNoteError("no key was given to verify the proof with")
    opened = open_checkpoint(proof.checkpoint, verifiers[0].key.name, verifiers)
    tree = opened.checkpoint
    verify_inclusion(proof.index, tree.size, proof.extra or b"", proof.path, tree.root)
    return opened


def _times(opened: OpenedCheckpoint) -> dict[str, datetime | None]:
    """By name; a log that signs with two keys of one name is told by the one that states a time."""
    found: dict[str, datetime | None] = {}
    for key, time in sorted(opened.signed.items(), key=lambda item: item[1]):
        found[key.name] = datetime.fromtimestamp(time, UTC) if time else None
    return found


def verify_promise(data: bytes, keys: Sequence[str], leaf: str | None = None) -> Promise:
    """The promise, if one of these promise keys signed it; of this leaf (hex), if it is known."""
    error = BadNoteError("no promise key was given")
    for key in keys:
        try:
            promise = open_promise(data, parse_verifier(key))
        except BadNoteError as refused:
            error = refused
            continue
        if leaf is not None and promise.leaf.hex() != leaf:
            raise BadNoteError("the promise is of another entry")
        return promise
    raise error


def verify_own_proof(data: bytes, mechanism: Mechanism, leaf: str) -> Proven:
    """Verify a proof of this leaf (hex) under the keys that the mechanism's log had when it was made."""
    note = Note.parse(LogProof.parse(data).checkpoint)
    lines = {(line.name, line.key_id) for line in note.signatures}
    now = [NoteKey.parse(key) for key in mechanism.log_keys]
    former = [NoteKey.parse(key) for key in sorted(mechanism.spent_keys) if "+" in key]
    known = [
        key for key in (*now, *former) if (key.name, key.key_id) in lines and key.name == mechanism.origin
    ]
    if {key.kind for key in now} - {key.kind for key in known}:
        raise BadNoteError("the checkpoint is not signed by every key of the log")
    return verify_proof(data, keys=[key.text for key in known], leaf=leaf)


def promise_keys(mechanism: Mechanism) -> list[str]:
    """Every promise key that the mechanism has, or had before it was replaced."""
    name = promise_key_name(mechanism.origin)
    return [mechanism.promise_key, *(key for key in mechanism.spent_keys if key.startswith(f"{name}+"))]


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What became of a promise: `proof` where the log holds the leaf, on time or late; None where not.

    `checkpoint` is the signed note by which that was looked up.
    """

    proof: bytes | None
    on_time: bool
    checkpoint: bytes


def exchange(log: Http, promise: Promise, verified: VerifiedMechanism) -> Exchanged | None:
    """Look for a promise's leaf in the published log; None while its slot is open.

    Raises `BadProofError` if the tiles are not those of the checkpoint, and what the door raises.
    """
    if verified.mechanism.origin != promise.origin:
        raise BadNoteError("the promise is another log's")
    tree, note = verified.checkpoint.checkpoint, verified.checkpoint.note.encode()
    # First, also where the slot is open: stopping here would tell that the promise is of these days.
    leaves = _leaves(log, tree)
    closed = _closing(verified.mechanism.markers, promise.slot)
    if closed is None:
        return None
    if promise.leaf not in leaves:
        return Exchanged(None, on_time=False, checkpoint=note)
    index = leaves.index(promise.leaf)
    path = tuple(inclusion_path(index, tree.size, partial(_node, leaves)))
    verify_inclusion(index, tree.size, promise.leaf, path, tree.root)
    proof = LogProof(index, path, note, promise.leaf).encode()
    return Exchanged(proof, on_time=index <= closed.index, checkpoint=note)


def _closing(markers: Sequence[Marker], slot: int) -> Marker | None:
    return next((marker for marker in markers if marker.slot >= slot), None)


def _node(leaves: Sequence[bytes], level: int, index: int) -> bytes:
    """The root of a full subtree, out of leaves that are all here; as a `NodeReader`."""
    return perfect_root(leaves[index << level : (index + 1) << level])


def _leaves(log: Http, tree: Checkpoint) -> list[bytes]:
    """Every leaf hash of the published tree."""
    leaves: list[bytes] = []
    for start in range(0, tree.size, TILE):
        width = min(TILE, tree.size - start)
        tile = log.get_bytes(f"/{tile_path(0, start // TILE, width)}", TILE * HASH_SIZE)
        if len(tile) != width * HASH_SIZE:
            raise BadProofError("the log shows a tile of another width than was asked for")
        leaves += [tile[place : place + HASH_SIZE] for place in range(0, len(tile), HASH_SIZE)]
    if root_of(leaves) != tree.root:
        raise BadProofError("the log's tiles are not those of the checkpoint that it signed")
    return leaves
