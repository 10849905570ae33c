"""Sealing: whole bytes at once, a stream as it comes, or one stream into another.

Rules upheld here (C2SP age.md):

- Header, 16-byte nonce, chunks. A chunk is sealed only once it is known whether it is the last: a full chunk
  is held back until more plaintext comes or the end is said.
- Memory is constant, whatever the length. A failing writer leaves a file without its last chunk, which
  nobody opens.
"""

import io
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from meyasubako.crypto.age.blocks import Blocks, Sink, Source, write_all
from meyasubako.crypto.age.chunks import CHUNK, SEALED_CHUNK, TAG, Buffer, chunk_count, seal_block
from meyasubako.crypto.age.flow import BATCH, flow, in_parts
from meyasubako.crypto.age.keys import NONCE_SIZE, Recipient, begin_file


def sealed_size(plain_size: int, header_size: int) -> int:
    """The size in bytes of an age file: its header, its nonce, its plaintext, and 16 bytes for each chunk.

    >>> sealed_size(0, 1627), sealed_size(65_537, 1627)
    (1659, 67212)
    """
    return header_size + NONCE_SIZE + plain_size + TAG * chunk_count(plain_size)


def seal(plaintext: Buffer, *recipients: Recipient, threads: int = 1) -> bytes:
    """The age file of these bytes. Raises `UnsupportedError` where the recipients may not stand together.

    >>> from meyasubako.crypto.age import HybridIdentity, seal, unseal
    >>> identity = HybridIdentity.generate()
    >>> unseal(seal(b"a word", identity.recipient), identity)
    b'a word'
    """
    head, work = _begin(recipients)
    with memoryview(plaintext) as given, given.cast("B") as plain:
        # A BytesIO gives out the very bytes object that it was built on: written once, never copied.
        result = io.BytesIO(bytes(sealed_size(len(plain), len(head) - NONCE_SIZE)))
        with result.getbuffer() as out:
            _seal_whole(head, work, plain, out, threads)
    return result.getvalue()


def seal_into(
    target: bytearray | memoryview, plaintext: Buffer, *recipients: Recipient, threads: int = 1
) -> int:
    """Seal into memory that is used again, and give how many bytes of it the age file takes.

    Raises `ValueError` where it is too small (see `sealed_size`), and what `seal` raises. On a large file
    this is the fastest way of all: fresh memory costs more than the cipher.

    >>> from meyasubako.crypto.age import HybridIdentity, seal_into, unseal_into
    >>> identity, target, plain = HybridIdentity.generate(), bytearray(4096), bytearray(6)
    >>> size = seal_into(target, b"a word", identity.recipient)
    >>> unseal_into(plain, target[:size], identity), plain
    (6, bytearray(b'a word'))
    """
    head, work = _begin(recipients)
    with (
        memoryview(plaintext) as given,
        given.cast("B") as plain,
        memoryview(target) as room,
        room.cast("B") as out,
    ):
        size = sealed_size(len(plain), len(head) - NONCE_SIZE)
        if len(out) < size:
            raise ValueError(f"the sealed file takes {size} bytes")
        _seal_whole(head, work, plain, out, threads)
    return size


class Sealer:
    """Seals what is written to it into `sink`, as it comes.

    Leaving its block finishes it, unless by an exception. `sink` is anything with `write(bytes)`; what it is
    given is valid during the call only. `sealed_size` counts the bytes given to it so far.

    >>> import io
    >>> from meyasubako.crypto.age import HybridIdentity, Sealer, unseal
    >>> identity, sink = HybridIdentity.generate(), io.BytesIO()
    >>> with Sealer(sink, identity.recipient) as sealer:
    ...     sealer.write(b"a word"), sealer.write(b" and another")
    (6, 12)
    >>> sealer.sealed_size, unseal(sink.getvalue(), identity)
    (1677, b'a word and another')
    """

    __slots__ = ("_counter", "_held", "_out", "_pending", "_sink", "_work", "finished", "sealed_size")

    def __init__(self, sink: Sink, *recipients: Recipient) -> None:
        head, self._work = _begin(recipients)
        self._sink = sink
        self._counter = 0
        self._pending = memoryview(bytearray(CHUNK))
        self._held = 0
        self._out = memoryview(bytearray(BATCH * SEALED_CHUNK))
        self.sealed_size = 0
        self.finished = False
        self._emit(head)

    def write(self, data: Buffer) -> int:
        """Take all of the bytes, and seal whatever chunks they complete. Gives how many bytes there were."""
        self._check_open()
        with memoryview(data) as given, given.cast("B") as view:
            self._take(view)
            return len(view)

    def finish(self) -> None:
        """Seal the last chunk. The sink stays open. Once finished, nothing more happens."""
        if not self.finished:
            self.finished = True
            self._seal(self._pending[: self._held], last=True)

    def copy_from(
        self, source: Source, *, threads: int = 1, progress: Callable[[int], object] | None = None
    ) -> int:
        """Seal all of a source, from now to its end, and finish. Gives how many plaintext bytes it had.

        This is the fastest way for streams: what is read is sealed where it lies. With `threads` above one,
        that many others seal while this one reads and writes. `progress` is called with the size of each
        block.
        """
        self._check_open()
        held = bytes(self._pending[: self._held])
        blocks = Blocks(source, BATCH * CHUNK, held)
        self.finished = True
        total = 0
        for size, out, written in flow(blocks, self._counter, self._work, len(self._out), threads):
            self._emit(out[:written])
            total += size
            if progress is not None:
                progress(size)
        return total - len(held)

    def _check_open(self) -> None:
        if self.finished:
            raise ValueError("the file is finished")

    def _take(self, view: memoryview) -> None:
        if self._held:
            taken = min(CHUNK - self._held, len(view))
            self._pending[self._held : self._held + taken] = view[:taken]
            self._held += taken
            view = view[taken:]
            if not view:
                return
            self._seal(self._pending, last=False)
        # Between 1 byte and a whole chunk stays behind, until it is known whether it is the last.
        full = (chunk_count(len(view)) - 1) * CHUNK
        for start in range(0, full, BATCH * CHUNK):
            self._seal(view[start : min(full, start + BATCH * CHUNK)], last=False)
        self._held = len(view) - full
        self._pending[: self._held] = view[full:]

    def _seal(self, plain: memoryview, *, last: bool) -> None:
        written = self._work(self._counter, plain, self._out, last)
        self._counter += len(plain) // CHUNK
        self._emit(self._out[:written])

    def _emit(self, data: bytes | memoryview) -> None:
        try:
            write_all(self._sink, data)
        except BaseException:
            # What the sink did not take is lost, so nothing sealed after it could ever be opened.
            self.finished = True
            raise
        self.sealed_size += len(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        self.finished = True


_Seal = Callable[[int, memoryview, memoryview, bool], int]


def _begin(recipients: tuple[Recipient, ...]) -> tuple[bytes, _Seal]:
    head, cipher = begin_file(recipients)
    return head, partial(seal_block, cipher)


def _seal_whole(head: bytes, work: _Seal, plain: memoryview, out: memoryview, threads: int) -> None:
    out[: len(head)] = head
    in_parts(work, (plain, CHUNK), (out[len(head) :], SEALED_CHUNK), threads)
