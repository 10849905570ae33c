"""The age v1 header: parsed strictly, written canonically, authenticated.

Rules upheld here (C2SP age.md, "Header"):

- The first line is the version; each stanza is an argument line of visible ASCII words and a body of
  64-column unpadded base64 whose last line is shorter (perhaps empty); the last line is ``--- `` and a
  32-byte MAC.
- Base64 is canonical: one spelling per value. There is at least one stanza.
- The MAC is HMAC-SHA-256 over everything up to and including ``---``, under a key derived from the file key.
- A header is at most 1 MiB (about 640 post-quantum recipients): the one limit that is ours, so that a
  stranger's endless header ends in constant memory.
"""

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from meyasubako.crypto.errors import DamagedHeaderError, HeaderMacError, UnsupportedError

VERSION_LINE: Final = b"age-encryption.org/v1\n"
_OTHER_VERSION: Final = re.compile(rb"age-encryption\.org/v(?!1[^0-9])[0-9]")
MAX_HEADER: Final = 1 << 20
MAC_SIZE: Final = 32
_STANZA: Final = b"-> "
# One or more visible ASCII characters each, with single spaces between them and none at the end.
_are_words = re.compile(rb"[!-~]+(?: [!-~]+)*").fullmatch
_FOOTER: Final = b"---"
_COLUMNS: Final = 64


@dataclass(frozen=True, slots=True)
class Stanza:
    """One recipient stanza: its arguments (the first is its type) and its body."""

    args: tuple[str, ...]
    body: bytes

    @property
    def type(self) -> str:
        """The recipient type, such as `X25519`."""
        return self.args[0]


@dataclass(frozen=True, slots=True)
class Header:
    """A header as read: its stanzas, its MAC, the bytes that the MAC covers, and its length in bytes."""

    stanzas: tuple[Stanza, ...]
    mac: bytes
    covered: bytes
    size: int


def encode_base64(data: bytes) -> bytes:
    """Unpadded standard base64."""
    return base64.b64encode(data).rstrip(b"=")


def decode_base64(text: bytes) -> bytes:
    """The bytes of canonical unpadded base64; `DamagedHeaderError` for any other spelling."""
    try:
        data = binascii.a2b_base64(text + b"=" * (-len(text) % 4), strict_mode=True) if text else b""
    except binascii.Error as error:
        raise DamagedHeaderError("the header holds something that is not base64") from error
    if encode_base64(data) != text:
        raise DamagedHeaderError("the header holds base64 that is not canonical")
    return data


def write_header(stanzas: tuple[Stanza, ...], file_key: bytes) -> bytes:
    """The header of these stanzas, with its MAC."""
    covered = b"".join((VERSION_LINE, *map(_write_stanza, stanzas), _FOOTER))
    if len(covered) + 2 + 43 > MAX_HEADER:
        raise UnsupportedError("a header longer than 1 MiB is not written: too many recipients")
    return b"".join((covered, b" ", encode_base64(_mac(file_key, covered)), b"\n"))


def check_mac(header: Header, file_key: bytes) -> None:
    """Raise `HeaderMacError` unless the header's MAC was made with this file key."""
    if not hmac.compare_digest(header.mac, _mac(file_key, header.covered)):
        raise HeaderMacError("the header's MAC does not fit: it was changed")


def header_end(data: bytes | bytearray, start: int = 0) -> int | None:
    """Where the header that `data` begins with ends, or None if more bytes are needed to tell.

    `start` is a place before which the footer line is known not to begin. Raises `DamagedHeaderError` as
    soon as the first line is wrong, and `UnsupportedError` where a header is longer than 1 MiB.
    """
    first = bytes(data[: len(VERSION_LINE)])
    if not VERSION_LINE.startswith(first):
        if _OTHER_VERSION.match(first):
            raise UnsupportedError("the file is of another version of age")
        raise DamagedHeaderError("the file does not begin as an age file")
    footer = data.find(b"\n" + _FOOTER, max(start, len(VERSION_LINE) - 1), MAX_HEADER)
    newline = data.find(b"\n", footer + 1, MAX_HEADER) if footer >= 0 else -1
    if newline < 0 and len(data) >= MAX_HEADER:
        raise UnsupportedError("the header is longer than 1 MiB")
    return newline + 1 if newline >= 0 else None


def parse_header(data: bytes) -> Header:
    """The header that `data` begins with; what follows it is ignored.

    Raises `DamagedHeaderError` for any deviation from the grammar, `UnsupportedError` for another version or
    a header longer than 1 MiB. The MAC is not checked: that takes the file key.
    """
    end = header_end(data)
    if end is None:
        raise DamagedHeaderError("the header has no end: the file was cut short")
    lines = data[len(VERSION_LINE) : end - 1].split(b"\n")
    footer = lines.pop()
    if not footer.startswith(_FOOTER + b" "):
        raise DamagedHeaderError("the header's last line is malformed")
    mac = decode_base64(footer[len(_FOOTER) + 1 :])
    if len(mac) != MAC_SIZE:
        raise DamagedHeaderError("the header's MAC is not 32 bytes long")
    covered = data[: end - 1 - len(footer) + len(_FOOTER)]
    return Header(_parse_stanzas(lines), mac, covered, end)


def _parse_stanzas(lines: list[bytes]) -> tuple[Stanza, ...]:
    stanzas: list[Stanza] = []
    place = 0
    while place < len(lines):
        args = _parse_arguments(lines[place])
        stop = place + 1
        while stop < len(lines) and len(lines[stop]) == _COLUMNS:
            stop += 1
        if stop == len(lines) or len(lines[stop]) > _COLUMNS:
            raise DamagedHeaderError("a stanza's body does not end in a line shorter than 64 characters")
        stanzas.append(Stanza(args, decode_base64(b"".join(lines[place + 1 : stop + 1]))))
        place = stop + 1
    if not stanzas:
        raise DamagedHeaderError("the header holds no stanza")
    return tuple(stanzas)


def _parse_arguments(line: bytes) -> tuple[str, ...]:
    if not line.startswith(_STANZA):
        raise DamagedHeaderError("a stanza does not begin with an arrow")
    words = line[len(_STANZA) :]
    if not _are_words(words):
        raise DamagedHeaderError("a stanza's arguments are not words of visible ASCII")
    return tuple(words.decode("ascii").split(" "))


def _write_stanza(stanza: Stanza) -> bytes:
    body = encode_base64(stanza.body)
    # One more line than there are full ones: the last is always shorter than 64, perhaps empty.
    rows = [body[at : at + _COLUMNS] for at in range(0, len(body) + 1, _COLUMNS)]
    return b"".join((_STANZA, " ".join(stanza.args).encode("ascii"), b"\n", b"\n".join(rows), b"\n"))


def _mac(file_key: bytes, covered: bytes) -> bytes:
    key = HKDF(hashes.SHA256(), 32, salt=None, info=b"header").derive(file_key)
    return hmac.digest(key, covered, "sha256")
