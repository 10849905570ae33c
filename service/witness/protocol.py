"""What a witness answers, byte for byte.

Rules upheld here (C2SP tlog-witness; decision 0031), in the specification's order:

- 400 for what cannot be read, 404 for an unknown origin, 403 unless a trusted key signed and no trusted key's
  signature is wrong, 400 if the old size is above the checkpoint's, 409 with the last size in
  ``text/x.tlog.size`` if the old size is not the last one, 422 if the checkpoint is not consistent with it:
  wrong proof, a proof where none is due, another root at the same size, a wrong root of the empty tree.
- 200 with our signature lines alone, after the new tree is durable. The same tree is signed again, at the
  time of asking; a time is never 0, nor before that of the tree.
- Whoever shows us our own signature on a tree beyond the last one has shown that our memory is not what it
  was: from then on nothing is signed.
- Monitors get the last checkpoint with the log's signatures and ours, which is never older than a minute.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.cosignature import verifier_of
from meyasubako.crypto.errors import BadNoteError, BadProofError
from meyasubako.crypto.merkle import EMPTY_ROOT, verify_consistency
from meyasubako.crypto.note import Note, NoteKey, NoteSignature, Signer, open_note
from meyasubako.crypto.witness import AddCheckpoint
from meyasubako.service.clocks import Clock, system_clock
from meyasubako.service.witness import keys
from meyasubako.service.witness.errors import MemoryLostError, SizeConflictError
from meyasubako.service.witness.journal import Seen
from meyasubako.service.witness.memory import Memory, Remembered

# Room for 63 hashes and some fifteen post-quantum signatures.
BODY_LIMIT: Final = 64 * 1024
TEXT_TYPE: Final = "text/plain; charset=utf-8"
SIZE_TYPE: Final = "text/x.tlog.size"
# How old our signature may be when a monitor gets it; the specification allows an hour.
FRESH_SECONDS: Final = 60

OVERTAKEN: Final = (
    "somebody has this witness's signature on a newer tree than it remembers: its memory was set back, or its"
    " keys are used elsewhere"
)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: HTTP status, body, content type."""

    status: int
    body: bytes
    content_type: str = TEXT_TYPE


class Witness:
    """A witness at work. Open it after a fork; any thread may use it."""

    def __init__(self, signers: tuple[Signer, ...], memory: Memory, clock: Clock = system_clock) -> None:
        self.memory = memory
        self._signers = signers
        self._own = {_identity(signer.key): verifier_of(signer.key) for signer in signers}
        self._clock = clock
        self._lines = lru_cache(maxsize=256)(self._sign)

    @classmethod
    def open(cls, directory: Path, clock: Clock = system_clock) -> Self:
        """The witness in a directory; `KeysError`, `NoWitnessError`, `MemoryLostError`."""
        return cls(keys.load(directory), Memory.open(directory), clock)

    @property
    def vkeys(self) -> tuple[str, ...]:
        """The verifier keys of this witness, Ed25519 first."""
        return tuple(signer.key.text for signer in self._signers)

    def add_checkpoint(self, body: bytes) -> Reply:
        """The answer to ``POST /add-checkpoint``; `MemoryLostError` if this witness must sign no more."""
        try:
            asked = AddCheckpoint.parse(body)
            note = Note.parse(asked.checkpoint)
            checkpoint = Checkpoint.parse(note.text)
        except BadNoteError as error:
            return _refusal(400, str(error))
        trusted = self.memory.keys(checkpoint.origin)
        if not trusted:
            return _refusal(404, "this log is not admitted here")
        try:
            open_note(asked.checkpoint, [verifier_of(key) for key in trusted])
        except BadNoteError as error:
            return _refusal(403, str(error))
        if asked.old_size > checkpoint.size:
            return _refusal(400, "the old size is larger than the checkpoint's")
        last = self.memory.last(checkpoint.origin)
        self._halt_if_overtaken(note, checkpoint, last)
        return self._decide(asked, checkpoint, _signed_by(note, trusted), last)

    def _decide(
        self, asked: AddCheckpoint, checkpoint: Checkpoint, note: Note, last: Remembered | None
    ) -> Reply:
        before = last.seen if last else None
        size = before.size if before else 0
        if asked.old_size != size:
            return _conflict(size)
        time = max(int(self._clock().timestamp()), before.time if before else 1)
        seen = Seen(checkpoint.origin, checkpoint.size, checkpoint.root, time)
        try:
            _check_consistent(before, checkpoint, asked.proof)
        except BadProofError as error:
            self.memory.keep_refused(seen, note.encode())
            return _refusal(422, str(error))
        try:
            self.memory.advance(before, seen, note.encode())
        except SizeConflictError as error:
            return _conflict(error.size)
        return Reply(200, "".join(each.line for each in self._lines(note.text, time)).encode())

    def monitored(self, origin_hash: str) -> Reply:
        """The answer to ``GET /<hex SHA-256 of the origin>/checkpoint``; `MemoryLostError` as above."""
        last = self.memory.last_by_hash(origin_hash)
        if last is None or not last.note:
            return _refusal(404, "no checkpoint of such a log has been cosigned here")
        note = Note.parse(last.note)
        now = int(self._clock().timestamp())
        time = max(now - now % FRESH_SECONDS, last.seen.time)
        return Reply(200, note.with_signatures(self._lines(note.text, time)).encode())

    def _sign(self, text: str, time: int) -> tuple[NoteSignature, ...]:
        return tuple(signer.sign(text, time) for signer in self._signers)

    def _halt_if_overtaken(self, note: Note, checkpoint: Checkpoint, last: Remembered | None) -> None:
        size, root = (last.seen.size, last.seen.root) if last else (-1, b"")
        if checkpoint.size < size or (checkpoint.size, checkpoint.root) == (size, root):
            return
        for signature in note.signatures:
            verifier = self._own.get((signature.name, signature.key_id))
            if verifier is None:
                continue
            try:
                verifier.verify(note.text, signature.data)
            except BadNoteError:
                # Whoever asks may write anything there; to the protocol our key is an unknown one.
                continue
            self.memory.halt(OVERTAKEN)
            raise MemoryLostError(OVERTAKEN)


def _check_consistent(before: Seen | None, checkpoint: Checkpoint, proof: tuple[bytes, ...]) -> None:
    # Every tree extends the empty one, so for that a proof says nothing about the root.
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise BadProofError("the empty tree has another root")
    size, root = (before.size, before.root) if before else (0, EMPTY_ROOT)
    verify_consistency(size, checkpoint.size, root, checkpoint.root, proof)


def _signed_by(note: Note, trusted: tuple[NoteKey, ...]) -> Note:
    """The note with the signatures of these keys alone."""
    known = {_identity(key) for key in trusted}
    return Note(note.text, tuple(each for each in note.signatures if (each.name, each.key_id) in known))


def _identity(key: NoteKey) -> tuple[str, bytes]:
    return key.name, key.key_id


def _refusal(status: int, sentence: str) -> Reply:
    return Reply(status, f"{sentence}\n".encode())


def _conflict(size: int) -> Reply:
    return Reply(409, f"{size}\n".encode(), SIZE_TYPE)
