"""Sealed uploads as they arrive, part by part: straight into the object store, checked without a key.

Rules upheld here:

- Only an age file with exactly one post-quantum stanza is taken; the check reads the first bytes of the first
  part and no more. An upload that is refused leaves nothing behind.
- What is acknowledged is durable: also when a part broke off, what arrived of it is kept and counted. When
  the last byte is there, the object is.
- An upload's name is random and is all that leads to it. Its length is fixed when it begins, and lies beside
  it on a slip, which outlives the upload as long as one that was never sent: so a client that lost the last
  answer learns that nothing is missing.
- What must stay free on the disk stays free. Times on the disk tell a day.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final, Protocol

from meyasubako.crypto.age import HYBRID_HEADER_SIZE, check_single_hybrid
from meyasubako.crypto.errors import CryptoError, DamagedHeaderError
from meyasubako.service.incoming import SLIP_PREFIX, leave_free
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.problems import too_large
from meyasubako.service.store.errors import StoreError, UnknownUploadError, translated
from meyasubako.service.store.locks import sync_directory
from meyasubako.service.store.port import Receiving
from meyasubako.service.web import Problem

_CHUNK: Final = 256 * 1024
_is_name = re.compile(r"[0-9a-f]{32}").fullmatch
_read_slip = re.compile(r"([0-9]{1,16})(?: ([0-9a-f]{64}))?\n").fullmatch


class Body(Protocol):
    """What a request's body is read by."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes, none at the end."""


@dataclass(frozen=True, slots=True)
class Arriving:
    """How far an upload has come: sealed bytes that are kept, of so many; `expires` is when it may be swept.

    A finished one (offset = length) lies in the store, where an event may name it.
    """

    offset: int
    length: int
    expires: datetime


class Uploads:
    """The uploads of one mechanism. Whoever knows a name may go on with it."""

    def __init__(self, mechanism: Mechanism) -> None:
        self._mechanism, self._limits = mechanism, mechanism.config.limits
        self._folder = mechanism.directory / "incoming"

    @property
    def largest(self) -> int:
        """The sealed bytes that one upload may have."""
        return self._limits.upload_bytes

    def begin(self, length: int) -> str:
        """Begin an upload of so many sealed bytes; gives its name: 32 hex digits, random.

        Raises what `check_length` raises, `StoreFullError` where it would not fit.
        """
        self.check_length(length)
        leave_free(self._folder, self._limits.disk_free_bytes, length)
        with self._mechanism.store.receive(self._today()) as receiving:
            self._write_slip(receiving.name, f"{length}\n")
            self._settled(receiving, receiving.name, length)
        return receiving.name

    def check_length(self, length: int) -> None:
        """Refuse a length that no sealed file has (`DamagedHeaderError`) or may have (413)."""
        if length > self.largest:
            raise too_large(self.largest)
        if length <= HYBRID_HEADER_SIZE:
            raise DamagedHeaderError("the file is shorter than any that is sealed")

    def length(self, name: str) -> int:
        """The sealed bytes that an upload is to have; `UnknownUploadError`."""
        return self._slip(name)[0]

    def look(self, name: str) -> Arriving:
        """How far an upload has come, durably; `UnknownUploadError`, `UploadBusyError`."""
        length, _ = self._slip(name)
        with self._resumed(name) as receiving:
            return self._settled(receiving, name, length)

    def take(self, name: str, offset: int, body: Body) -> Arriving:
        """Add bytes at an offset. Whatever ends the body early is raised when what arrived is kept.

        Raises `UnknownUploadError`, `UploadBusyError`, `Problem` (409) for another offset, `CryptoError` for
        a beginning that is not sealed as it should be, `RequestEntityTooLarge`, `StoreFullError`.
        """
        length, _ = self._slip(name)
        with self._resumed(name) as receiving:
            arrived = length if receiving is None else receiving.size
            if arrived != offset:
                self._settled(receiving, name, length)
                raise Problem(409, "offset", f"{arrived} bytes are here", offset=arrived)
            try:
                self._fill(receiving, length, body)
            except CryptoError:
                self._drop_slip(name)
                raise
            except BaseException:
                self._settled(receiving, name, length)
                raise
            return self._settled(receiving, name, length)

    def forget(self, name: str) -> None:
        """Delete an upload, also one that is finished and that no event names yet."""
        _, digest = self._slip(name)
        with self._resumed(name) as receiving:
            self._drop_slip(name)
            if receiving is not None:
                receiving.abort()
            elif digest:
                self._mechanism.store.drop_unowned(digest)

    def _fill(self, receiving: Receiving | None, length: int, body: Body) -> None:
        data = body.read(_CHUNK)
        if receiving is None:
            if data:
                raise too_large(length)
            return
        if receiving.size == 0 and data:
            while len(data) < HYBRID_HEADER_SIZE and (more := body.read(_CHUNK)):
                data += more
            check_single_hybrid(data)
        while data:
            if receiving.size + len(data) > length:
                raise too_large(length)
            leave_free(self._folder, self._limits.disk_free_bytes, len(data))
            receiving.write(data)
            data = body.read(_CHUNK)

    def _settled(self, receiving: Receiving | None, name: str, length: int) -> Arriving:
        """Make durable what is there; the object itself, when all of it is."""
        if receiving is None:
            return Arriving(length, length, self._expires())
        offset = receiving.size
        try:
            if offset < length:
                self._touch(name)
                receiving.pause()
            else:
                digest, _ = receiving.commit()
                self._write_slip(name, f"{length} {digest}\n")
        except (StoreError, CryptoError):
            # What cannot be kept, or is not what arrived any more, is given up.
            self._drop_slip(name)
            raise
        return Arriving(offset, length, self._expires())

    @contextmanager
    def _resumed(self, name: str) -> Iterator[Receiving | None]:
        """The upload, or None for one that is finished."""
        try:
            receiving = self._mechanism.store.resume(name, self._today())
        except UnknownUploadError:
            yield None
            return
        with receiving:
            yield receiving

    # The slip: an upload's length and, once it is finished, the digest under which it lies in the store. The
    # slip of an upload that is given up goes first: what has a slip and is not arriving is finished.

    def _slip(self, name: str) -> tuple[int, str]:
        try:
            found = _read_slip(self._slip_path(name).read_text(encoding="ascii"))
        except FileNotFoundError:
            found = None
        if found is None:
            raise UnknownUploadError("no upload has this name")
        return int(found[1]), found[2] or ""

    def _slip_path(self, name: str) -> Path:
        if not _is_name(name):
            raise UnknownUploadError("no upload has this name")
        return self._folder / f"{SLIP_PREFIX}{name}"

    def _drop_slip(self, name: str) -> None:
        self._slip_path(name).unlink(missing_ok=True)

    def _write_slip(self, name: str, text: str) -> None:
        path = self._slip_path(name)
        new = path.with_suffix(".new")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.utime(descriptor, (self._moment(), self._moment()))
                os.fsync(descriptor)
            new.replace(path)
            sync_directory(self._folder)
        except OSError as error:
            raise translated(error) from error

    def _touch(self, name: str) -> None:
        os.utime(self._slip_path(name), (self._moment(), self._moment()))

    def _moment(self) -> float:
        return datetime.combine(self._today(), time(), UTC).timestamp()

    def _today(self) -> date:
        return self._mechanism.clock().date()

    def _expires(self) -> datetime:
        # What was last touched on a day is swept when the whole of the next day is over.
        return datetime.combine(self._today() + timedelta(days=2), time(), UTC)
