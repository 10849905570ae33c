"""A large payload on its way into the vault, under its layer from the first byte on.

Rules upheld here:

- What lies on the disk is whole pieces of the layer, and beside them the last, unfinished one under a name of
  its own, written anew with a fresh nonce and put in its place in one step at each pause. So nothing that was
  acknowledged is ever written over, wherever a process ends, and no nonce is used twice.
- Every pause leaves such a last piece, since a full one waits for more before it is written in its place. It
  opens under its own number only, and so tells how many whole ones were acknowledged: who goes on reads no
  others, and cuts off what stands behind them.
- An upload that went on is read whole once more when it is complete: each piece authenticates, and their hash
  is the digest.
- Its key was durable before its first byte, and goes with it: with the object to its place, or with an upload
  that is given up for ever.
"""

import hashlib
import os
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from meyasubako.crypto.errors import DamagedLayerError
from meyasubako.crypto.layer import LAYERED_PIECE, PIECE, layered_size, open_piece, seal_piece
from meyasubako.service.store.erasure_keys import ErasureKeys
from meyasubako.service.store.errors import translated
from meyasubako.service.store.locks import sync_directory

TAIL: Final = ".tail"
_FRESH: Final = ".tail.new"
_DAY: Final = 24 * 60 * 60


class Upload:
    """A large payload on its way. As a context manager it is forgotten unless committed or paused.

    `file` is `path`, open, unbuffered and locked by this process; `objects` is where it is to go.
    """

    def __init__(
        self, path: Path, file: BinaryIO, objects: Path, keys: ErasureKeys, key: bytes, day: date | None
    ) -> None:
        self.name = path.name
        self._path, self._file, self._objects = path, file, objects
        self._keys, self._key, self._day = keys, key, day
        # Of everything that arrived; of an upload that went on it is taken when it is complete.
        self._hash: hashlib._Hash | None = None
        # How many pieces are on the disk, and what came behind them.
        self._pieces, self._rest = 0, bytearray()
        self._go_on()

    @property
    def size(self) -> int:
        """How many bytes have arrived."""
        return self._pieces * PIECE + len(self._rest)

    def write(self, data: bytes) -> int:
        """Take the next bytes; `StoreFullError` if the disk has no room for them."""
        view = memoryview(data)
        while view:
            if len(self._rest) == PIECE:
                self._write_piece()
            taken = view[: PIECE - len(self._rest)]
            self._rest += taken
            if self._hash is not None:
                self._hash.update(taken)
            view = view[len(taken) :]
        return len(data)

    def pause(self) -> None:
        """Make what arrived durable and let go of it until it is resumed by its name."""
        try:
            if self._rest:
                self._keep_rest()
            self._settle(self._file.fileno())
            sync_directory(self._path.parent)
        except OSError as error:
            raise translated(error) from error
        self._file.close()

    def commit(self) -> tuple[str, int]:
        """Make the object durable under its digest; gives (hex SHA-256, size)."""
        size = self.size
        if self._rest:
            self._write_piece()
        digest = self._digest(size)
        try:
            self._file.truncate(layered_size(size))
            self._settle(self._file.fileno())
            self._drop_rest()
            moved = self._keys.move(self._path, self._objects / digest)
        except OSError as error:
            raise translated(error) from error
        if moved:
            self._file.close()
        else:
            self.abort()
        return digest, size

    def abort(self) -> None:
        """Forget what arrived."""
        with suppress(OSError):
            self._file.close()
        discard(self._path, self._keys)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._file.closed:
            self.abort()

    def _go_on(self) -> None:
        try:
            kept = self._beside(TAIL).read_bytes()
        except FileNotFoundError:
            # Nothing was ever acknowledged.
            self._hash = hashlib.sha256()
        else:
            # Pieces that were never acknowledged stand behind, some of them perhaps half written.
            for number in range(os.fstat(self._file.fileno()).st_size // LAYERED_PIECE, -1, -1):
                with suppress(DamagedLayerError):
                    self._rest += open_piece(self._key, number, kept)
                    self._pieces = number
                    break
        self._file.truncate(self._pieces * LAYERED_PIECE)

    def _digest(self, size: int) -> str:
        """The digest of everything; `DamagedLayerError` where what arrived before is not there any more."""
        if self._hash is None:
            self._hash = hashlib.sha256()
            self._file.seek(0)
            for number in range(-(-size // PIECE)):
                self._hash.update(open_piece(self._key, number, self._file.read(LAYERED_PIECE)))
        return self._hash.hexdigest()

    def _write_piece(self) -> None:
        layered = seal_piece(self._key, self._pieces, bytes(self._rest))
        try:
            at, written = self._pieces * LAYERED_PIECE, 0
            while written < len(layered):
                written += os.pwrite(self._file.fileno(), layered[written:], at + written)
        except OSError as error:
            raise translated(error) from error
        self._pieces += len(self._rest) // PIECE
        del self._rest[:]

    def _keep_rest(self) -> None:
        fresh = self._beside(_FRESH)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(seal_piece(self._key, self._pieces, bytes(self._rest)))
            file.flush()
            self._settle(file.fileno())
        fresh.rename(self._beside(TAIL))

    def _drop_rest(self) -> None:
        self._beside(TAIL).unlink(missing_ok=True)
        self._beside(_FRESH).unlink(missing_ok=True)

    def _beside(self, ending: str) -> Path:
        return self._path.with_name(f"{self.name}{ending}")

    def _settle(self, descriptor: int) -> None:
        moment = day_start(self._day, os.fstat(descriptor).st_mtime)
        os.utime(descriptor, (moment, moment))
        os.fsync(descriptor)


def discard(path: Path, keys: ErasureKeys) -> None:
    """Remove what arrived of an upload, its key first."""
    keys.destroy_upload(path.name)
    for ending in (TAIL, _FRESH):
        path.with_name(f"{path.name}{ending}").unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def day_start(day: date | None, moment: float) -> int:
    """The first second (UTC) of the day, or of the day in which the moment lies."""
    if day is None:
        return int(moment) // _DAY * _DAY
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
