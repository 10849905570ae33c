"""What is inside a sealed payload: a padded tar that stock tools unpack with `age -d … | tar xi`.

Rules upheld here (the profile itself is in `tar`):

- The first member is always `about.json`; the names, their order and the padding are those of one of four
  shapes, in what is written as in what is read.
- A payload is written by a stranger: every byte is either content or compared with the only byte it may be,
  and what does not fit is refused with `BadArchiveError`.
- `file` streams in constant memory in both directions; everything else has a limit.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple, Protocol

from meyasubako.crypto.errors import BadArchiveError
from meyasubako.crypto.tar import (
    ABOUT,
    BLOCK,
    END,
    FILE,
    IDENTITY_SIZE,
    MEMBER_LIMIT,
    MESSAGE_FLOOR,
    REPORT_FLOOR,
    SHAPES,
    Shape,
    header,
    padded_size,
    parse_header,
    pax_follows,
    up_to_block,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "IDENTITY_SIZE",
    "MEMBER_LIMIT",
    "MESSAGE_FLOOR",
    "REPORT_FLOOR",
    "ArchiveReader",
    "FileArchive",
    "Member",
    "Source",
    "Zeros",
    "file_archive",
    "pack",
    "padded_size",
    "unpack",
]

_PIECE = 65536
_ZEROS = bytes(_PIECE)


class Source(Protocol):
    """Anything to read from; a short answer is not the end, an empty one is."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, empty at the end."""
        ...


def pack(members: Sequence[tuple[str, bytes]], floor: int) -> bytes:
    """The padded tar of a report, a message or an identity block, as (name, content) in the shape's order.

    `floor` says which kind the caller means (`REPORT_FLOOR`, `MESSAGE_FLOOR`, `IDENTITY_SIZE`) and must be
    the shape's. Raises `BadArchiveError` for other names, another order, another floor, a member above
    `MEMBER_LIMIT` (unless it is `file`), and an identity block that does not fit into `IDENTITY_SIZE`.

    >>> data = pack([("about.json", b"{}"), ("message.json", b"{}"), ("files.json", b"[]")], MESSAGE_FLOOR)
    >>> len(data), unpack(data)["files.json"]
    (4096, b'[]')
    """
    shape = _shape(tuple(name for name, _ in members))
    if shape.floor != floor:
        raise BadArchiveError(f"an archive with these members has the floor {shape.floor}, not {floor}")
    parts = [
        part
        for name, content in members
        for part in (header(name, len(content)), content, _fill(len(content)))
    ]
    data = b"".join(parts)
    return data.ljust(shape.padded(len(data) + END), b"\0")


def unpack(data: bytes) -> dict[str, bytes]:
    """The members of a padded tar that is in memory, in their order; `BadArchiveError` unless all of it fits.

    >>> unpack(bytes(4096))
    Traceback (most recent call last):
    meyasubako.crypto.errors.BadArchiveError: the archive ends before about.json
    """
    return {name: member.read() for name, _, member in ArchiveReader(BytesIO(data))}


class Zeros:
    """Padding that need not lie in memory: iterate over it in pieces, or take `len()` and `bytes()` of it."""

    __slots__ = ("_size",)

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __bytes__(self) -> bytes:
        return bytes(self._size)

    def __iter__(self) -> Iterator[bytes]:
        whole, rest = divmod(self._size, _PIECE)
        for _ in range(whole):
            yield _ZEROS
        if rest:
            yield _ZEROS[:rest]


class FileArchive(NamedTuple):
    """What stands before and after a file's content; a large file's tail is large: write it piecewise."""

    head: bytes
    tail: Zeros


def file_archive(about: bytes, size: int) -> FileArchive:
    """Head and tail so that head, then `size` bytes of content, then tail are the padded tar of one file.

    >>> head, tail = file_archive(b"{}", 5)
    >>> unpack(head + b"hello" + bytes(tail))
    {'about.json': b'{}', 'file': b'hello'}
    """
    head = header(ABOUT, len(about)) + about + _fill(len(about)) + header(FILE, size)
    total = _shape((ABOUT, FILE)).padded(len(head) + up_to_block(size) + END)
    return FileArchive(head, Zeros(total - len(head) - size))


