"""ASCII armor: an age file as text that survives a mail or a chat, as a stream in both directions.

Rules upheld here (C2SP age.md, "ASCII armor"; RFC 7468, strict):

- The BEGIN and END lines exactly as they are; between them padded canonical base64 in lines of 64
  characters, of which the last may be shorter, but not empty.
- When reading, lines may end in CRLF, and whitespace may stand before and after the armor; nothing else may.
- The end of the file is told only after the END line and what follows it were checked.
"""

import base64
import binascii
import io
from typing import Final, Self

from meyasubako.crypto.age.blocks import Sink, Source, write_all
from meyasubako.crypto.age.chunks import Buffer
from meyasubako.crypto.errors import DamagedArmorError

BEGIN: Final = b"-----BEGIN AGE ENCRYPTED FILE-----"
END: Final = b"-----END AGE ENCRYPTED FILE-----"
_COLUMNS: Final = 64
_ROW: Final = 48
_SPACE: Final = b" \t\r\n"
_READ: Final = 1 << 16
# Whitespace before the armor is somebody's careless copying; more than a page of it is not.
_MAX_LEADING: Final = 1024


def is_armored(start: bytes) -> bool:
    r"""Whether a file that starts with these bytes (40 are enough) is ASCII armor.

    >>> is_armored(b"-----BEGIN AGE ENCRYPTED FILE-----\n"), is_armored(b"age-encryption.org/v1\n")
    (True, False)
    """
    return start.lstrip(_SPACE).startswith(BEGIN[:-5])


def armor(sealed: bytes) -> bytes:
    """The ASCII armor of a whole age file.

    >>> dearmor(armor(b"age"))
    b'age'
    """
    sink = io.BytesIO()
    with ArmorWriter(sink) as writer:
        writer.write(sealed)
    return sink.getvalue()


def dearmor(text: bytes) -> bytes:
    """The age file in a whole ASCII armor; `DamagedArmorError` for any deviation."""
    reader = ArmorReader(io.BytesIO(text))
    return b"".join(iter(lambda: reader.read(_READ), b""))


class ArmorWriter:
    """A sink that writes ASCII armor into another.

    Leaving its block writes the END line, unless by an exception.
    """

    __slots__ = ("_held", "_sink", "finished")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._held = b""
        self.finished = False
        write_all(sink, BEGIN + b"\n")

    def write(self, data: Buffer) -> int:
        """Take all of the bytes, and write the lines that they complete. Gives how many bytes there were."""
        if self.finished:
            raise ValueError("the armor is finished")
        with memoryview(data) as given, given.cast("B") as view:
            whole = self._held + bytes(view)
            full = len(whole) // _ROW * _ROW
            self._held = whole[full:]
            self._write_rows(whole[:full])
            return len(view)

    def finish(self) -> None:
        """Write the last line and the END line. The sink stays open. Once finished, nothing more happens."""
        if not self.finished:
            self.finished = True
            self._write_rows(self._held)
            write_all(self._sink, END + b"\n")

    def _write_rows(self, data: bytes) -> None:
        if data:
            text = base64.b64encode(data)
            rows = [text[at : at + _COLUMNS] for at in range(0, len(text), _COLUMNS)]
            write_all(self._sink, b"\n".join(rows) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.finish()
        self.finished = True


class ArmorReader:
    """A source that reads an age file out of ASCII armor in another; `DamagedArmorError` if it deviates."""

    __slots__ = ("_begun", "_ended", "_plain", "_short", "_source", "_text")

    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = b""
        self._plain = memoryview(b"")
        self._begun = self._short = self._ended = False

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end."""
        while not self._plain and not self._ended:
            self._more()
        part = bytes(self._plain[:size])
        self._plain = self._plain[len(part) :]
        return part

    def _more(self) -> None:
        more = self._source.read(_READ)
        self._text += more
        if not self._begun:
            self._begin(at_end=not more)
            return
        *lines, rest = self._text.split(b"\n")
        if not more and rest:
            # The END line may lack its newline, and nothing else may stand there.
            lines.append(rest)
            rest = b""
        self._text = rest
        if len(rest) > _COLUMNS + 1:
            raise DamagedArmorError("the armor has a line longer than 64 characters")
        self._take(lines)
        if not more and not self._ended:
            raise DamagedArmorError("the armor has no END line: it was cut short")

    def _begin(self, *, at_end: bool) -> None:
        text = self._text.lstrip(_SPACE)
        if len(self._text) - len(text) > _MAX_LEADING:
            raise DamagedArmorError("the armor does not begin within its first page")
        line, newline, rest = text.partition(b"\n")
        if newline:
            if line.removesuffix(b"\r") != BEGIN:
                raise DamagedArmorError("the armor has no BEGIN line")
            self._begun, self._text = True, rest
        elif at_end or len(text) > len(BEGIN) + 1:
            raise DamagedArmorError("the armor has no BEGIN line")

    def _take(self, lines: list[bytes]) -> None:
        rows = [line.removesuffix(b"\r") for line in lines]
        stop = rows.index(END) if END in rows else len(rows)
        self._decode(rows[:stop])
        if stop < len(rows):
            self._finish(b"\n".join((*lines[stop + 1 :], self._text)))

    def _decode(self, rows: list[bytes]) -> None:
        if not rows:
            return
        # Only the very last line may be short, so a short one must be the last here and the last ever.
        if self._short or set(map(len, rows[:-1])) - {_COLUMNS} or not 0 < len(rows[-1]) <= _COLUMNS:
            raise DamagedArmorError("the armor has a line that is not 64 characters long")
        text = b"".join(rows)
        try:
            data = binascii.a2b_base64(text, strict_mode=True)
        except binascii.Error as error:
            raise DamagedArmorError("the armor holds something that is not base64") from error
        # One spelling per value: only the last four characters can be padded or have bits to spare.
        if base64.b64encode(data[len(data) - (len(data) % 3 or 3) :]) != text[-4:]:
            raise DamagedArmorError("the armor holds base64 that is not canonical")
        self._short = len(rows[-1]) < _COLUMNS or text.endswith(b"=")
        self._plain = memoryview(data)

    def _finish(self, text: bytes) -> None:
        while not text.strip(_SPACE):
            text = self._source.read(_READ)
            if not text:
                self._ended = True
                return
        raise DamagedArmorError("there is something after the armor's END line")
