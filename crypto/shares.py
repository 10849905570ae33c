"""Shares of a room's seed, so that any k of n holders together open it and fewer learn nothing.

Rules upheld here:

- Shamir's scheme over GF(2^8) with the polynomial of AES (0x11b), byte-wise over the 32 bytes, x = 1…n, the
  secret at x = 0; every other coefficient is random. A share is `x ‖ y`, 33 bytes (A. Shamir, "How to share a
  secret", 1979; the field: FIPS 197, section 4).
- No table and no branch depends on a secret: all 32 bytes are multiplied at once, as one integer, by a factor
  that everybody may know (an x, or a Lagrange coefficient made of x's).
- Shamir has no check of its own: too few shares, or a wrong one, combine to a random-looking value. Whoever
  combines compares the recipient derived from the seed with the room's.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

from meyasubako.crypto.errors import BadShareError

if TYPE_CHECKING:
    from collections.abc import Sequence

SEED_SIZE = 32
SHARE_SIZE = 1 + SEED_SIZE
MAX_HOLDERS = 255

_EVERY_BYTE = int.from_bytes(b"\x01" * SEED_SIZE)
_TOP_BITS = _EVERY_BYTE * 0x80
_LOW_BITS = _EVERY_BYTE * 0x7F
_REDUCTION = 0x1B


@dataclass(frozen=True, slots=True)
class Share:
    """One holder's share: the public coordinate `x`, 1 to 255, and the secret 32 bytes `y`."""

    x: int
    y: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.x <= MAX_HOLDERS or len(self.y) != SEED_SIZE:
            raise BadShareError("a share is a coordinate of 1 to 255 and 32 bytes")

    def encode(self) -> bytes:
        """The 33 bytes that are sealed to the holder."""
        return bytes([self.x]) + self.y

    @classmethod
    def decode(cls, data: bytes) -> Share:
        """The share of 33 bytes; raises `BadShareError` for anything else."""
        if len(data) != SHARE_SIZE:
            raise BadShareError(f"a share has {SHARE_SIZE} bytes")
        return cls(data[0], data[1:])

    def digest(self) -> str:
        """SHA-256 of the encoded share, lower-case hex, as the event that hands it out carries it."""
        return hashlib.sha256(self.encode()).hexdigest()


def split(seed: bytes, k: int, n: int) -> list[Share]:
    """Cut 32 bytes into `n` shares with x = 1…n, any `k` of which give it back; 2 ≤ k ≤ n ≤ 255.

    Raises `BadShareError` for other numbers: with k = 1 every share would be the seed itself.

    >>> shares = split(bytes(range(32)), 2, 3)
    >>> combine([shares[2], shares[0]]) == bytes(range(32))
    True
    >>> shares[0]
    Share(x=1)
    """
    if len(seed) != SEED_SIZE:
        raise BadShareError(f"only a seed of {SEED_SIZE} bytes is shared")
    if not 2 <= k <= n <= MAX_HOLDERS:
        raise BadShareError("it takes 2 to 255 holders, and at least 2 and at most all of them to combine")
    random = [int.from_bytes(secrets.token_bytes(SEED_SIZE)) for _ in range(k - 1)]
    return shares_of([*random, int.from_bytes(seed)], n)


def shares_of(coefficients: Sequence[int], n: int) -> list[Share]:
    """The values at x = 1…n of 32 polynomials at once, highest coefficient first (Horner)."""
    shares = []
    for x in range(1, n + 1):
        y = 0
        for coefficient in coefficients:
            y = times(y, x) ^ coefficient
        shares.append(Share(x, y.to_bytes(SEED_SIZE)))
    return shares


def combine(shares: Sequence[Share]) -> bytes:
    """The 32 bytes at x = 0 of the polynomial of lowest degree through all the shares given.

    That is the seed if they are at least k true shares of one splitting, and else a value that tells nothing;
    the caller checks. Raises `BadShareError` for no share at all and for two with the same x.
    """
    places = [share.x for share in shares]
    if not places or len(set(places)) != len(places):
        raise BadShareError("shares are combined from at least one, each with a coordinate of its own")
    total = 0
    for share in shares:
        others = [x for x in places if x != share.x]
        upper = reduce(times, others, 1)
        lower = reduce(times, (x ^ share.x for x in others), 1)
        total ^= times(int.from_bytes(share.y), times(upper, inverse(lower)))
    return total.to_bytes(SEED_SIZE)


def times(vector: int, factor: int) -> int:
    """Each of up to 32 bytes, packed into `vector`, times the public byte `factor` in GF(2^8).

    >>> hex(times(0x57_02, 0x13)), hex(times(0x53, 0xCA))
    ('0xfe26', '0x1')
    """
    product = 0
    while factor:
        product ^= vector * (factor & 1)
        factor >>= 1
        vector = (vector & _LOW_BITS) << 1 ^ ((vector & _TOP_BITS) >> 7) * _REDUCTION
    return product


def inverse(factor: int) -> int:
    """One over a public byte that is not zero: its 254th power, for its 255th is 1."""
    square = times(factor, factor)
    result = square
    for _ in range(6):
        square = times(square, square)
        result = times(result, square)
    return result
