"""Bech32 as age uses it (BIP 173's checksum, C2SP age.md "X25519 recipient stanza").

Rules upheld here:

- The checksum constant is 1 (Bech32, not Bech32m), and there is no length limit.
- One case throughout; the human-readable part is given back as it was spelt, because age recipients are lower
  case and age identities upper case, and nothing else is accepted for them.
- One spelling per value: the padding bits are zero and fewer than five.
"""

import base64
import binascii
import re
from functools import reduce
from operator import xor
from typing import Final

from meyasubako.crypto.errors import BadKeyError

_ALPHABET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BASE32: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_FROM_BASE32: Final = str.maketrans(_BASE32, _ALPHABET)
_TO_BASE32: Final = str.maketrans(_ALPHABET, _BASE32)
_TO_VALUES: Final = bytes.maketrans(_ALPHABET.encode("ascii"), bytes(range(len(_ALPHABET))))
_is_body = re.compile(f"[{_ALPHABET}]*").fullmatch
_is_prefix = re.compile("[!-~]+").fullmatch
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_LENGTH: Final = 6

# What the five bits that leave the register fold back into it, for each of their 32 values: one look-up
# instead of five tests; and the same for two characters at once, because a post-quantum recipient has 1,959.
_FOLD: Final = tuple(
    reduce(xor, (word for place, word in enumerate(_GENERATOR) if top >> place & 1), 0) for top in range(32)
)
_FOLD_TWO: Final = tuple(
    (_FOLD[top >> 5] & 0x1FFFFFF) << 5 ^ _FOLD[(top & 31) ^ _FOLD[top >> 5] >> 25] for top in range(1024)
)


def encode(prefix: str, data: bytes) -> str:
    """The Bech32 spelling of the bytes, in the case of the prefix.

    >>> encode("age", bytes(2))
    'age1qqqqlpnwam'
    """
    lower = prefix.lower()
    body = base64.b32encode(data).decode("ascii").rstrip("=").translate(_FROM_BASE32)
    register = _polymod(lower, body + "q" * _CHECKSUM_LENGTH) ^ 1
    tail = "".join(_ALPHABET[register >> 5 * (5 - place) & 31] for place in range(_CHECKSUM_LENGTH))
    text = f"{lower}1{body}{tail}"
    return text if prefix == lower else text.upper()


def decode(text: str) -> tuple[str, bytes]:
    """The prefix as spelt, and the bytes. `BadKeyError` for anything `encode` does not write.

    >>> decode("age1qqqqlpnwam") == ("age", bytes(2))
    True
    """
    lower = text.lower()
    if text not in (lower, text.upper()) or not text.isascii():
        raise BadKeyError("a key is spelt in one case")
    prefix, separator, rest = lower.rpartition("1")
    if not separator or not _is_prefix(prefix):
        raise BadKeyError("a key starts with its kind and a 1")
    if len(rest) < _CHECKSUM_LENGTH or not _is_body(rest):
        raise BadKeyError("a key holds only the characters of Bech32")
    if _polymod(prefix, rest) != 1:
        raise BadKeyError("a key's checksum does not fit: it was mistyped or cut")
    return text[: len(prefix)], _unpack(rest[:-_CHECKSUM_LENGTH])


def _unpack(body: str) -> bytes:
    base32 = body.translate(_TO_BASE32)
    try:
        data = base64.b32decode(base32 + "=" * (-len(base32) % 8))
    except binascii.Error as error:
        raise BadKeyError("a key is not a whole number of bytes") from error
    if base64.b32encode(data).decode("ascii").rstrip("=") != base32:
        raise BadKeyError("a key's last bits are not zero")
    return data


def _polymod(prefix: str, body: str) -> int:
    register = 1
    fold = _FOLD
    head = [ord(character) >> 5 for character in prefix]
    tail = [ord(character) & 31 for character in prefix]
    values = body.encode("ascii").translate(_TO_VALUES)
    odd = len(values) % 2
    for value in (*head, 0, *tail, *values[:odd]):
        register = (register & 0x1FFFFFF) << 5 ^ value ^ fold[register >> 25]
    fold = _FOLD_TWO
    for first, second in zip(values[odd::2], values[odd + 1 :: 2], strict=True):
        register = (register & 0xFFFFF) << 10 ^ first << 5 ^ second ^ fold[register >> 20]
    return register
