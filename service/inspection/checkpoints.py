"""Checkpoints: signed by every key that the log had then, each the tree of a slot, none taken back."""

from collections.abc import Iterator

from meyasubako.crypto.checkpoint import Checkpoint, open_checkpoint
from meyasubako.crypto.cosignature import verifier_of
from meyasubako.crypto.errors import BadKeyError, BadNoteError
from meyasubako.crypto.merkle import EMPTY_ROOT
from meyasubako.crypto.note import Note, NoteKey, Verifier
from meyasubako.domain import envelope
from meyasubako.domain.audit import Finding, Replay
from meyasubako.domain.errors import BadEventError
from meyasubako.service.inspection.source import BrokenSourceError, Kept, Source


def unverified(note: bytes) -> Checkpoint:
    """What a checkpoint says, for choosing what to read; a tree of no entries if it is malformed."""
    try:
        return Checkpoint.parse(Note.parse(note).text)
    except BadNoteError:
        return Checkpoint("malformed", 0, EMPTY_ROOT)


def origin_of(entry: bytes) -> str:
    """The origin that an entry names, or nothing."""
    try:
        return envelope.read(entry).log
    except BadEventError:
        return ""


def last_published(source: Source, replay: Replay) -> tuple[Checkpoint, bytes] | None:
    """The newest checkpoint that verifies, and its note; or None."""
    try:
        kept = [*source.published(), source.kept_apart()]
    except BrokenSourceError:
        return None
    newest = sorted((one for one in kept if one), key=lambda one: unverified(one.note).size, reverse=True)
    verified = ((_verified(one, replay), one.note) for one in newest)
    return next(((tree, note) for tree, note in verified if isinstance(tree, Checkpoint)), None)


def check_published(source: Source, replay: Replay, since: int = 0) -> Iterator[Finding]:
    """Every checkpoint that was published, from a size on, and the key that is stated beside the log."""
    stated, last = source.log_key(), last_published(source, replay)
    if stated is not None and last and stated not in replay.log_keys.get(last[0].size, ())[:1]:
        yield Finding("log-key-is-the-logs", "the key beside the log is not the one that the log names")
    published = source.published()
    if not published:
        yield Finding("checkpoint-is-published", "no checkpoint was ever published")
    for kept in published:
        if kept.size is None or kept.size >= since:
            yield from _check(kept, replay)
    yield from _gone({kept.size for kept in published if kept.size is not None}, replay, since)


def _gone(kept: set[int], replay: Replay, since: int) -> Iterator[Finding]:
    """Checkpoints of slots that ended, of which a database keeps others, and not these."""
    for size in sorted(replay.roots):
        if since <= size < max(kept, default=0) and size not in kept and size > 0:
            sentence = f"the checkpoint of {size} entries was published, and is not kept any more"
            yield Finding("checkpoint-is-kept", sentence, size - 1)


def check_kept_apart(source: Source, replay: Replay) -> Iterator[Finding]:
    """The checkpoint outside of the database is the last published one, or extends it."""
    apart, published = source.kept_apart(), source.published()
    if apart is None:
        if published:
            yield Finding(
                "checkpoint-is-kept-apart", "the last published checkpoint is missing outside the database"
            )
        return
    found = list(_check(apart, replay))
    yield from found
    opened = _verified(apart, replay)
    last = published[-1] if published else None
    if found or not isinstance(opened, Checkpoint) or last is None or last.size is None:
        return
    if opened.size < last.size or (opened.size == last.size and opened.root != last.root):
        sentence = f"the checkpoint kept apart, of {opened.size} entries, is not the last one, of {last.size}"
        yield Finding("checkpoint-is-kept-apart", sentence)


def _check(kept: Kept, replay: Replay) -> Iterator[Finding]:
    opened = _verified(kept, replay)
    if isinstance(opened, str):
        size = f" of {kept.size} entries" if kept.size is not None else ""
        yield Finding("checkpoint-is-signed", f"the checkpoint{size}: {opened}")
        return
    if kept.size not in (None, opened.size) or kept.root not in (None, opened.root):
        yield Finding(
            "checkpoint-is-signed", "the row beside a checkpoint states another tree than was signed"
        )
    if opened.size > replay.tree.size:
        sentence = f"{opened.size} entries were published, and {replay.tree.size} are there"
        yield Finding("log-only-grows", sentence, replay.tree.size)
    elif opened.size not in replay.roots:
        yield Finding("checkpoint-ends-a-slot", f"no slot ends with entry {opened.size - 1}", opened.size - 1)
    elif replay.roots[opened.size] != opened.root.hex():
        sentence = f"the first {opened.size} entries do not give the root that was published"
        yield Finding("root-is-published", sentence)


def _verified(kept: Kept, replay: Replay) -> Checkpoint | str:
    """The checkpoint if every key that was the log's at its size signed it, or what is wrong with it."""
    mechanism = replay.ledger.mechanism
    try:
        size = Checkpoint.parse(Note.parse(kept.note).text).size
        texts = replay.log_keys.get(size, mechanism.log_keys)
        keys: list[Verifier] = [verifier_of(NoteKey.parse(text)) for text in texts]
        return open_checkpoint(kept.note, mechanism.origin, keys).checkpoint
    except (BadNoteError, BadKeyError) as error:
        return str(error)
