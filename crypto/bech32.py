"""Bech32 as age uses it (BIP 173's checksum, C2SP age.md "X25519 recipient stanza").

Rules upheld here:

- The checksum constant is 1 (Bech32, not Bech32m), and there is no length limit.
- One case throughout; the human-readable part is given back as it was spelt, because age recipients are lower
  case and age identities upper case, and nothing else is accepted for them.
- One spelling per value: the padding bits are zero and fewer than five.
"""

import re
from functools import lru_cache, reduce
from operator import xor
from typing import Final

from meyasubako.crypto.errors import BadKeyError

_ALPHABET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_TO_VALUES: Final = bytes.maketrans(_ALPHABET.encode("ascii"), bytes(range(len(_ALPHABET))))
_FROM_VALUES: Final = bytes.maketrans(bytes(range(len(_ALPHABET))), _ALPHABET.encode("ascii"))
_TO_BITS: Final = bytes.maketrans(b"01", b"\0\1")
_FROM_BITS: Final = bytes.maketrans(b"\0\1", b"01")
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
    count = -(-len(data) * 8 // 5)
    bits = int.from_bytes(data, "big") << (count * 5 - len(data) * 8)
    checksum = _checksum(lower, count, bits)
    tail = bytes(checksum >> 5 * (5 - place) & 31 for place in range(_CHECKSUM_LENGTH))
    text = f"{lower}1{(_in_fives(bits, count) + tail).translate(_FROM_VALUES).decode('ascii')}"
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
    values = rest.encode("ascii").translate(_TO_VALUES)
    if _polymod(prefix, values) != 1:
        raise BadKeyError("a key's checksum does not fit: it was mistyped or cut")
    return text[: len(prefix)], _in_eights(values[:-_CHECKSUM_LENGTH])


def _checksum(prefix: str, count: int, bits: int) -> int:
    """The checksum's 30 bits for so many values, whose bits are those of an integer.

    It is linear: each of its bits is the parity of some of the value's, which `_masks` names.
    """
    checksum = 0
    for mask in _masks(count):
        checksum = checksum << 1 | (bits & mask).bit_count() & 1
    return checksum ^ _empty_checksum(prefix, count)


@lru_cache(maxsize=16)
def _empty_checksum(prefix: str, count: int) -> int:
    return _polymod(prefix, bytes(count + _CHECKSUM_LENGTH)) ^ 1


@lru_cache(maxsize=16)
def _masks(count: int) -> tuple[int, ...]:
    """For each bit of the checksum, the first one first, which bits of so many values make it up.

    Only what we write ourselves comes here, and that has few lengths.
    """
    row = [1 << place for place in (4, 3, 2, 1, 0)]
    for _ in range(_CHECKSUM_LENGTH):
        row = [_shifted(word) for word in row]
    words: list[int] = []
    for _ in range(count):
        words += reversed(row)
        row = [_shifted(word) for word in row]
    text = "".join(f"{word:030b}" for word in reversed(words))
    return tuple(int(text[place::30] or "0", 2) for place in range(30))


def _shifted(register: int) -> int:
    return (register & 0x1FFFFFF) << 5 ^ _FOLD[register >> 25]


def _in_fives(bits: int, count: int) -> bytes:
    """The bits of an integer, five in each of so many values.

    By a few operations on integers of the whole length: a recipient has 1,952 values.
    """
    spelt = f"{bits:0{count * 5}b}".encode("ascii").translate(_TO_BITS) if count else b""
    values = 0
    for place in range(5):
        # Each value stays in its own byte, since none grows beyond 31.
        values = values << 1 | int.from_bytes(spelt[place::5], "big")
    return values.to_bytes(count, "big")


def _in_eights(values: bytes) -> bytes:
    """The bytes of whose bits these values are made; `BadKeyError` if there are none."""
    count = len(values)
    filling = count * 5 % 8
    if filling >= 5:
        raise BadKeyError("a key is not a whole number of bytes")
    together, lowest = int.from_bytes(values, "big"), int.from_bytes(b"\1" * count, "big")
    bits = bytearray(count * 5)
    for place in range(5):
        bits[place::5] = (together >> (4 - place) & lowest).to_bytes(count, "big")
    whole = int(bits.translate(_FROM_BITS), 2) if count else 0
    if whole & ((1 << filling) - 1):
        raise BadKeyError("a key's last bits are not zero")
    return (whole >> filling).to_bytes(count * 5 // 8, "big")


def _polymod(prefix: str, values: bytes) -> int:
    register = 1
    fold = _FOLD
    head = [ord(character) >> 5 for character in prefix]
    tail = [ord(character) & 31 for character in prefix]
    odd = len(values) % 2
    for value in (*head, 0, *tail, *values[:odd]):
        register = (register & 0x1FFFFFF) << 5 ^ value ^ fold[register >> 25]
    fold = _FOLD_TWO
    for first, second in zip(values[odd::2], values[odd + 1 :: 2], strict=True):
        register = (register & 0xFFFFF) << 10 ^ first << 5 ^ second ^ fold[register >> 20]
    return register
