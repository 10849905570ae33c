"""Opening: whole bytes at once, a stream as it comes, or one stream into another.

Rules upheld here (C2SP age.md):

- Plaintext of a chunk is released only after that chunk authenticates; what was authentic before a fault is
  released first, then the fault is raised, at every further call again.
- Truncation, reordering, trailing bytes, a missing last chunk and an empty last chunk after a full one are
  faults, each with its name. So whoever reads to the end without an error has exactly what was sealed.
"""

import io
from collections.abc import Callable, Iterator
from functools import partial

from meyasubako.crypto.age.blocks import Blocks, Sink, Source, read_header, write_all
from meyasubako.crypto.age.chunks import CHUNK, SEALED_CHUNK, Buffer, open_block, plain_size_of
from meyasubako.crypto.age.flow import BATCH, flow, in_parts
from meyasubako.crypto.age.header import MAX_HEADER, parse_header
from meyasubako.crypto.age.keys import NONCE_SIZE, Identity, resume_file
from meyasubako.crypto.errors import DamagedHeaderError, DamagedPayloadError


def unseal(sealed: Buffer, *identities: Identity, threads: int = 1) -> bytes:
    """The plaintext of a whole age file, or an error and nothing.

    Raises `WrongKeyError`, `DamagedHeaderError`, `UnsupportedError` (`WorkFactorTooHighError`), or
    `DamagedPayloadError` (`TruncatedError`, `TrailingDataError`).

    >>> from meyasubako.crypto.age import HybridIdentity, seal, unseal
    >>> mine, other = HybridIdentity.generate(), HybridIdentity.generate()
    >>> unseal(seal(b"a word", mine.recipient), other)
    Traceback (most recent call last):
    ...
    meyasubako.crypto.errors.WrongKeyError: no identity that was given opens this file
    """
    with memoryview(sealed) as given, given.cast("B") as view:
        work, payload = _begin_whole(sealed, view, identities)
        result = io.BytesIO(bytes(plain_size_of(len(payload))))
        with result.getbuffer() as out:
            _open_whole(work, payload, out, threads)
    return result.getvalue()


def unseal_into(
    target: bytearray | memoryview, sealed: Buffer, *identities: Identity, threads: int = 1
) -> int:
    """Open into memory that is used again, and give the plaintext's size.

    Raises `ValueError` where `target` is too small, and what `unseal` raises; then nothing of the plaintext
    is left in `target`.
    """
    with (
        memoryview(sealed) as given,
        given.cast("B") as view,
        memoryview(target) as room,
        room.cast("B") as out,
    ):
        work, payload = _begin_whole(sealed, view, identities)
        size = plain_size_of(len(payload))
        if len(out) < size:
            raise ValueError(f"the plaintext takes {size} bytes")
        _open_whole(work, payload, out[:size], threads)
    return size


