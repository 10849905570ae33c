"""Reading a part of a sealed file, without opening all of it.

Rules upheld here (C2SP age.md, "Payload", on random access):

- The last chunk is authenticated first: only it proves that the file has the length that it seems to have.
  Each chunk that is read is authenticated before anything of it is released.
"""

import io
from typing import Final, Protocol

from meyasubako.crypto.age.blocks import read_header
from meyasubako.crypto.age.chunks import (
    CHUNK,
    SEALED_CHUNK,
    TAG,
    chunk_count,
    open_block,
    plain_size_of,
)
from meyasubako.crypto.age.keys import NONCE_SIZE, Identity, resume_file
from meyasubako.crypto.errors import DamagedHeaderError, TruncatedError

_RUN: Final = 8


class SeekableSource(Protocol):
    """A file that can be read anywhere. It must not change while it is read."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""

    def seek(self, offset: int, whence: int = ..., /) -> int:
        """Move to a place, and give it."""


class SealedFile:
    """A sealed file of which ranges are read. Making one reads the header and authenticates the last chunk.

    `size` is the plaintext's size in bytes. Raises what `Unsealer` raises.

    >>> import io
    >>> from meyasubako.crypto.age import HybridIdentity, SealedFile, seal
    >>> identity = HybridIdentity.generate()
    >>> film = SealedFile(io.BytesIO(seal(b"0123456789", identity.recipient)), identity)
    >>> film.size, film.read_range(3, 4), film.read_range(8, 100), film.read_range(11, 1)
    (10, b'3456', b'89', b'')
    """

    __slots__ = ("_cipher", "_file", "_last", "_start", "size")

    def __init__(self, file: SeekableSource, *identities: Identity) -> None:
        file.seek(0)
        header, rest = read_header(file)
        file.seek(header.size)
        nonce = _read_exactly(file, NONCE_SIZE) if len(rest) < NONCE_SIZE else rest[:NONCE_SIZE]
        if len(nonce) < NONCE_SIZE:
            raise DamagedHeaderError("the payload's nonce is missing: the file was cut short")
        self._cipher = resume_file(header, nonce, identities)
        self._file = file
        self._start = header.size + NONCE_SIZE
        self.size = plain_size_of(file.seek(0, io.SEEK_END) - self._start)
        # Kept opened: whoever previews a film asks for its end first, then for its middle.
        self._last = self._open_last()

    def read_range(self, start: int, length: int) -> bytes:
        """The plaintext bytes from `start` on, at most `length` of them; fewer, perhaps none, beyond the end.

        Raises `DamagedPayloadError` where a chunk of the range does not authenticate.
        """
        if start < 0 or length < 0:
            raise ValueError("a range has no negative numbers")
        stop = min(start + length, self.size)
        if start >= stop:
            return b""
        last = chunk_count(self.size) - 1
        parts = []
        scratch = memoryview(bytearray(_RUN * CHUNK))
        counter = start // CHUNK
        while counter < last and counter * CHUNK < stop:
            count = min(_RUN, last - counter, chunk_count(stop - counter * CHUNK))
            plain = self._open_run(counter, count, scratch)
            parts.append(bytes(plain[max(0, start - counter * CHUNK) : stop - counter * CHUNK]))
            counter += count
        if stop > last * CHUNK:
            parts.append(self._last[max(0, start - last * CHUNK) : stop - last * CHUNK])
        return b"".join(parts)

    def _open_run(self, counter: int, count: int, scratch: memoryview) -> memoryview:
        self._file.seek(self._start + counter * SEALED_CHUNK)
        sealed = _read_exactly(self._file, count * SEALED_CHUNK)
        if len(sealed) < count * SEALED_CHUNK:
            raise TruncatedError("the file became shorter while it was read")
        size, fault = open_block(self._cipher, counter, memoryview(sealed), scratch, last=False)
        if fault is not None:
            raise fault
        return scratch[:size]

    def _open_last(self) -> bytes:
        counter = chunk_count(self.size) - 1
        self._file.seek(self._start + counter * SEALED_CHUNK)
        sealed = _read_exactly(self._file, SEALED_CHUNK + 1)
        out = bytearray(max(len(sealed) - TAG, 0))
        _, fault = open_block(self._cipher, counter, memoryview(sealed), memoryview(out), last=True)
        if fault is not None:
            raise fault
        return bytes(out)


def open_range(file: SeekableSource, identities: tuple[Identity, ...], start: int, length: int) -> bytes:
    """One range of a sealed file; to read several, keep a `SealedFile`.

    >>> import io
    >>> from meyasubako.crypto.age import HybridIdentity, open_range, seal
    >>> identity = HybridIdentity.generate()
    >>> open_range(io.BytesIO(seal(b"0123456789", identity.recipient)), (identity,), 3, 4)
    b'3456'
    """
    return SealedFile(file, *identities).read_range(start, length)


def _read_exactly(file: SeekableSource, size: int) -> bytes:
    parts = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
