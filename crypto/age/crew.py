"""Batches of chunks, shared out among threads where more than one was asked for.

The cipher releases the interpreter's lock for the length of a chunk, so two threads seal twice as fast as
one. Each chunk's nonce comes from its place alone, so how a batch is shared out never shows in the result.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from meyasubako.crypto.age.chunks import CHUNK, SEALED_CHUNK, open_chunks, seal_chunks
from meyasubako.crypto.errors import DamagedPayloadError

_Result = TypeVar("_Result")
_Work = Callable[[ChaCha20Poly1305, int, memoryview, memoryview], _Result]


class Crew:
    """One cipher and the threads that work with it; the calling thread is one of them."""

    __slots__ = ("_cipher", "_pool", "_threads")

    def __init__(self, cipher: ChaCha20Poly1305, threads: int = 1) -> None:
        if threads < 1:
            raise ValueError("at least one thread works")
        self._cipher = cipher
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None

    @property
    def cipher(self) -> ChaCha20Poly1305:
        """The cipher, for a last chunk."""
        return self._cipher

    def seal(self, counter: int, plain: memoryview, out: memoryview) -> None:
        """`seal_chunks`, shared out."""
        self._share(seal_chunks, counter, len(plain) // CHUNK, (plain, CHUNK), (out, SEALED_CHUNK))

    def open(
        self, counter: int, sealed: memoryview, out: memoryview
    ) -> tuple[int, DamagedPayloadError | None]:
        """`open_chunks`, shared out: what is wrong first counts, and nothing stays of what comes after it."""
        count = len(sealed) // SEALED_CHUNK
        written = 0
        for size, fault in self._share(open_chunks, counter, count, (sealed, SEALED_CHUNK), (out, CHUNK)):
            written += size
            if fault is not None:
                out[written : count * CHUNK] = bytes(count * CHUNK - written)
                return written, fault
        return written, None

    def close(self) -> None:
        """Let the threads go. A later batch would call them back."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _share(
        self,
        work: "_Work[_Result]",
        counter: int,
        count: int,
        source: tuple[memoryview, int],
        target: tuple[memoryview, int],
    ) -> list[_Result]:
        (plain, step), (out, stride) = source, target
        threads = min(self._threads, count)
        if threads <= 1:
            return [work(self._cipher, counter, plain[: count * step], out[: count * stride])]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads - 1, thread_name_prefix="age")
        edges = [count * share // threads for share in range(threads + 1)]
        parts = [
            (counter + a, plain[a * step : b * step], out[a * stride : b * stride])
            for a, b in pairwise(edges)
        ]
        others = [self._pool.submit(work, self._cipher, *part) for part in parts[1:]]
        first = work(self._cipher, *parts[0])
        return [first, *(other.result() for other in others)]
