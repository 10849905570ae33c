"""The vault: sealed payloads under the SHA-256 of their bytes.

The only place where a payload's bytes are written and read, be it in a table or in a file.

Rules upheld here:

- Whatever lies here lies under the layer of an erasure key; what goes in and out are the sealed bytes.
- A small payload is written in the transaction of the event that owns it. A large one is there before:
  `incoming/` under a random name, fsync, rename to `objects/<digest>`, fsync of the directory.
- Erased is what has no key any more; rows and files go behind it.
- Modification times show a day, never a moment.
- A path is made of hex digits only, whatever a caller was given by a stranger.
- What is being written is locked; sweeping passes it by.
"""

import fcntl
import os
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from meyasubako.crypto.layer import add_layer, layered_size, remove_layer
from meyasubako.service.store.erasure_keys import ErasureKeys
from meyasubako.service.store.errors import (
    ErasureKeyError,
    MissingErasureKeyError,
    MissingPayloadError,
    PayloadMismatchError,
    UnknownUploadError,
    UploadBusyError,
    translated,
)
from meyasubako.service.store.layer import opened
from meyasubako.service.store.locks import sync_directory
from meyasubako.service.store.port import StoredPayload
from meyasubako.service.store.quiet import open_quietly
from meyasubako.service.store.schema import insert_many
from meyasubako.service.store.upload import Upload, day_start, discard

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[0-9a-f]{32}")


