"""The closed tar profile and the sizes that a payload may have (ustar of POSIX.1-1988, pax of POSIX.1-2001).

Rules upheld here:

- A payload's plaintext is one of four shapes, and a shape is its members' names in their order.
- A header is a function of name and size: mode 0600, owner 0 without a name, time 0, regular file. GNU tar
  writes the very same 512 bytes for such a file. A reader makes the header anew and compares all of it, so
  that a stranger's archive has nowhere to put a link, a path, an owner or a second meaning.
- A pax header stands only before a `file` of 8 GiB or more, which ustar's eleven octal digits cannot say, and
  holds one record, `size`, in its shortest form.
- The whole is as long as the next Padmé size, rounded up to 512, and not below the shape's floor; the
  identity block has one size only. Padmé: Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and
  Communication with PURBs" (2019), section 4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from meyasubako.crypto.errors import BadArchiveError

BLOCK = 512
END = 2 * BLOCK  # two zero blocks end a tar

REPORT_FLOOR = 16384
MESSAGE_FLOOR = 4096
IDENTITY_SIZE = 4096

ABOUT, FILE = "about.json", "file"

MEMBER_LIMIT = 8 * 1024 * 1024
"""Bytes of any member but `file`: what a person types and what describes it, read into memory as a whole."""

MAX_SIZE = 2**53 - 1
"""The largest size that every reader of JSON can hold."""

_USTAR_LIMIT = 8**11  # eleven octal digits: sizes below 8 GiB
_PAX_NAME = "././@PaxHeader"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a kind of payload holds, and how small it may be."""

    names: tuple[str, ...]
    floor: int
    exact: bool = False

    def padded(self, size: int) -> int:
        """The length of an archive of this shape whose members and end take `size` bytes."""
        if self.exact and size > self.floor:
            raise BadArchiveError(f"the archive needs more than the {self.floor} bytes that it must have")
        return padded_size(size, self.floor)


SHAPES = (
    Shape((ABOUT, "report.json", "report.txt", "files.json"), REPORT_FLOOR),
    Shape((ABOUT, "message.json", "files.json"), MESSAGE_FLOOR),
    Shape((ABOUT, "identity.json"), IDENTITY_SIZE, exact=True),
    Shape((ABOUT, FILE), REPORT_FLOOR),
)


def padded_size(size: int, floor: int) -> int:
    """The size in bytes that a plaintext of `size` bytes is padded to: Padmé, up to 512, at least `floor`.

    >>> padded_size(20_000, REPORT_FLOOR), padded_size(20_480, REPORT_FLOOR), padded_size(1, MESSAGE_FLOOR)
    (20480, 20480, 4096)
    """
    if size > 1:
        exponent = size.bit_length() - 1
        low_bits = (1 << max(exponent - exponent.bit_length(), 0)) - 1
        size = (size + low_bits) & ~low_bits
    return max(up_to_block(size), floor)


def up_to_block(size: int) -> int:
    """`size` rounded up to whole tar blocks."""
    return -(-size // BLOCK) * BLOCK


def header(name: str, size: int) -> bytes:
    """What stands before a member's content: one block, or three if the size takes a pax header."""
    if not 0 <= size <= MAX_SIZE:
        raise BadArchiveError("a member's size is out of range")
    if name != FILE and size > MEMBER_LIMIT:
        raise BadArchiveError(f"{name} is larger than {MEMBER_LIMIT} bytes")
    if size < _USTAR_LIMIT:
        return _block(name, size, b"0")
    record = _pax_record(size)
    return _block(_PAX_NAME, len(record), b"x") + record.ljust(BLOCK, b"\0") + _block(name, 0, b"0")


def pax_follows(block: bytes) -> bool:
    """Whether this first header block says that it is a pax header (two more blocks belong to it)."""
    return block[156:157] == b"x"


def parse_header(name: str, data: bytes) -> int:
    """The size of the member `name`, whose header (one block, or three with pax) is `data`.

    Raises `BadArchiveError`, naming the field, if these are not the bytes that `header` writes.
    """
    size = _pax_size(data) if pax_follows(data) else _octal_size(data)
    expected = header(name, size)
    if data != expected:
        raise BadArchiveError(
            f"the header of {name} is outside the closed profile: {_difference(data, expected)}"
        )
    return size


def _block(name: str, size: int, kind: bytes) -> bytes:
    """One header block, as GNU tar fills it: octal digits and a NUL; the checksum six digits, NUL, space."""
    fields = (
        name.encode("ascii").ljust(100, b"\0")
        + b"0000600\0"
        + b"0000000\0" * 2  # owner and group
        + b"%011o\0" % size
        + b"%011o\0" % 0  # modification time
        + b" " * 8  # the checksum is taken over itself as spaces
        + kind
        + bytes(100)  # link target
        + b"ustar\0"
        + b"00"
        + bytes(64)  # owner's and group's names
        + b"0000000\0" * 2  # device numbers
        + bytes(167)  # path prefix and filler
    )
    return fields[:148] + b"%06o\0 " % sum(fields) + fields[156:]


def _pax_record(size: int) -> bytes:
    """One pax record; its length in decimal counts itself (two digits for every size that has one)."""
    return b"%d size=%d\n" % (len(str(size)) + 9, size)


def _octal_size(block: bytes) -> int:
    field = block[124:136]
    if not re.fullmatch(rb"[0-7]{11}\0", field):
        raise BadArchiveError("the size in a header is not eleven octal digits")
    return int(field[:11], 8)


def _pax_size(data: bytes) -> int:
    record = re.match(rb"[0-9]{2} size=([0-9]{10,16})\n", data[BLOCK:])
    if not record:
        raise BadArchiveError("a pax header holds something else than one size")
    size = int(record[1])
    if size < _USTAR_LIMIT:
        raise BadArchiveError("a pax header stands before a member that needs none")
    return size


_FIELDS = (
    (100, "name"),
    (108, "mode"),
    (116, "owner"),
    (124, "group"),
    (136, "size"),
    (148, "time"),
    (156, "checksum"),
    (157, "type"),
    (257, "link target"),
    (265, "format"),
    (329, "owner's names"),
    (345, "device"),
    (500, "path prefix"),
    (512, "filler"),
)


def _difference(data: bytes, expected: bytes) -> str:
    """The field of the first byte that differs; the checksum only if nothing else does."""
    places = [place for place, (a, b) in enumerate(zip(data, expected, strict=True)) if a != b]
    names = [
        "pax record" if place // BLOCK == 1 else next(name for end, name in _FIELDS if place % BLOCK < end)
        for place in places
    ]
    return next((name for name in names if name != "checksum"), names[0])
