"""Reading a stream in large blocks of one reused buffer, and knowing which block is the last.

A block is given out only once a byte beyond it was read, or the stream ended: that is how the last chunk is
known without trusting any length. `Source` and `Sink` are what a file, a socket's file or a `BytesIO`
already is.
"""

from typing import Any, Final, Protocol

from meyasubako.crypto.age.header import Header, header_end, parse_header
from meyasubako.crypto.errors import DamagedHeaderError

_HEADER_READ: Final = 4096


class Source(Protocol):
    """Where bytes come from: `read(n)` gives 1 to n bytes, none at the end; `readinto` if it is there."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""


class Sink(Protocol):
    """Where bytes go. What `write` is given is valid during the call only: its buffer is used again."""

    def write(self, data: Any, /) -> int | None:
        """Take the bytes; a number tells how many were taken, None that all were."""


class Blocks:
    """A source as blocks of `size` bytes, of which only the last may be shorter.

    `begun` is what was already read of the source, at most a block.
    """

    __slots__ = ("_ahead", "_readinto", "_source", "ended", "size")

    def __init__(self, source: Source, size: int, begun: bytes = b"") -> None:
        self._source = source
        self._ahead = begun
        self._readinto = getattr(source, "readinto", None)
        self.size = size
        self.ended = False

    def buffer(self) -> memoryview:
        """A buffer for blocks: a byte longer, for the byte that tells that a block is not the last."""
        return memoryview(bytearray(self.size + 1))

    def next(self, buffer: memoryview) -> memoryview:
        """The next block, read into `buffer`, perhaps empty; `ended` then says whether it was the last."""
        fill = len(self._ahead)
        buffer[:fill] = self._ahead
        while fill <= self.size:
            count = self._read(buffer[fill:])
            if not count:
                self.ended = True
                return buffer[:fill]
            fill += count
        self._ahead = bytes(buffer[self.size :])
        return buffer[: self.size]

    def _read(self, target: memoryview) -> int:
        if self._readinto is not None:
            return int(self._readinto(target) or 0)
        data = self._source.read(len(target))
        target[: len(data)] = data
        return len(data)


def read_header(source: Source) -> tuple[Header, bytes]:
    """The header that the source begins with, and what was read beyond it (less than 4 KiB).

    Raises `DamagedHeaderError` or `UnsupportedError`, as soon as what was read so far tells.
    """
    data = bytearray()
    searched = 0
    while (end := header_end(data, searched)) is None:
        # The footer line may be cut anywhere: look again from the last line that has begun.
        searched = max(0, data.rfind(b"\n", 0, max(0, len(data) - 4)))
        more = source.read(_HEADER_READ)
        if not more:
            raise DamagedHeaderError("the header has no end: the file was cut short")
        data += more
    return parse_header(bytes(data[:end])), bytes(data[end:])


def write_all(sink: Sink, data: bytes | memoryview) -> None:
    """Give the sink all of the bytes, also where it takes fewer at a time."""
    with memoryview(data) as view:
        taken = sink.write(view)
        while taken is not None and taken < len(view):
            more = sink.write(view[taken:])
            taken = None if more is None else taken + more