class Unsealer:
    """Opens an age file as it comes from `source`, which is anything with `read(n)`.

    Making one reads the header, and raises `WrongKeyError`, `DamagedHeaderError` or `UnsupportedError`.
    Reading raises `DamagedPayloadError`, `TruncatedError` or `TrailingDataError`, after giving out what was
    authentic before.

    >>> import io
    >>> from meyasubako.crypto.age import HybridIdentity, Unsealer, seal
    >>> identity = HybridIdentity.generate()
    >>> unsealer = Unsealer(io.BytesIO(seal(b"a word", identity.recipient)), identity)
    >>> unsealer.read(2), unsealer.read()
    (b'a ', b'word')
    """

    __slots__ = ("_blocks", "_buffer", "_counter", "_end", "_fault", "_plain", "_start", "_work")

    def __init__(self, source: Source, *identities: Identity) -> None:
        header, rest = read_header(source)
        while len(rest) < NONCE_SIZE:
            more = source.read(NONCE_SIZE - len(rest))
            if not more:
                raise DamagedHeaderError("the payload's nonce is missing: the file was cut short")
            rest += more
        self._work: _Open = partial(open_block, resume_file(header, rest[:NONCE_SIZE], identities))
        self._blocks = Blocks(source, BATCH * SEALED_CHUNK, rest[NONCE_SIZE:])
        self._buffer = self._blocks.buffer()
        self._plain = memoryview(bytearray(BATCH * CHUNK))
        self._start = self._end = 0
        self._counter = 0
        self._fault: DamagedPayloadError | None = None

    def read(self, size: int | None = -1) -> bytes:
        """Exactly `size` bytes, or fewer at the end of the file; all of the rest if `size` is negative.

        Where a fault comes first, it is raised and nothing is given: what is short is the end, never a fault.
        """
        if size is None or size < 0:
            return b"".join(self)
        parts = []
        while size:
            view = self._take(size)
            if not view:
                break
            parts.append(bytes(view))
            size -= len(view)
        return b"".join(parts)

    def readinto(self, target: bytearray | memoryview) -> int:
        """Fill `target` with 1 byte to all it holds, and give their number: 0 at the end of the file.

        Large targets are opened into directly. Where a fault comes, no byte that is not authentic is left in
        `target`.
        """
        with memoryview(target) as given, given.cast("B") as view:
            if self._start == self._end and len(view) >= len(self._plain):
                return self._open(view)
            taken = self._take(len(view))
            view[: len(taken)] = taken
            return len(taken)

    def copy_to(
        self, sink: Sink, *, threads: int = 1, progress: Callable[[int], object] | None = None
    ) -> int:
        """Write all of the rest into `sink`, and give its size.

        What is authentic before a fault is written first. This is the fastest way for streams: the sink is
        given the opened buffer itself, valid during the call only. With `threads` above one, that many
        others open while this one reads and writes. `progress` is called with the size of each block.
        """
        total = self._end - self._start
        write_all(sink, self._take(total))
        self._check_sound()
        for _, out, (size, fault) in flow(self._blocks, self._counter, self._work, len(self._plain), threads):
            write_all(sink, out[:size])
            total += size
            if fault is not None:
                self._fault = fault
                raise fault
            if progress is not None:
                progress(size)
        return total

    def __iter__(self) -> Iterator[bytes]:
        """The rest in pieces of at most 512 KiB."""
        while view := self._take(len(self._plain)):
            yield bytes(view)

    def _take(self, size: int) -> memoryview:
        """At most `size` authentic bytes of the buffer, opening a block if it is used up; none at the end."""
        if self._start == self._end and size:
            self._start, self._end = 0, self._open(self._plain)
        stop = min(self._end, self._start + size)
        view = self._plain[self._start : stop]
        self._start = stop
        return view

    def _open(self, out: memoryview) -> int:
        """Open the next block into `out`, and give how many bytes of it are authentic; 0 at the end."""
        self._check_sound()
        if self._blocks.ended:
            return 0
        block = self._blocks.next(self._buffer)
        size, self._fault = self._work(self._counter, block, out, self._blocks.ended)
        self._counter += BATCH
        if not size:
            self._check_sound()
        return size

    def _check_sound(self) -> None:
        if self._fault is not None:
            raise self._fault


_Open = Callable[[int, memoryview, memoryview, bool], tuple[int, DamagedPayloadError | None]]


def _begin_whole(
    sealed: Buffer, view: memoryview, identities: tuple[Identity, ...]
) -> tuple[_Open, memoryview]:
    header = parse_header(sealed if isinstance(sealed, bytes) else bytes(view[:MAX_HEADER]))
    start = header.size + NONCE_SIZE
    if len(view) < start:
        raise DamagedHeaderError("the payload's nonce is missing: the file was cut short")
    cipher = resume_file(header, bytes(view[header.size : start]), identities)
    return partial(open_block, cipher), view[start:]


def _open_whole(work: _Open, payload: memoryview, out: memoryview, threads: int) -> None:
    for _, fault in in_parts(work, (payload, SEALED_CHUNK), (out, CHUNK), threads):
        if fault is not None:
            out[:] = bytes(len(out))
            raise fault
