"""Restoring a mechanism: out of a backup, and forward from a mirror of its published log.

Rules upheld here:

- What the directory holds is the beginning of what the mirror holds, entry by entry: a mirror of another log,
  or of a fork, is refused. So is one that ends before what is stored here or was published from here.
- The mirror is not believed: every new entry is allowed by the rules, under signatures, and the tree is the
  one of the mirror's checkpoint, signed by every key that the log names at that size.
- The server's keys are those that the log names at its end, or nothing is restored: a log that cannot be
  signed as it says cannot go on.
- Payloads are no part of a mirror. Those that neither the backup nor `objects/` has, or whose keys nobody
  has, are recorded as lost, for ever; what the log says was destroyed since the backup is destroyed again,
  and so are its keys.
- A backup is restored into a new directory, which is there under its name when all of that is done, and not
  before.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Self

from meyasubako.crypto.age import Identity
from meyasubako.crypto.checkpoint import Checkpoint, open_checkpoint
from meyasubako.crypto.cosignature import parse_verifier
from meyasubako.crypto.errors import BadNoteError, BadTileError, CryptoError
from meyasubako.crypto.merkle import Frontier, leaf_hash
from meyasubako.crypto.note import Note
from meyasubako.crypto.tiles import TILE, decode_bundle, tile_path, tile_width
from meyasubako.domain import envelope
from meyasubako.domain.audit import Replay, must_be_absent
from meyasubako.domain.ledger import Ledger, Owner
from meyasubako.service import clock, packing, supervisor
from meyasubako.service.config import Config
from meyasubako.service.errors import RestoreError
from meyasubako.service.exclusive import only_one
from meyasubako.service.inspection import Progress
from meyasubako.service.keys import PublicKeys, ServerKeys
from meyasubako.service.mechanism import Mechanism, entry_of
from meyasubako.service.packing import unpack
from meyasubako.service.store.errors import RolledBackError
from meyasubako.service.store.locks import sync_directory
from meyasubako.service.store.port import Entry, Published, StoredPayload
from meyasubako.service.store.snapshot import settle_restored
from meyasubako.service.store.sqlite import Store
from meyasubako.service.store.vault import Vault

_EVERY = 1024
_FILES = 64
_KEPT = "checkpoint"


@dataclass(frozen=True, slots=True)
class Lost:
    """A payload of which only the log still tells: what it was, by its event's kind and the use there."""

    payload: StoredPayload
    owner: Owner


@dataclass(frozen=True, slots=True)
class Restored:
    """How many entries the directory had and has now, and what is lost."""

    before: int
    size: int
    lost: tuple[Lost, ...]