class Vault:
    """The payloads of one store, in its database's `small_payloads` and in its `objects/`."""

    def __init__(self, directory: Path) -> None:
        self.objects = directory / "objects"
        self.incoming = directory / "incoming"
        self.keys = ErasureKeys(directory)

    def create(self) -> None:
        """Make the folders, for this account only."""
        self.objects.mkdir(mode=0o700, exist_ok=True)
        self.incoming.mkdir(mode=0o700, exist_ok=True)
        self.keys.create()

    def open(self, connection: sqlite3.Connection, payload: StoredPayload) -> BinaryIO:
        """The sealed bytes of a payload, seekable.

        Raises `MissingPayloadError`, `ErasureKeyError`, and, also while it is read, `DamagedLayerError`.
        """
        digest, size = payload.digest, payload.size
        if payload.place == "object":
            try:
                file = open_quietly(self.object_path(digest))
            except FileNotFoundError as error:
                raise MissingPayloadError(digest) from error
            try:
                return opened(file, self.keys.large(digest), size)
            except ErasureKeyError:
                file.close()
                raise
        found = small_payload(connection, digest)
        if found is None:
            raise MissingPayloadError(digest)
        scope, layered = found
        return BytesIO(remove_layer(self.keys.small(scope, digest), size, layered))

    def holds(self, connection: sqlite3.Connection, digest: str) -> bool:
        """Whether bytes of this digest are anywhere, owned or not."""
        return self.object_path(digest).exists() or small_payload(connection, digest) is not None

    # Small payloads: rows beside the log.

    def put_small(self, connection: sqlite3.Connection, payloads: Sequence[tuple[int, bytes]]) -> None:
        """Write small payloads (row, layered bytes) in the transaction of the events that own them."""
        insert_many(connection, "small_payloads", 2, payloads)

    def remove_small(self, connection: sqlite3.Connection, rows: Iterable[int]) -> None:
        """Overwrite small payloads with zeros (`secure_delete`)."""
        connection.executemany("DELETE FROM small_payloads WHERE id = ?", [(row,) for row in rows])

    def add_layers(
        self, scope: str, small: Mapping[str, bytes], used: Callable[[], bool]
    ) -> dict[str, bytes]:
        """Small payloads of a scope (digest to sealed bytes) under their layers, whose keys are durable.

        Asked for before the transaction begins.

        Raises `ErasureKeyError` where payloads of this scope lie under keys (`used`) that are not there any
        more.
        """
        tree = self.keys.draw(scope, used)
        return {digest: add_layer(tree.key(bytes.fromhex(digest)), data) for digest, data in small.items()}

    # Large payloads: files.

    def receive(self, day: date | None) -> Upload:
        """Begin an upload under a random name."""
        name = secrets.token_hex(16)
        self.keys.begin(name)
        try:
            descriptor = os.open(
                self.incoming / name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise translated(error) from error
        return self._upload(name, descriptor, day)

    def resume(self, name: str, day: date | None) -> Upload:
        """Go on with an upload; `UnknownUploadError`, `UploadBusyError`."""
        return self._upload(name, self._find(name), day)

    def _upload(self, name: str, descriptor: int, day: date | None) -> Upload:
        path, file = self.incoming / name, os.fdopen(descriptor, "r+b", buffering=0)
        try:
            _claim(path, descriptor)
            return Upload(path, file, self.objects, self.keys, self.keys.arriving(name), day)
        except MissingErasureKeyError:
            file.close()
            raise UnknownUploadError("no upload has this name") from None
        except BaseException:
            file.close()
            raise

    def _find(self, name: str) -> int:
        if _NAME.fullmatch(name) is None:
            raise UnknownUploadError("no upload has this name")
        try:
            return os.open(self.incoming / name, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise UnknownUploadError("no upload has this name") from error

    def check_object(self, digest: str, size: int) -> None:
        """Refuse unless the object and its key are there (`MissingPayloadError`), in this size
        (`PayloadMismatchError`).
        """
        try:
            found = self.object_path(digest).stat().st_size
        except FileNotFoundError as error:
            raise MissingPayloadError(digest) from error
        if found != layered_size(size):
            raise PayloadMismatchError(f"payload {digest} has another size")
        if not self.keys.has_large(digest):
            raise MissingPayloadError(digest)

    def could_open(self, payload: StoredPayload) -> bool:
        """Whether the key of a payload is there, and the object if it is one."""
        if payload.place == "object":
            try:
                self.check_object(payload.digest, payload.size)
            except (MissingPayloadError, PayloadMismatchError):
                return False
            return True
        return self.keys.opens(payload.scope, payload.digest)

    def sync_objects(self) -> None:
        """Make sure that an object seen is an object kept: its upload may not have come to its fsync yet."""
        sync_directory(self.objects)

    def remove_objects(self, *digests: str) -> None:
        """Destroy the keys of objects, then the files, durably; those that are gone are none the worse."""
        self.keys.destroy_large(*digests)
        for digest in digests:
            self.object_path(digest).unlink(missing_ok=True)
        sync_directory(self.objects)

    def old_objects(self, before_day: date) -> Iterator[str]:
        """The digests of the objects whose upload ended on an earlier day."""
        for entry in os.scandir(self.objects):
            if _DIGEST.fullmatch(entry.name) and entry.stat().st_mtime < day_start(before_day, 0):
                yield entry.name

    def sweep_incoming(self, before_day: date) -> int:
        """Remove uploads whose last part came on an earlier day; gives how many."""
        swept = 0
        for entry in list(os.scandir(self.incoming)):
            if _NAME.fullmatch(entry.name) is None or entry.stat().st_mtime >= day_start(before_day, 0):
                continue
            with suppress(UnknownUploadError, UploadBusyError):
                self._sweep(entry.name)
                swept += 1
        for name in self.keys.uploads(day_start(before_day, 0)):
            if not (self.incoming / name).exists():
                self.keys.destroy_upload(name)
        return swept

    def _sweep(self, name: str) -> None:
        descriptor = self._find(name)
        try:
            _claim(self.incoming / name, descriptor)
            discard(self.incoming / name, self.keys)
        finally:
            os.close(descriptor)

    def object_path(self, digest: str) -> Path:
        """Where the object lies; `MissingPayloadError` for what is not a digest."""
        if _DIGEST.fullmatch(digest) is None:
            raise MissingPayloadError(digest[:64])
        return self.objects / digest


def small_payload(connection: sqlite3.Connection, digest: str) -> tuple[str, bytes] | None:
    """Scope and layered bytes of a small payload as they lie in the table."""
    found = connection.execute(
        "SELECT scope, sealed FROM small_payloads JOIN payloads USING (id) WHERE digest = ?",
        (bytes.fromhex(digest),),
    ).fetchone()
    return (str(found[0]), bytes(found[1])) if found else None


def _claim(path: Path, descriptor: int) -> None:
    """Lock an upload that is still one: `UploadBusyError`, `UnknownUploadError`."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UploadBusyError("another request is writing to this upload") from error
    # It may have come to its place, or be gone, between being opened and being locked.
    try:
        here = path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        here = False
    if not here:
        raise UnknownUploadError("no upload has this name")
