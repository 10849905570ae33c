"""Sealing: whole bytes at once, a stream as it comes, or one stream into another.

Rules upheld here (C2SP age.md):

- Header, 16-byte nonce, chunks. A chunk is sealed only once it is known whether it is the last: a full chunk
  is held back until more plaintext comes or the end is said.
- Memory is constant, whatever the length. A failing writer leaves a file without its last chunk, which
  nobody opens.
"""

import io
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from meyasubako.crypto.age.blocks import Blocks, Sink, Source, write_all
from meyasubako.crypto.age.chunks import CHUNK, SEALED_CHUNK, TAG, Buffer, chunk_count, seal_last
from meyasubako.crypto.age.crew import Crew
from meyasubako.crypto.age.keys import NONCE_SIZE, Recipient, begin_file

BATCH: Final = 8


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
    plain = memoryview(plaintext).cast("B")
    head, cipher = begin_file(recipients)
    full = (chunk_count(len(plain)) - 1) * CHUNK
    # A BytesIO gives out the bytes object that it was built on, so the result is written once and never
    # copied.
    result = io.BytesIO(bytes(sealed_size(len(plain), len(head) - NONCE_SIZE)))
    with result.getbuffer() as out:
        out[: len(head)] = head
        place = len(head) + full // CHUNK * SEALED_CHUNK
        crew = Crew(cipher, threads)
        crew.seal(0, plain[:full], out[len(head) : place])
        crew.close()
        seal_last(cipher, full // CHUNK, plain[full:], out[place:])
    return result.getvalue()


class Sealer:
    """Seals what is written to it into `sink`, as it comes.

    Leaving its block finishes it, unless by an exception. `sink` is anything with `write(bytes)`; what it is
    given is valid during the call only. `sealed_size` counts the bytes given to it so far. `threads` help
    where large pieces are written.

    >>> import io
    >>> from meyasubako.crypto.age import HybridIdentity, Sealer, unseal
    >>> identity, sink = HybridIdentity.generate(), io.BytesIO()
    >>> with Sealer(sink, identity.recipient) as sealer:
    ...     sealer.write(b"a word"), sealer.write(b" and another")
    (6, 12)
    >>> sealer.sealed_size, unseal(sink.getvalue(), identity)
    (1677, b'a word and another')
    """

    __slots__ = (
        "_batch",
        "_counter",
        "_crew",
        "_held",
        "_out",
        "_pending",
        "_sink",
        "finished",
        "sealed_size",
    )

    def __init__(self, sink: Sink, *recipients: Recipient, threads: int = 1) -> None:
        head, cipher = begin_file(recipients)
        self._sink = sink
        self._crew = Crew(cipher, threads)
        self._counter = 0
        self._pending = memoryview(bytearray(CHUNK))
        self._held = 0
        self._batch = BATCH * threads
        self._out = memoryview(bytearray(self._batch * SEALED_CHUNK))
        self.sealed_size = 0
        self.finished = False
        self._emit(head)

    def write(self, data: Buffer) -> int:
        """Take all of the bytes, and seal whatever chunks they complete. Gives how many bytes there were."""
        if self.finished:
            raise ValueError("the file is finished")
        with memoryview(data) as given, given.cast("B") as view:
            self._take(view)
            return len(view)

    def finish(self) -> None:
        """Seal the last chunk. The sink stays open. Once finished, nothing more happens."""
        if not self.finished:
            self._abandon()
            out = self._out[: self._held + TAG]
            seal_last(self._crew.cipher, self._counter, self._pending[: self._held], out)
            self._emit(out)

    def copy_from(self, source: Source, progress: Callable[[int], object] | None = None) -> int:
        """Seal all of a source, from now to its end, and finish. Gives how many plaintext bytes there were.

        This is the fastest way: what is read is sealed where it lies. `progress` is called with the size of
        each block.
        """
        if self.finished:
            raise ValueError("the file is finished")
        blocks = Blocks(source, self._batch * CHUNK)
        total = 0
        while not blocks.ended:
            block = blocks.next()
            total += len(block)
            if self._held or blocks.ended:
                self._take(block)
            else:
                self._seal(block)
            if progress is not None:
                progress(len(block))
        self.finish()
        return total

    def _take(self, view: memoryview) -> None:
        if self._held:
            taken = min(CHUNK - self._held, len(view))
            self._pending[self._held : self._held + taken] = view[:taken]
            self._held += taken
            view = view[taken:]
            if not view:
                return
            self._seal(self._pending)
        # Between 1 byte and a whole chunk stays behind, until it is known whether it is the last.
        full = (len(view) - 1) // CHUNK * CHUNK if view else 0
        for start in range(0, full, self._batch * CHUNK):
            self._seal(view[start : min(full, start + self._batch * CHUNK)])
        self._held = len(view) - full
        self._pending[: self._held] = view[full:]

    def _seal(self, plain: memoryview) -> None:
        count = len(plain) // CHUNK
        out = self._out[: count * SEALED_CHUNK]
        self._crew.seal(self._counter, plain, out)
        self._counter += count
        self._emit(out)

    def _emit(self, data: bytes | memoryview) -> None:
        try:
            write_all(self._sink, data)
        except BaseException:
            # What the sink did not take is lost, so nothing sealed after it could ever be opened.
            self._abandon()
            raise
        self.sealed_size += len(data)

    def _abandon(self) -> None:
        self.finished = True
        self._crew.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        else:
            self._abandon()
