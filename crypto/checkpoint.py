"""Checkpoints: a log's signed statement of its size and root.

Rules upheld here (C2SP tlog-checkpoint; decision 0023):

- Three non-empty lines: origin, size in decimal, root in base64. Extension lines of others' logs are read and
  kept, ours has none, because ML-DSA cosignatures do not cover them.
- The log signs with every key of its list, Ed25519 first and ML-DSA-44 beside it, and whoever pins the list
  demands them all: a signature that anybody may strip protects nobody.
- What an unverified checkpoint says is not looked at: it is opened with keys, or by a policy.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from meyasubako.crypto.canonical import decode_base64, encode_base64
from meyasubako.crypto.errors import BadNoteError, NotCanonicalError
from meyasubako.crypto.merkle import HASH_SIZE, MAX_SIZE
from meyasubako.crypto.note import Note, NoteKey, Signer, Verifier, open_note, sign_note

_decimal = re.compile(r"0|[1-9][0-9]{0,18}").fullmatch


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree of a log, as the text of its checkpoint states it."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_SIZE:
            raise BadNoteError("a checkpoint's size or root is out of range")
        for line in (self.origin, *self.extensions):
            if not line or any(char < " " for char in line):
                raise BadNoteError("a checkpoint's line is empty or holds control characters")

    @property
    def text(self) -> str:
        r"""The text that is signed.

        >>> Checkpoint("log.example.org/demo", 0, bytes(32)).text
        'log.example.org/demo\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n'
        """
        lines = (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The checkpoint whose `text` is exactly this; `BadNoteError` for anything else."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop():
            raise BadNoteError("a checkpoint has three lines, each ended by a newline")
        origin, size, root, *extensions = lines
        if not _decimal(size):
            raise BadNoteError("a checkpoint's size is a decimal number")
        try:
            return cls(origin, int(size), decode_base64(root, HASH_SIZE), tuple(extensions))
        except NotCanonicalError as error:
            raise BadNoteError("a checkpoint's root is 32 bytes in base64") from error


@dataclass(frozen=True, slots=True)
class OpenedCheckpoint:
    """A checkpoint whose signatures have been verified."""

    checkpoint: Checkpoint
    note: Note
    # The known keys that signed, with the newest time in POSIX seconds that each states, or 0.
    signed: Mapping[NoteKey, int]


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer], time: int) -> bytes:
    """The signed note of a checkpoint by all keys of the log, at a time in POSIX seconds (0 states none)."""
    return sign_note(checkpoint.text, signers, time)


def open_checkpoint(
    data: bytes, origin: str, log: Sequence[Verifier], witnesses: Sequence[Verifier] = ()
) -> OpenedCheckpoint:
    """The checkpoint, if every key of the log signed it and no witness's signature is wrong.

    `BadNoteError` otherwise. How many witnesses are enough is a policy's to say: see `signed` for who did.
    """
    opened = open_note(data, [*log, *witnesses])
    if not log or any(each.key not in opened.signed for each in log):
        raise BadNoteError("the checkpoint is not signed by every key of the log")
    checkpoint = Checkpoint.parse(opened.note.text)
    if checkpoint.origin != origin:
        raise BadNoteError("the checkpoint is another log's")
    return OpenedCheckpoint(checkpoint, opened.note, opened.signed)
