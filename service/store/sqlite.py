"""The event store on SQLite: one directory, any number of threads and processes.

Rules upheld here:

- `log.db` (events, tree, small payloads, checkpoints), `objects/` and `incoming/` (large payloads) and
  `checkpoint` belong together, and `erasure/` holds the keys under which all payloads lie. They are made for
  this account only.
- A store is opened after the fork, and never handed over one. Reads take short turns on connections of their
  own; every write goes through the group commit.
- Erasing begins with the keys, and ends when the bytes are gone from table, write-ahead log and files.
"""

import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from meyasubako.crypto.merkle import Frontier
from meyasubako.crypto.tiles import Level
from meyasubako.service.store import check, erasing, schema, tree
from meyasubako.service.store.adoption import adopt
from meyasubako.service.store.append import stream_head
from meyasubako.service.store.commit import Leader
from meyasubako.service.store.erasure_keys import ErasureKeys
from meyasubako.service.store.errors import (
    DamagedStoreError,
    MissingPayloadError,
    NotAStoreError,
    ReadOnlyStoreError,
    StorageError,
    StoreExistsError,
    UnknownRowError,
    translated,
)
from meyasubako.service.store.events import BATCH, EventRecorder, connect
from meyasubako.service.store.locks import FileLock, sync_directory
from meyasubako.service.store.port import ABSENT, Entry, EventStore, Head, Published, Row, Sign, StoredPayload
from meyasubako.service.store.publication import Publication
from meyasubako.service.store.transaction import Transaction
from meyasubako.service.store.upload import Upload
from meyasubako.service.store.vault import Vault

DATABASE: Final = "log.db"