@dataclass(frozen=True, slots=True)
class _Mirror:
    """A plain directory in the form of C2SP tlog-tiles: its checkpoint, unverified, and its entries."""

    directory: Path
    note: bytes
    tree: Checkpoint

    @classmethod
    def read(cls, directory: Path) -> Self:
        try:
            note = (directory / _KEPT).read_bytes()
            return cls(directory, note, Checkpoint.parse(Note.parse(note).text))
        except (OSError, BadNoteError) as error:
            raise RestoreError(f"{directory} holds no mirror: {_KEPT}: {error}") from error

    def entries(self) -> Iterator[bytes]:
        for n in range(-(-self.tree.size // TILE)):
            width = tile_width(0, n, self.tree.size)
            name = tile_path("entries", n, width)
            try:
                yield from decode_bundle((self.directory / name).read_bytes(), width)
            except (OSError, BadTileError) as error:
                raise RestoreError(f"the mirror's {name} cannot be read: {error}") from error


def restore(directory: Path, mirror: Path, *, progress: Progress | None = None) -> Restored:
    """Bring the mechanism in a directory forward to the end of a mirror; may be repeated.

    Raises `RestoreError` for a mirror that does not fit, `KeysError`, `UnreadableSourceError`, the store's
    errors, and `AlreadyRunningError` while the mechanism is served. Nothing is changed then.
    """
    config = Config.load(directory)
    with ExitStack() as stack:
        stack.enter_context(only_one(directory / supervisor.LOCK_NAME, "meyasubako serve"))
        stack.enter_context(only_one(directory / clock.LOCK_NAME, "clock"))
        source = _Mirror.read(mirror)
        before, ledger, published = _verified(directory, config, source, progress)
        lost = Store.bring_forward(
            directory, _entries(source, before, ledger), published, must_be_absent(ledger)
        )
        _destroy(directory)
    return Restored(before, published.size, tuple(Lost(each, ledger.owners[each.digest]) for each in lost))


def restore_backup(
    directory: Path,
    backup: Path,
    keys: Path,
    identities: Sequence[Identity],
    *,
    mirror: Path | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Restored:
    """Restore a mechanism out of a backup of its data and one of its keys into a new directory.

    A mirror brings it forward; a checkpoint says how far it was published, and refuses what ends before.
    Raises as `restore` does, and the errors of the seal where the identities do not open the backup. Nothing
    is left behind then.
    """
    if directory.exists() and any(directory.iterdir()):
        raise RestoreError(f"{directory} is not empty: a backup is restored into a new directory")
    work = directory.with_name(f".{directory.name}.restoring")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700, parents=True)
    try:
        _unpack(work, backup, keys, identities, progress)
        given = _keep_newer(work, checkpoint) if checkpoint is not None else None
        forward = restore(work, mirror, progress=progress) if mirror is not None else None
        restored = _settle(work, forward, given)
        if directory.exists():
            directory.rmdir()
        work.rename(directory)
        sync_directory(directory.parent)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return restored


def _unpack(
    work: Path, backup: Path, keys: Path, identities: Sequence[Identity], progress: Progress | None
) -> None:
    done = count()

    def tell() -> None:
        number = next(done)
        if progress and number % _FILES == 0:
            progress("unpacking", number, number)

    unpack(backup, identities, packing.DATA, work, tell)
    Vault(work).create()
    unpack(keys, identities, packing.KEYS, work, tell)
    for folder in (work / "objects", work / "erasure", work):
        sync_directory(folder)
    settle_restored(work)


def _keep_newer(work: Path, checkpoint: Path) -> Checkpoint:
    """Let a newer checkpoint be the one that the log must extend; gives it."""
    config = Config.load(work)
    try:
        given, note = Checkpoint.parse(Note.parse(checkpoint.read_bytes()).text), checkpoint.read_bytes()
        kept = Checkpoint.parse(Note.parse((work / _KEPT).read_bytes()).text)
    except (OSError, BadNoteError) as error:
        raise RestoreError(f"{checkpoint} does not hold a checkpoint") from error
    if given.origin != config.origin:
        raise RestoreError(f"the checkpoint is of {given.origin}, and this is {config.origin}")
    if given.size > kept.size:
        (work / _KEPT).write_bytes(note)
    return given


def _settle(work: Path, forward: Restored | None, given: Checkpoint | None) -> Restored:
    """Compare with a checkpoint, destroy again what the log says is gone, and give up what no key opens."""
    try:
        mechanism = Mechanism.open(work)
    except RolledBackError as error:
        raise RestoreError(f"{error}: a mirror of what was published since is needed") from error
    try:
        state = mechanism.ledger().mechanism
        ServerKeys.fitting(work, PublicKeys(state.log_keys, state.promise_key, state.service_key))
        if given is not None:
            edge = Frontier().extend(leaf_hash(row.data) for row in mechanism.store.rows(0, given.size))
            if edge.root() != given.root:
                raise RestoreError(
                    f"the log does not extend the checkpoint of {given.size}: tell the mechanism's auditor"
                )
        mechanism.destroy(again=True)
        ledger, size = mechanism.ledger(), mechanism.store.size()
        lost = tuple(Lost(each, ledger.owners[each.digest]) for each in mechanism.store.record_lost())
    finally:
        mechanism.close()
    before, earlier = (forward.before, forward.lost) if forward else (size, ())
    return Restored(before, size, earlier + lost)


def _verified(
    directory: Path, config: Config, source: _Mirror, progress: Progress | None
) -> tuple[int, Ledger, Published]:
    """How much the directory has, the mirror's log folded, and its checkpoint: all compared and verified."""
    tree = source.tree
    if tree.origin != config.origin:
        raise RestoreError(f"the mirror is of {tree.origin}, and this is {config.origin}")
    with Store.open(directory, read_only=True) as store:
        before = store.size()
        if before > tree.size:
            raise RestoreError(
                f"the directory holds {before} entries, and the mirror only {tree.size}: nothing is restored "
                "over a longer log"
            )
        replay = Replay()
        for finding in replay.feed(_compared(source, store, progress)):
            if finding.index is None or finding.index >= before:
                raise RestoreError(f"the mirror's entry {finding.index} breaks a rule: {finding.sentence}")
    _check_signed(source.note, tree, replay)
    _check_kept(directory / _KEPT, tree.size, replay)
    state = replay.ledger.mechanism
    ServerKeys.fitting(directory, PublicKeys(state.log_keys, state.promise_key, state.service_key))
    return before, replay.ledger, Published(tree.size, tree.root, source.note)


def _compared(source: _Mirror, store: Store, progress: Progress | None) -> Iterator[bytes]:
    """The mirror's entries, each the same as the directory's where that has one."""
    rows = store.rows()
    for index, data in enumerate(source.entries()):
        row = next(rows, None)
        if row is not None and row.data != data:
            what = "of another log" if index == 0 else "of a fork: tell the mechanism's auditor"
            raise RestoreError(f"entry {index} of the mirror is not the one here: it is {what}")
        if progress and index % _EVERY == 0:
            progress("verifying the mirror", index, source.tree.size)
        yield data


def _check_signed(note: bytes, tree: Checkpoint, replay: Replay) -> None:
    if replay.tree.size != tree.size or replay.tree.root() != tree.root:
        raise RestoreError("the mirror's entries do not give the tree of its checkpoint")
    try:
        keys = [parse_verifier(text) for text in replay.log_keys.get(tree.size, ())]
        open_checkpoint(note, tree.origin, keys)
    except CryptoError as error:
        raise RestoreError(f"the mirror's checkpoint is not signed by the log's keys: {error}") from error


def _check_kept(path: Path, size: int, replay: Replay) -> None:
    """Whatever was published from here, as far as it is known here, the mirror extends."""
    try:
        kept = Checkpoint.parse(Note.parse(path.read_bytes()).text)
    except FileNotFoundError:
        return
    except BadNoteError as error:
        raise RestoreError(f"{path} does not hold a checkpoint") from error
    if kept.size > size:
        raise RestoreError(
            f"{kept.size} entries were published from here, and the mirror holds {size}: find a newer mirror"
        )
    if replay.roots.get(kept.size) != kept.root.hex():
        raise RestoreError(
            "the mirror does not extend what was published from here: tell the mechanism's auditor"
        )


def _entries(source: _Mirror, start: int, ledger: Ledger) -> Iterator[Entry]:
    return (entry_of(envelope.read(data), ledger) for data in islice(source.entries(), start, None))


def _destroy(directory: Path) -> None:
    """What was destroyed since the backup is not there again."""
    mechanism = Mechanism.open(directory)
    try:
        mechanism.destroy(again=True)
    finally:
        mechanism.close()
