"""Who is in the demonstration, what they write, and the picture that the reporter sends."""

import random
import struct
import zlib
from dataclasses import dataclass
from typing import Final

PASSPHRASE: Final = "a demonstration and nothing more"  # noqa: S105  shown to everybody
ORIGIN: Final = "demo.meyasubako.example"
NAME: Final = "Nishikawa Works: speak up"
PICTURE_NAME: Final = "line-2.png"
_SIDE: Final = 1292


@dataclass(frozen=True, slots=True)
class Part:
    """Somebody in the demonstration: name, the file name of their key, their roles."""

    name: str
    file: str
    roles: tuple[str, ...]


DAN: Final = Part("Dan Weber", "dan.key", ("steward",))
EVA: Final = Part("Eva Lund", "eva.key", ("steward",))
KEIKO: Final = Part("Keiko Sato", "keiko.key", ("intake:main",))
OMAR: Final = Part("Omar Haddad", "omar.key", ("intake:main",))
ANA: Final = Part("Ana Ruiz", "ana.key", ("auditor",))
CAST: Final = (DAN, EVA, KEIKO, OMAR, ANA)

REPORT: Final = """\
At night the emergency stop of line 2 is bridged with a
wire, so that the belt does not halt. On 14 November it
caught a colleague's glove. He got free by himself.
We were told to write "cleaning accident".
The picture shows the wire. Please do not ask on our
shift who took it."""

THANKS: Final = """\
Thank you for writing. Two of us can read this, nobody
else. We look at line 2 first, and you hear more from us
by the date that you see above."""

QUESTION: Final = "Is the wire there every night, or on some shifts only?"

REPLY: Final = "From Sunday to Thursday, since the new schedule."

NOTE_BY_KEIKO: Final = """\
The maintenance book of line 2 has gaps on exactly those
nights. Can you get the original?"""

NOTE_BY_OMAR: Final = "I have it: 31 nights. No name of the shift in it."

OUTCOME: Final = """\
You were right. Line 2 does not start any more while its
stop is bridged, and the plant has reported the accident.
Nobody asked who wrote. Thank you."""


def picture() -> bytes:
    """A PNG of about 5 MB, the same each time: a grainy picture, which does not compress."""
    grain = random.Random(1721).randbytes(_SIDE * _SIDE * 3)  # noqa: S311  a picture's grain, no secret
    line = _SIDE * 3
    rows = b"".join(b"\0" + grain[start : start + line] for start in range(0, len(grain), line))
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    parts = (("IHDR", header), ("IDAT", zlib.compress(rows, 0)), ("IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind.encode(), data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