class Store(EventStore):
    """The event store in a directory; `port.EventStore` says what each method promises."""

    def __init__(self, directory: Path, *, read_only: bool) -> None:
        self._path = directory / DATABASE
        self._read_only = read_only
        self._vault = Vault(directory)
        if not read_only:
            # One that was put back by hand may lack folders; keys that are missing are told one by one.
            self._vault.create()
        self._lock = FileLock(directory / "log.lock")
        self._leader = Leader(lambda: connect(self._path), self._lock, self._vault)
        self._recorder = EventRecorder(self._path, self._vault, self._leader, read_only=read_only)
        self._publication = Publication(directory, self._recorder.reading, self._leader)

    @classmethod
    def create(cls, directory: Path) -> Self:
        """Make an empty store in an existing directory and open it; `StoreExistsError`, `StoreFullError`."""
        path = directory / DATABASE
        if path.exists():
            raise StoreExistsError(f"{directory} holds an event store already")
        Vault(directory).create()
        # Finished under another name first, so that a crash never leaves half a store behind.
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
                schema.create(connection, Frontier().encode())
        except sqlite3.Error as error:
            raise translated(error) from error
        fresh.rename(path)
        sync_directory(directory)
        return cls.open(directory)

    @classmethod
    def open(cls, directory: Path, *, read_only: bool = False) -> Self:
        """Open a store.

        Raises `NotAStoreError`, `NewerVersionError`, `DamagedStoreError`, and, unless it is only to be read,
        `RolledBackError` if the store does not extend the last published checkpoint.
        """
        path = directory / DATABASE
        if not path.is_file():
            raise NotAStoreError(f"{directory} does not hold an event store")
        with closing(sqlite3.connect(schema.database_uri(path, read_only=True), uri=True)) as connection:
            schema.check_version(connection)
        store = cls(directory, read_only=read_only)
        try:
            store._check(recover=not read_only)
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def bring_forward(
        cls, directory: Path, entries: Iterable[Entry], published: Published, gone: Collection[str]
    ) -> list[StoredPayload]:
        """Add mirrored entries behind those of a restored backup, up to a published tree; gives what is lost.

        The caller has verified them, and that nobody else has the store open. It may be behind the kept
        checkpoint, which is why it is not opened as usual. Raises `DamagedStoreError` with nothing changed if
        the entries do not give the tree, `RolledBackError` if that does not extend the kept checkpoint.
        """
        store = cls(directory, read_only=False)
        try:
            store._check(recover=False)
            lost = store._leader.run(
                lambda transaction: adopt(transaction, entries, published, gone, store._vault)
            )
            store._publication.take_over(published)
            return lost
        finally:
            store.close()

    def _check(self, *, recover: bool) -> None:
        with self._recorder.reading() as connection:
            # In one statement, so that both are of one moment while others write.
            count, edge = connection.execute(
                "SELECT (SELECT coalesce(max(leaf_index) + 1, 0) FROM stored_events), frontier FROM head"
            ).fetchone()
        if count != Frontier.decode(edge).size:
            raise DamagedStoreError("the events and the tree that was kept with them differ in size")
        if recover:
            self._publication.recover()

    def close(self) -> None:
        """Finish the writes that are under way and let go of every file."""
        self._leader.close()
        self._recorder.close()
        self._publication.close()
        self._vault.keys.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # The log.

    def append(
        self,
        entries: Sequence[Entry],
        small_payloads: Mapping[str, bytes],
        requires: Mapping[str, int],
        *,
        at_size: int | None = None,
    ) -> list[int]:
        """Store the entries, durably, all or none; gives their leaf indices."""
        self._check_writable()
        return self._recorder.append(entries, small_payloads, requires, at_size)

    def head(self) -> Head:
        """Size and root of the tree over all stored events."""
        with self._recorder.reading() as connection:
            edge = tree.head(connection)
        return Head(edge.size, edge.root())

    def size(self) -> int:
        """How many events are stored."""
        return self._recorder.size()

    def rows(
        self, start: int = 0, stop: int | None = None, *, without_kinds: Sequence[str] = ()
    ) -> Iterator[Row]:
        """The events from index start up to, not including, stop (what is stored now, if None)."""
        end = self.size() if stop is None else stop
        while batch := self._recorder.select_rows(start, end, BATCH, without_kinds):
            yield from batch
            start = batch[-1].index + 1

    def stream(self, stream_id: str, from_seq: int = 1) -> list[Row]:
        """The events of a stream in order."""
        return self._recorder.select_stream(stream_id, from_seq)

    def row(self, index: int) -> Row:
        """The event at a leaf index, or `UnknownRowError`."""
        found = self._recorder.select_rows(index, index + 1)
        if not found:
            raise UnknownRowError(f"the log has no event {index}")
        return found[0]

    def stream_head(self, stream_id: str) -> tuple[int, str] | None:
        """Seq and hex leaf hash of a stream's last event, or None."""
        with self._recorder.reading() as connection:
            return stream_head(connection, stream_id)

    # The vault.

    def has_payload(self, digest: str) -> bool:
        """Whether an event owns this payload and its bytes are there."""
        found = self._payload(digest)
        return found is not None and found.place not in ABSENT

    def payload_size(self, digest: str) -> int:
        """The payload's size in sealed bytes; `MissingPayloadError`."""
        return self._present(digest).size

    def open_payload(self, digest: str) -> BinaryIO:
        """The payload's sealed bytes, seekable; `MissingPayloadError`."""
        payload = self._present(digest)
        with self._recorder.reading() as connection:
            return self._vault.open(connection, payload)

    def all_payloads(self) -> Iterator[StoredPayload]:
        """Every payload that an event ever owned, also those that are gone."""
        after = 0
        while True:
            with self._recorder.reading() as connection:
                found = connection.execute(
                    "SELECT id, digest, size, leaf_index, place, scope FROM payloads"
                    " WHERE id > ? ORDER BY id LIMIT ?",
                    (after, BATCH),
                ).fetchall()
            if not found:
                return
            for row, digest, *rest in found:
                yield StoredPayload(digest.hex(), *rest)
                after = row

    def forget_payload(self, *digests: str) -> None:
        """Destroy payloads' keys and bytes, for ever, and keep the record of it; may be repeated.

        Raises `MissingPayloadError` for a payload that no event owns, `StorageError` if the write-ahead log
        could not be emptied because somebody reads for too long: ask again.
        """
        self._check_writable()
        erasing.forget(self._leader, self._vault, [self._known(digest) for digest in digests])
        self._empty_wal()

    def erase(self, *scopes: str) -> None:
        """Destroy everything of these scopes, for ever: keys, rows, objects. May be repeated.

        Afterwards they take no payloads any more. Raises `StorageError` as `forget_payload` does.
        """
        self._check_writable()
        for scope in scopes:
            with self._recorder.reading() as connection:
                owned = erasing.owned_by(connection, scope)
            erasing.erase(self._leader, self._vault, scope, owned)
        # A key that was drawn for an append while its scope was being erased has never been used.
        for scope in self._vault.keys.scopes() & self.erased():
            self._vault.keys.destroy_scope(scope)
        self._empty_wal()

    def erased(self) -> frozenset[str]:
        """The scopes that were erased."""
        with self._recorder.reading() as connection:
            return frozenset(scope for (scope,) in connection.execute("SELECT scope FROM erased_scopes"))

    @property
    def keys(self) -> ErasureKeys:
        """The erasure keys, for what copies them."""
        return self._vault.keys

    def left_of(self, digests: Iterable[str]) -> list[str]:
        """Which of these payloads still have bytes, or a key that would open a copy of them."""
        found = [payload for digest in digests if (payload := self._payload(digest)) is not None]
        return [
            payload.digest
            for payload in found
            if payload.place not in ABSENT or self._vault.keys.opens(payload.scope, payload.digest)
        ]

    def record_lost(self) -> list[StoredPayload]:
        """Give up payloads whose keys or objects a restored backup did not bring along; gives them.

        Only for what restores, which has the store for itself: their bytes could never be opened again.
        """
        self._check_writable()
        lost = [
            payload
            for payload in self.all_payloads()
            if payload.place not in ABSENT and not self._vault.could_open(payload)
        ]
        erasing.forget(self._leader, self._vault, lost, "lost")
        return lost

    def _empty_wal(self) -> None:
        with self._lock, closing(connect(self._path)) as connection:
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise StorageError(
                "the write-ahead log is being read: ask again to be sure that the bytes are gone"
            )

    def receive(self, day: date | None = None) -> Upload:
        """Begin a large upload; its modification times show `day` only (today by the file system's clock)."""
        self._check_writable()
        return self._vault.receive(day)

    def resume(self, name: str, day: date | None = None) -> Upload:
        """Go on with an upload that paused; `UnknownUploadError`, `UploadBusyError`."""
        self._check_writable()
        return self._vault.resume(name, day)

    def sweep_uploads(self, before_day: date) -> int:
        """Remove uploads and objects of earlier days that no event names; gives how many."""
        self._check_writable()
        swept = self._vault.sweep_incoming(before_day)
        old = list(self._vault.old_objects(before_day))
        for start in range(0, len(old), BATCH):
            swept += self._leader.run(partial(self._sweep, digests=old[start : start + BATCH]))
        return swept

    def drop_unowned(self, *digests: str) -> None:
        """Remove these objects now, except those that an event owns."""
        self._check_writable()
        self._leader.run(partial(self._sweep, digests=digests))

    def _sweep(self, transaction: Transaction, digests: Sequence[str]) -> int:
        # Under the write lock nobody can come to own what is being removed.
        unowned = [
            digest
            for digest in digests
            if not transaction.connection.execute(
                "SELECT 1 FROM payloads WHERE digest = ? AND place = 'object'", (bytes.fromhex(digest),)
            ).fetchone()
        ]
        self._vault.remove_objects(*unowned)
        return len(unowned)

    def _payload(self, digest: str) -> StoredPayload | None:
        try:
            key = bytes.fromhex(digest)
        except ValueError:
            return None
        with self._recorder.reading() as connection:
            found = connection.execute(
                "SELECT size, leaf_index, place, scope FROM payloads WHERE digest = ?", (key,)
            ).fetchone()
        return StoredPayload(digest, *found) if found else None

    def _known(self, digest: str) -> StoredPayload:
        found = self._payload(digest)
        if found is None:
            raise MissingPayloadError(digest[:64])
        return found

    def _present(self, digest: str) -> StoredPayload:
        found = self._known(digest)
        if found.place in ABSENT:
            raise MissingPayloadError(digest[:64])
        return found

    # Publication.

    def tile(self, level: Level, n: int, width: int) -> bytes | None:
        """A hash tile or entry bundle within the published tree, or None."""
        return self._publication.tile(level, n, width)

    def publish(self, size: int, sign: Sign) -> bytes:
        """Sign and keep the checkpoint of the first `size` leaves after re-reading them; gives the note."""
        self._check_writable()
        return self._publication.publish(size, sign)

    def published(self) -> Published | None:
        """The last published checkpoint."""
        return self._publication.last()

    def checkpoints(self) -> list[Published]:
        """Every published checkpoint, the smallest tree first."""
        return self._publication.all()

    def keep_cosignatures(self, size: int, note: bytes) -> None:
        """Replace a kept note by the same text with more signature lines."""
        self._check_writable()
        self._publication.keep_cosignatures(size, note)

    def verify(self) -> None:
        """Read and hash everything again: events, tree, tiles, checkpoints, payloads; `DamagedStoreError`."""
        with self._recorder.reading() as connection:
            check.verify_log(connection)
        for payload in self.all_payloads():
            try:
                with self._recorder.reading() as connection:
                    check.verify_payload(connection, self._vault, payload)
            except MissingPayloadError as error:
                if self.has_payload(payload.digest):  # it was not forgotten while it was to be read
                    raise DamagedStoreError(str(error)) from error

    def _check_writable(self) -> None:
        self._recorder.check_open()
        if self._read_only:
            raise ReadOnlyStoreError("the store was opened for reading only")
