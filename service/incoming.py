"""Files on their way in without scripts: sealed while they arrive, sealed again into the case when sent.

- A file first lies in `incoming/` under a fresh key that the page's sealed hidden field alone carries: where
  a size is not known beforehand, the tar cannot be begun. Two passes over cheap cryptography, and no
  plaintext at rest.
- Quick exit discards it; what is never sent is swept a day later.
"""

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from hashlib import sha256
from pathlib import Path

from meyasubako.crypto import age, archive
from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.domain.acts import Request
from meyasubako.domain.sealing import Binding, SealedFile, sealed
from meyasubako.service.clocks import Clock
from meyasubako.service.store.errors import StoreError, StoreFullError
from meyasubako.service.store.port import SMALL_PAYLOAD
from meyasubako.service.store.sqlite import Store

_PREFIX = "form-"
# The slips of uploads that arrive in parts, see `service.uploads`.
SLIP_PREFIX = "tus-"
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class FileTicket:
    """What finds and opens a file in `incoming/`: `size` in plain bytes, `sha256_hex` of them."""

    id: str
    seed_hex: str
    size: int
    sha256_hex: str


class IncomingFile:
    """One file as it arrives; `free_bytes` is what it must leave on the disk."""

    def __init__(self, folder: Path, day: date, free_bytes: int = 0) -> None:
        self._folder, self._free_bytes = folder, free_bytes
        self._id = secrets.token_hex(16)
        self._path = folder / f"{_PREFIX}{self._id}"
        self._day = day
        self._identity = HybridIdentity.generate()
        self._file = self._path.open("xb")
        self._sealer = age.Sealer(self._file, self._identity.recipient)
        self._digest = sha256()
        self._size = 0

    def write(self, data: bytes) -> int:
        """Seal the next plain bytes; StoreFullError where they would take what must stay free."""
        leave_free(self._folder, self._free_bytes, len(data))
        self._digest.update(data)
        self._size += len(data)
        self._sealer.write(data)
        return len(data)

    def finish(self) -> FileTicket:
        """Seal the last chunk and make the file durable; its times tell the day only."""
        self._sealer.finish()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        day = datetime.combine(self._day, time(), UTC).timestamp()
        os.utime(self._path, (day, day))
        return FileTicket(self._id, self._identity.reveal_seed().hex(), self._size, self._digest.hexdigest())

    def abort(self) -> None:
        """Forget what arrived."""
        self._path.unlink(missing_ok=True)
        with suppress(OSError):  # what was not written yet has nowhere to go
            self._file.close()


def leave_free(folder: Path, free_bytes: int, coming: int) -> None:
    """StoreFullError unless so much stays free on the disk when `coming` bytes are written.

    Asked for each piece: the files of many people may arrive at once, and the log needs room to go on.
    """
    if shutil.disk_usage(folder).free - coming < free_bytes:
        raise StoreFullError("too little room is left on the disk")


def sweep(folder: Path, before_day: date) -> None:
    """Delete files of forms, and slips of uploads, that were last written on an earlier day (UTC)."""
    oldest = datetime.combine(before_day, time(), UTC).timestamp()
    for path in (*folder.glob(f"{_PREFIX}*"), *folder.glob(f"{SLIP_PREFIX}*")):
        with suppress(FileNotFoundError):  # sent or discarded at this moment
            if path.stat().st_mtime < oldest:
                path.unlink()


class IncomingFiles:
    """The `incoming/` folder of a mechanism as the reporter's site uses it."""

    def __init__(self, folder: Path, store: Store, clock: Clock, free_bytes: int) -> None:
        self._folder = folder
        self._store = store
        self._clock = clock
        self._free_bytes = free_bytes

    def receive(self) -> IncomingFile:
        """Begin a file; StoreFullError where the disk has less room than the settings keep free."""
        leave_free(self._folder, self._free_bytes, 0)
        return IncomingFile(self._folder, self._clock().date(), self._free_bytes)

    @contextmanager
    def opened(self, ticket: FileTicket) -> Iterator[age.Unsealer]:
        """A file that arrived, to be looked at once more."""
        with (self._folder / f"{_PREFIX}{ticket.id}").open("rb") as file:
            yield age.Unsealer(file, HybridIdentity.from_seed(bytes.fromhex(ticket.seed_hex)))

    def discard(self, ids: Iterable[str]) -> None:
        """Delete files; unknown ids are nothing to worry about."""
        for each in ids:
            if len(each) == 32 and all(digit in "0123456789abcdef" for digit in each):
                (self._folder / f"{_PREFIX}{each}").unlink(missing_ok=True)

    @contextmanager
    def attached(
        self,
        request: Request,
        given: Iterable[tuple[FileTicket, str, str]],
        recipient: HybridRecipient,
        about: Binding,
    ) -> Iterator[list[SealedFile]]:
        """Files (ticket, name, media type) sealed to a room: small ones in the request, large ones stored.

        Whatever the block raises, nothing that was stored for it stays. FileNotFoundError where a file was
        swept meanwhile.
        """
        files: list[SealedFile] = []
        try:
            for ticket, name, media_type in given:
                file, small = self._seal_into(ticket, name, media_type, recipient, about)
                files.append(file)
                if small is not None:
                    request.payloads[file.digest] = small
            yield files
        except BaseException:
            self._forget(files)
            raise

    def _forget(self, files: Iterable[SealedFile]) -> None:
        # Events that were stored after all keep what they own.
        large = [file.digest for file in files if file.sealed_size > SMALL_PAYLOAD]
        if large:
            with suppress(StoreError):  # whatever is left is swept with everything that was never sent
                self._store.drop_unowned(*large)

    def _seal_into(
        self, ticket: FileTicket, name: str, media_type: str, recipient: HybridRecipient, about: Binding
    ) -> tuple[SealedFile, bytes | None]:
        head, tail = archive.file_archive(about.document(), ticket.size)
        total = age.sealed_size(len(head) + ticket.size + len(tail), age.HYBRID_HEADER_SIZE)
        with self.opened(ticket) as plain:
            if total <= SMALL_PAYLOAD:
                small = sealed(age.seal(head + plain.read() + bytes(tail), recipient))
                reference = SealedFile(small.digest, len(small.data), name, media_type, ticket.size)
                return reference, small.data
            return SealedFile(
                *self._seal_large(plain, head, tail, recipient), name, media_type, ticket.size
            ), None

    def _seal_large(
        self, plain: age.Unsealer, head: bytes, tail: archive.Zeros, recipient: HybridRecipient
    ) -> tuple[str, int]:
        receiving = self._store.receive(self._clock().date())
        try:
            sealer = age.Sealer(receiving, recipient)
            sealer.write(head)
            while chunk := plain.read(_CHUNK):
                leave_free(self._folder, self._free_bytes, len(chunk))
                sealer.write(chunk)
            for zeros in tail:
                sealer.write(zeros)
            sealer.finish()
        except BaseException:
            receiving.abort()
            raise
        return receiving.commit()
