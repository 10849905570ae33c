"""An age file that somebody else sealed, looked at without any key.

Rules upheld here (C2SP age.md):

- Binary or ASCII armor; everything that can be checked without a key is: the grammar of the header, the form
  of each stanza of a type that is known, that a pass phrase stands alone, and that a payload can be so long.
- Stanzas of types that are not known are well-formed or refused, and never guessed at: tools invent some, so
  that readers learn to pass over them.
- The whole file is read, in constant memory. Who can open it, and whether it is intact, only a key tells.
"""

from collections.abc import Callable
from typing import Final

from meyasubako.crypto.age import hybrid, scrypt, x25519
from meyasubako.crypto.age.ascii_armor import ArmorReader, is_armored
from meyasubako.crypto.age.blocks import Source, read_header
from meyasubako.crypto.age.chunks import SEALED_CHUNK, TAG
from meyasubako.crypto.age.header import VERSION_LINE, Stanza
from meyasubako.crypto.age.keys import NONCE_SIZE
from meyasubako.crypto.errors import DamagedHeaderError, TruncatedError

# So many bytes tell whether a file begins as one.
BEGINNING: Final = 1100
_READ: Final = 1 << 16
_CHECKS: Final[dict[str, Callable[[Stanza], object]]] = {
    hybrid.TYPE: hybrid.parse_encapsulation,
    x25519.TYPE: x25519.parse_share,
    scrypt.TYPE: scrypt.parse_salt,
}


def begins_sealed(start: bytes) -> bool:
    """Whether a file of which these are the first bytes (`BEGINNING` are enough) sets out to be an age file.

    >>> begins_sealed(b"age-encryption.org/v1"), begins_sealed(b"%PDF-1.7")
    (True, False)
    """
    return start.startswith(VERSION_LINE.split(b"/")[0] + b"/") or is_armored(start)


def check_sealed(source: Source) -> tuple[str, ...]:
    """The types of the stanzas of a whole age file, binary or armored.

    Raises `DamagedArmorError`, `DamagedHeaderError`, `UnsupportedError`, or `TruncatedError` for a payload
    that ends where none can.
    """
    again = _Again(source)
    file: Source = ArmorReader(again) if is_armored(again.peek(BEGINNING)) else again
    header, rest = read_header(file)
    types = tuple(stanza.type for stanza in header.stanzas)
    for stanza in header.stanzas:
        _CHECKS.get(stanza.type, _any)(stanza)
    if scrypt.TYPE in types and len(types) > 1:
        raise DamagedHeaderError("a pass phrase stands beside other recipients")
    size = len(rest) - NONCE_SIZE
    while data := file.read(_READ):
        size += len(data)
    # The last chunk holds something, unless it is the only one.
    last = size % SEALED_CHUNK
    if size < TAG or 0 < last < TAG or (last == TAG and size > TAG):
        raise TruncatedError("the file ends where no sealed file can: it was cut short")
    return types


def _any(_: Stanza) -> None:
    """What is well-formed may stand there."""


class _Again:
    """A source whose beginning can be looked at before it is read."""

    def __init__(self, source: Source) -> None:
        self._source, self._held = source, b""

    def peek(self, size: int) -> bytes:
        while len(self._held) < size and (more := self._source.read(size - len(self._held))):
            self._held += more
        return self._held

    def read(self, size: int, /) -> bytes:
        if not self._held:
            return self._source.read(size)
        data, self._held = self._held[:size], self._held[size:]
        return data
