r"""What a log sends to a witness.

Rules upheld here (C2SP tlog-witness): the line ``old <size>``, the consistency proof from that size, one
base64 hash a line and 63 at most, an empty line, and the signed checkpoint. The answer is signature lines.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from meyasubako.crypto.canonical import decode_base64, encode_base64
from meyasubako.crypto.errors import BadNoteError, NotCanonicalError
from meyasubako.crypto.merkle import HASH_SIZE, MAX_SIZE
from meyasubako.crypto.note import MAX_NOTE, MAX_SIGNATURES, NoteSignature

MAX_PROOF: Final = 63

_decimal = re.compile(r"0|[1-9][0-9]{0,18}").fullmatch


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """The body of an ``add-checkpoint`` request: the witness's size, a proof from there, the checkpoint."""

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.old_size <= MAX_SIZE or len(self.proof) > MAX_PROOF:
            raise BadNoteError("the old size or the proof is out of range")
        if any(len(each) != HASH_SIZE for each in self.proof):
            raise BadNoteError("a hash is 32 bytes long")

    def encode(self) -> bytes:
        """The request's body."""
        lines = [f"old {self.old_size}", *map(encode_base64, self.proof), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The request whose `encode` is exactly `data`; `BadNoteError` for anything else."""
        head, parted, checkpoint = data.partition(b"\n\n")
        if not parted or len(head) > MAX_NOTE or len(checkpoint) > MAX_NOTE:
            raise BadNoteError("the body is not an add-checkpoint request")
        try:
            first, *proof = head.decode("ascii").split("\n")
            old = first.removeprefix("old ")
            if old == first or not _decimal(old):
                raise BadNoteError("the request states no old size")
            return cls(int(old), tuple(decode_base64(each, HASH_SIZE) for each in proof), checkpoint)
        except (UnicodeDecodeError, NotCanonicalError) as error:
            raise BadNoteError("the body is not an add-checkpoint request") from error


def parse_answer(data: bytes) -> tuple[NoteSignature, ...]:
    """The signature lines of a witness's answer, not verified yet; `BadNoteError` if it is anything else."""
    if len(data) > MAX_NOTE:
        raise BadNoteError("the answer is longer than we read")
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError as error:
        raise BadNoteError("the answer is not UTF-8") from error
    if lines.pop() or not 1 <= len(lines) <= MAX_SIGNATURES:
        raise BadNoteError("the answer is not signature lines alone")
    return tuple(NoteSignature.parse(f"{line}\n") for line in lines)
