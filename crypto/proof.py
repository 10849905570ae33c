r"""Proofs and promises that an entry is, or will be, in the log.

Rules upheld here (C2SP tlog-proof; decision 0024):

- A proof is the line ``c2sp.org/tlog-proof@v1``, maybe an ``extra`` line that nobody vouches for, the index,
  the inclusion path from the leaf's sibling on, an empty line and the signed checkpoint, unchanged.
- It is verified offline, against a leaf hash and a policy that come from elsewhere.
- A promise is a note by the promise key, named ``<origin>/promise``: ``meyasubako/promise/v1``, origin, leaf
  hash in base64, and the number of the slot that covers it at the latest. It tells no place and no time.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from meyasubako.crypto.canonical import decode_base64, encode_base64
from meyasubako.crypto.checkpoint import OpenedCheckpoint
from meyasubako.crypto.errors import BadNoteError, BadProofError, NotCanonicalError
from meyasubako.crypto.merkle import HASH_SIZE, MAX_SIZE, verify_inclusion
from meyasubako.crypto.note import MAX_NOTE, Signer, Verifier, open_note, sign_note
from meyasubako.crypto.policy import Policy

# A tree of 2^63 - 1 leaves is 63 levels high.
MAX_PATH: Final = 63
MAX_EXTRA: Final = 65_536
PROMISE_CONTEXT: Final = "meyasubako/promise/v1"

_HEADER = "c2sp.org/tlog-proof@v1"
_decimal = re.compile(r"0|[1-9][0-9]{0,18}").fullmatch


@dataclass(frozen=True, slots=True)
class LogProof:
    """An inclusion proof together with the signed checkpoint that it leads to; not verified yet."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.index < MAX_SIZE or len(self.path) > MAX_PATH:
            raise BadProofError("the proof's index or path is out of range")
        if any(len(each) != HASH_SIZE for each in self.path):
            raise BadProofError("a hash is 32 bytes long")
        if self.extra is not None and len(self.extra) > MAX_EXTRA:
            raise BadProofError("the proof's extra data is longer than we carry")

    def encode(self) -> bytes:
        """The bytes of a ``.tlog-proof`` file."""
        extra = [] if self.extra is None else [f"extra {encode_base64(self.extra)}"]
        lines = [_HEADER, *extra, f"index {self.index}", *map(encode_base64, self.path), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The proof whose `encode` is exactly `data`; `BadProofError` for anything else."""
        head, parted, checkpoint = data.partition(b"\n\n")
        if not parted or len(head) > 2 * MAX_EXTRA or len(checkpoint) > MAX_NOTE:
            raise BadProofError("the text is not a log proof")
        try:
            lines = iter(head.decode("ascii").split("\n"))
            if next(lines, "") != _HEADER:
                raise BadProofError("the text is not a log proof")
            line, extra = next(lines, ""), None
            if line.startswith("extra "):
                extra, line = decode_base64(line.removeprefix("extra ")), next(lines, "")
            index = line.removeprefix("index ")
            if index == line or not _decimal(index):
                raise BadProofError("the log proof states no index")
            return cls(int(index), tuple(decode_base64(each, HASH_SIZE) for each in lines), checkpoint, extra)
        except (UnicodeDecodeError, NotCanonicalError) as error:
            raise BadProofError("the text is not a log proof") from error

    def verify(self, leaf: bytes, policy: Policy) -> OpenedCheckpoint:
        """The checkpoint under which the leaf hash is in the log.

        Raises `BadProofError` if the path does not lead to its root, `BadNoteError` if no log of the policy
        signed it, `QuorumError` if too few witnesses did.
        """
        opened = policy.open(self.checkpoint)
        tree = opened.checkpoint
        verify_inclusion(self.index, tree.size, leaf, self.path, tree.root)
        return opened


@dataclass(frozen=True, slots=True)
class Promise:
    """A mechanism's word that a leaf will be in its log by a slot."""

    origin: str
    leaf: bytes
    slot: int

    def __post_init__(self) -> None:
        if len(self.leaf) != HASH_SIZE or not 0 <= self.slot <= MAX_SIZE:
            raise BadNoteError("a promise names a 32-byte leaf hash and a slot's number")
        if not self.origin or any(char < " " for char in self.origin):
            raise BadNoteError("a promise names its log")

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{PROMISE_CONTEXT}\n{self.origin}\n{encode_base64(self.leaf)}\n{self.slot}\n"

    def sign(self, signer: Signer) -> bytes:
        """The signed note, by the promise key of the same origin."""
        if signer.key.name != promise_key_name(self.origin):
            raise BadNoteError("a promise is signed by the promise key of its log")
        return sign_note(self.text, [signer])


def promise_key_name(origin: str) -> str:
    """The name of a log's promise key.

    >>> promise_key_name("log.example.org/demo")
    'log.example.org/demo/promise'
    """
    return f"{origin}/promise"


def open_promise(data: bytes, verifier: Verifier) -> Promise:
    """The promise, if the promise key signed it; `BadNoteError` otherwise."""
    text = open_note(data, [verifier]).note.text
    context, origin, leaf, slot, *rest = [*text.split("\n"), "", "", "", ""]
    if context != PROMISE_CONTEXT or any(rest) or not _decimal(slot):
        raise BadNoteError("the note is not a promise")
    try:
        promise = Promise(origin, decode_base64(leaf, HASH_SIZE), int(slot))
    except NotCanonicalError as error:
        raise BadNoteError("the promise names no leaf hash") from error
    if promise.text != text or verifier.key.name != promise_key_name(origin):
        raise BadNoteError("the promise is not by the promise key of its log")
    return promise
