"""The vault: sealed payloads under the SHA-256 of their bytes.

The only place where a payload's bytes are written and read, be it in a table or in a file.

Rules upheld here:

- A small payload is written in the transaction of the event that owns it. A large one is there before:
  `incoming/` under a random name, fsync, rename to `objects/<digest>`, fsync of the directory.
- Modification times show a day, never a moment.
- A path is made of hex digits only, whatever a caller was given by a stranger.
- What is being written is locked; sweeping passes it by.
"""

import fcntl
import hashlib
import os
import re
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from meyasubako.service.store.errors import (
    MissingPayloadError,
    PayloadMismatchError,
    UnknownUploadError,
    UploadBusyError,
    translated,
)
from meyasubako.service.store.locks import sync_directory
from meyasubako.service.store.port import StoredPayload
from meyasubako.service.store.schema import insert_many

_DAY: Final = 24 * 60 * 60
_PIECE: Final = 1 << 20
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[0-9a-f]{32}")


class Upload:
    """A large payload on its way. As a context manager it is forgotten unless committed or paused."""

    def __init__(self, vault: "Vault", name: str, file: BinaryIO, day: date | None) -> None:
        self.name = name
        self._vault, self._file, self._day = vault, file, day
        self._hash = hashlib.sha256()
        self._path = vault.incoming / name
        self.size = 0
        while piece := file.read(_PIECE):
            self._hash.update(piece)
            self.size += len(piece)

    def write(self, data: bytes) -> int:
        """Take the next bytes; `StoreFullError` if the disk has no room for them."""
        try:
            self._file.write(data)
        except OSError as error:
            raise translated(error) from error
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    def pause(self) -> None:
        """Make what arrived durable and let go of it until it is resumed by its name."""
        self._settle()
        self._file.close()

    def commit(self) -> tuple[str, int]:
        """Make the object durable under its digest; gives (hex SHA-256, size)."""
        digest = self._hash.hexdigest()
        self._settle()
        try:
            self._path.rename(self._vault.object_path(digest))
            sync_directory(self._vault.objects)
        except OSError as error:
            raise translated(error) from error
        self._file.close()
        return digest, self.size

    def abort(self) -> None:
        """Forget what arrived."""
        with suppress(OSError):  # a full disk refuses what was still buffered, and it is not wanted
            self._file.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._file.closed:
            self.abort()

    def _settle(self) -> None:
        try:
            self._file.flush()
            moment = _day_start(self._day, os.fstat(self._file.fileno()).st_mtime)
            os.utime(self._file.fileno(), (moment, moment))
            os.fsync(self._file.fileno())
        except OSError as error:
            raise translated(error) from error


class Vault:
    """The payloads of one store, in its database's `small_payloads` and in its `objects/`."""

    def __init__(self, directory: Path) -> None:
        self.objects = directory / "objects"
        self.incoming = directory / "incoming"

    def create(self) -> None:
        """Make the folders, for this account only."""
        self.objects.mkdir(mode=0o700, exist_ok=True)
        self.incoming.mkdir(mode=0o700, exist_ok=True)

    def open(self, connection: sqlite3.Connection, payload: StoredPayload) -> BinaryIO:
        """The sealed bytes of a payload, seekable; `MissingPayloadError`."""
        if payload.place == "object":
            try:
                return self.object_path(payload.digest).open("rb")
            except FileNotFoundError as error:
                raise MissingPayloadError(payload.digest) from error
        found = _small(connection, payload.digest)
        if found is None:
            raise MissingPayloadError(payload.digest)
        return BytesIO(found)

    def holds(self, connection: sqlite3.Connection, digest: str) -> bool:
        """Whether bytes of this digest are anywhere, owned or not."""
        return self.object_path(digest).exists() or _small(connection, digest) is not None

    # Small payloads: rows beside the log.

    def put_small(self, connection: sqlite3.Connection, payloads: Sequence[tuple[int, bytes]]) -> None:
        """Write small payloads (row, sealed bytes) in the transaction of the events that own them."""
        insert_many(connection, "small_payloads", 2, payloads)

    def remove_small(self, connection: sqlite3.Connection, row: int) -> None:
        """Overwrite a small payload with zeros (`secure_delete`)."""
        connection.execute("DELETE FROM small_payloads WHERE id = ?", (row,))

    # Large payloads: files.

    def receive(self, day: date | None) -> Upload:
        """Begin an upload under a random name."""
        name = secrets.token_hex(16)
        try:
            descriptor = os.open(
                self.incoming / name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise translated(error) from error
        return self._upload(name, descriptor, day)

    def resume(self, name: str, day: date | None) -> Upload:
        """Go on with an upload; `UnknownUploadError`, `UploadBusyError`."""
        if _NAME.fullmatch(name) is None:
            raise UnknownUploadError("no upload has this name")
        try:
            descriptor = os.open(self.incoming / name, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise UnknownUploadError("no upload has this name") from error
        return self._upload(name, descriptor, day)

    def _upload(self, name: str, descriptor: int, day: date | None) -> Upload:
        file = os.fdopen(descriptor, "r+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise UploadBusyError("another request is writing to this upload") from error
        return Upload(self, name, file, day)

    def check_object(self, digest: str, size: int) -> None:
        """Refuse unless the object is there (`MissingPayloadError`) in this size (`PayloadMismatchError`)."""
        try:
            found = self.object_path(digest).stat().st_size
        except FileNotFoundError as error:
            raise MissingPayloadError(digest) from error
        if found != size:
            raise PayloadMismatchError(f"payload {digest} has another size")

    def sync_objects(self) -> None:
        """Make sure that an object seen is an object kept: its upload may not have come to its fsync yet."""
        sync_directory(self.objects)

    def remove_objects(self, *digests: str) -> None:
        """Remove the files, durably; those that are gone already are none the worse."""
        for digest in digests:
            self.object_path(digest).unlink(missing_ok=True)
        sync_directory(self.objects)

    def old_objects(self, before_day: date) -> Iterator[str]:
        """The digests of the objects whose upload ended on an earlier day."""
        for entry in os.scandir(self.objects):
            if _DIGEST.fullmatch(entry.name) and entry.stat().st_mtime < _day_start(before_day, 0):
                yield entry.name

    def sweep_incoming(self, before_day: date) -> int:
        """Remove uploads whose last part came on an earlier day; gives how many."""
        swept = 0
        for entry in list(os.scandir(self.incoming)):
            if _NAME.fullmatch(entry.name) is None or entry.stat().st_mtime >= _day_start(before_day, 0):
                continue
            with suppress(UnknownUploadError, UploadBusyError), self.resume(entry.name, before_day) as upload:
                upload.abort()
                swept += 1
        return swept

    def object_path(self, digest: str) -> Path:
        """Where the object lies; `MissingPayloadError` for what is not a digest."""
        if _DIGEST.fullmatch(digest) is None:
            raise MissingPayloadError(digest[:64])
        return self.objects / digest


def _small(connection: sqlite3.Connection, digest: str) -> bytes | None:
    found = connection.execute(
        "SELECT sealed FROM small_payloads JOIN payloads USING (id) WHERE digest = ?",
        (bytes.fromhex(digest),),
    ).fetchone()
    return found[0] if found else None


def _day_start(day: date | None, moment: float) -> int:
    """The first second (UTC) of the day, or of the day in which the moment lies."""
    if day is None:
        return int(moment) // _DAY * _DAY
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
