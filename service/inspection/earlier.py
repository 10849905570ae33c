"""What an auditor saw of a log before, and whether the log still extends it.

- A tree that was seen and is no beginning of this log is evidence, if the log had signed it: so checkpoints
  are kept with their signatures, and handed on.
- One that no key of this log has signed proves only that two things are not the same; so it is told apart.
- What is remembered had been verified. Where this log names no key for it, it is another log, or one begun
  anew, or set back to before its key was replaced: which of them, the log alone does not show.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from meyasubako.crypto.checkpoint import Checkpoint, open_checkpoint
from meyasubako.crypto.cosignature import verifier_of
from meyasubako.crypto.errors import BadKeyError, BadNoteError
from meyasubako.crypto.note import Note, NoteKey
from meyasubako.domain.audit import Finding, Replay
from meyasubako.service.inspection.errors import UnreadableSourceError
from meyasubako.service.inspection.memory import Memory
from meyasubako.service.inspection.walk import Walk

_STRANGE: Final = "and no key that this log names has signed it"
_WHICH: Final = "another log by the same name, one begun anew, or one set back to before its key was replaced"


@dataclass(frozen=True, slots=True)
class Seen:
    """A tree that was seen: its size and root (32 bytes), and the checkpoint's note where that was kept.

    `verified` where an audit did so at that time, with the keys of that time; `origin` is then this log's.
    """

    size: int
    root: bytes
    note: bytes = b""
    origin: str = ""
    verified: bool = True


def of(note: bytes, *, verified: bool) -> Seen:
    """The tree of a checkpoint; BadNoteError if it is none."""
    tree = Checkpoint.parse(Note.parse(note).text)
    return Seen(tree.size, tree.root, note, tree.origin, verified)


def check(seen: Iterable[Seen], walk: Walk, published: int | None) -> Iterator[Finding]:
    """Whether the log that was walked through begins with every tree that was seen; `published` is the size
    of its newest checkpoint, where one verifies.
    """
    for each in seen:
        if each.size and not each.verified and each.origin != walk.replay.ledger.mechanism.origin:
            sentence = f"the checkpoint that was brought is of another log, {each.origin}"
            yield Finding("pin-is-the-logs", sentence)
        elif each.size:
            yield from _check(each, walk, published)


def _check(each: Seen, walk: Walk, published: int | None) -> Iterator[Finding]:
    if each.size <= walk.tree.size and walk.roots.get(each.size) == each.root:
        if published is not None and published < each.size:
            sentence = (
                f"a checkpoint of {each.size} entries was published once, and the newest is of {published}"
            )
            yield Finding("log-only-grows", sentence, published)
    elif not each.note or _is_signed(each.note, walk.replay):
        yield _differs(each, walk.tree.size)
    elif each.verified:
        yield _differs(each, walk.tree.size, f", {_STRANGE}: {_WHICH}")
    else:
        sentence = f"the checkpoint of {each.size} entries that was brought is not of this tree, {_STRANGE}"
        yield Finding("pin-is-the-logs", sentence)


def _differs(each: Seen, size: int, more: str = "") -> Finding:
    """The finding for a tree that a log of a size does not begin with."""
    if each.size > size:
        sentence = f"a checkpoint of {each.size} entries was published once, and now there are fewer{more}"
        return Finding("log-only-grows", sentence, size)
    sentence = f"the first {each.size} entries are not those that were published{more}"
    return Finding("log-only-grows", sentence)


def _is_signed(note: bytes, replay: Replay) -> bool:
    """Whether any key that the log has, or had at one of its markers, has signed a checkpoint."""
    mechanism = replay.ledger.mechanism
    for text in {*mechanism.log_keys, *(key for keys in replay.log_keys.values() for key in keys)}:
        try:
            open_checkpoint(note, mechanism.origin, [verifier_of(NoteKey.parse(text))])
        except (BadNoteError, BadKeyError):
            continue
        return True
    return False


def recalled(memory: Memory, origin: str) -> Iterator[Seen]:
    """What is remembered of a log; UnreadableSourceError where that is damaged, which is not nothing."""
    note = memory.recall(origin)
    if note is None:
        return
    try:
        yield of(note, verified=True)
    except BadNoteError as error:
        place = memory.place(origin)
        sentence = f"what was remembered of this log cannot be read: {place}: {error}"
        raise UnreadableSourceError(sentence) from error


def about(seen: Sequence[Seen], memory: Memory | None) -> str:
    """A word on what the log was compared with, whatever came out."""
    if seen:
        sizes = sorted({each.size for each in seen})
        return "compared with the tree of " + ", ".join(f"{size:,}" for size in sizes) + " entries"
    return "the first audit of this log here" if memory else "no earlier checkpoint was brought"