class ArchiveReader:
    """Reads a stranger's padded tar from a stream, once, in constant memory.

    Iterating gives (name, size in bytes, `Member`); what of a member was not read is skipped before the next
    one. Only when the iteration has ended has the whole archive been found to fit (and a sealed stream been
    read to its authenticated end): until then a caller must be ready to drop what it got. Raises
    `BadArchiveError`, and lets through what the source raises.

    >>> from io import BytesIO
    >>> data = pack([("about.json", b"{}"), ("file", b"hello")], REPORT_FLOOR)
    >>> [(name, size, member.read()) for name, size, member in ArchiveReader(BytesIO(data))]
    [('about.json', 2, b'{}'), ('file', 5, b'hello')]
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._offset = 0

    def __iter__(self) -> Iterator[tuple[str, int, Member]]:
        candidates: Sequence[Shape] = SHAPES
        names: tuple[str, ...] = ()
        block = self.exactly(BLOCK)
        while block != _ZEROS[:BLOCK]:
            name, candidates = _next_name(block, candidates, len(names))
            size = parse_header(name, block + self.exactly(2 * BLOCK) if pax_follows(block) else block)
            member = Member(self, size)
            yield name, size, member
            member.skip()
            self._zeros(up_to_block(size) - size)
            names += (name,)
            block = self.exactly(BLOCK)
        if not names:
            raise BadArchiveError(f"the archive ends before {ABOUT}")
        total = _shape(names).padded(self._offset + BLOCK)
        self._zeros(total - self._offset)
        if self._source.read(1):
            raise BadArchiveError("the archive is longer than its padding may be")

    def some(self, size: int) -> bytes:
        """At least one and up to `size` bytes, for a `Member`."""
        data = self._source.read(size)
        if not data:
            raise BadArchiveError("the archive is cut short")
        self._offset += len(data)
        return data

    def exactly(self, size: int) -> bytes:
        """Just `size` bytes, for a `Member`."""
        pieces: list[bytes] = []
        while size:
            pieces.append(self.some(size))
            size -= len(pieces[-1])
        return b"".join(pieces)

    def _zeros(self, size: int) -> None:
        while size:
            data = self.some(min(size, _PIECE))
            if data != _ZEROS[: len(data)]:
                raise BadArchiveError("the padding of the archive is not zero")
            size -= len(data)


class Member:
    """The content of one member while the reader stands on it."""

    __slots__ = ("_left", "_reader")

    def __init__(self, reader: ArchiveReader, size: int) -> None:
        self._reader = reader
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, or all that is left; empty at the member's end."""
        wanted = self._left if size < 0 else min(size, self._left)
        if not wanted:
            return b""
        read = self._reader.exactly if size < 0 else self._reader.some
        data = read(wanted)
        self._left -= len(data)
        return data

    def skip(self) -> None:
        """Read on to the member's end."""
        while self.read(_PIECE):
            pass


def _fill(size: int) -> bytes:
    return bytes(up_to_block(size) - size)


def _shape(names: tuple[str, ...]) -> Shape:
    for shape in SHAPES:
        if shape.names == names:
            return shape
    raise BadArchiveError(
        "the archive's members are not those of a report, a message, an identity block or a file"
    )


def _next_name(block: bytes, candidates: Sequence[Shape], place: int) -> tuple[str, Sequence[Shape]]:
    """The name of the member in this place, and the shapes that still fit."""
    pax = pax_follows(block)
    for name in dict.fromkeys(shape.names[place] for shape in candidates if place < len(shape.names)):
        if name == FILE if pax else block[:100] == name.encode("ascii").ljust(100, b"\0"):
            return name, [shape for shape in candidates if shape.names[place : place + 1] == (name,)]
    raise BadArchiveError("the archive holds a member that has no place there")
