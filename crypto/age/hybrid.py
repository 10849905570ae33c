"""The recipient of every key of ours: `mlkem768x25519` (C2SP age.md; RFC 9180; X-Wing).

Rules upheld here:

- ``-> mlkem768x25519 <1,120 bytes of encapsulation>`` with a 32-byte body: HPKE base mode with KEM X-Wing
  (0x647a), HKDF-SHA-256, ChaCha20-Poly1305, info ``age-encryption.org/mlkem768x25519``, no associated data.
- A recipient (``age1pq1…``) is an ML-KEM-768 encapsulation key (1,184 bytes, its coefficients reduced) and
  an X25519 key (32 bytes, not of low order). An identity (``AGE-SECRET-KEY-PQ-1…``) is a 32-byte seed,
  expanded by SHAKE-256 into the ML-KEM seed (64 bytes) and the X25519 secret (32 bytes).
- The library reports each failure to open alike, so lengths and the X25519 share are checked first: what is
  malformed damages the header, what merely does not open belongs to somebody else.
"""

import hashlib
import os
import threading
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from meyasubako.crypto import bech32
from meyasubako.crypto.age.header import Stanza, decode_base64, encode_base64
from meyasubako.crypto.age.x25519 import check_public_point
from meyasubako.crypto.errors import BadKeyError, DamagedHeaderError

TYPE: Final = "mlkem768x25519"
SEED_SIZE: Final = 32
ENCAPSULATION_SIZE: Final = 1120
_MLKEM_CIPHERTEXT: Final = 1088
_MLKEM_KEY: Final = 1184
_MLKEM_SEED: Final = 64
_RECIPIENT_SIZE: Final = _MLKEM_KEY + 32
_EXPANDED_SIZE: Final = _MLKEM_SEED + 32
_WRAPPED_SIZE: Final = 32
_MOST_KNOWN: Final = 1024
_RECIPIENT_PREFIX: Final = "age1pq"
_IDENTITY_PREFIX: Final = "AGE-SECRET-KEY-PQ-"
_INFO: Final = b"age-encryption.org/mlkem768x25519"
_SUITE: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


@dataclass(frozen=True, slots=True)
class HybridRecipient:
    """A post-quantum hybrid public key, ``age1pq1…`` (1,959 characters). Two are equal if their texts are."""

    text: str
    _key: hpke.MLKEM768X25519PublicKey = field(repr=False, compare=False)

    label = "postquantum"

    @classmethod
    def parse(cls, text: str) -> "HybridRecipient":
        """The recipient spelt ``age1pq1…``; `BadKeyError` for anything else, and for unsafe halves.

        >>> recipient = HybridIdentity.from_seed(bytes(32)).recipient
        >>> HybridRecipient.parse(recipient.text) == recipient, len(recipient.text)
        (True, 1959)
        """
        return _parse_recipient(text)

    def _wrap(self, file_key: bytes) -> Stanza:
        sealed = _SUITE.encrypt(file_key, self._key, _INFO)
        share = encode_base64(sealed[:ENCAPSULATION_SIZE]).decode("ascii")
        return Stanza((TYPE, share), sealed[ENCAPSULATION_SIZE:])


class HybridIdentity:
    """A post-quantum hybrid secret key, ``AGE-SECRET-KEY-PQ-1…``. Its repr shows nothing.

    >>> HybridIdentity.from_seed(bytes(32))
    HybridIdentity(…)
    """

    __slots__ = ("_key", "_point", "_recipient", "_seed")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_SIZE:
            raise BadKeyError("a hybrid identity is a seed of 32 bytes")
        expanded = hashlib.shake_256(seed).digest(_EXPANDED_SIZE)
        lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED])
        self._point = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED:])
        self._key = hpke.MLKEM768X25519PrivateKey(lattice, self._point)
        self._seed = bytes(seed)
        raw = lattice.public_key().public_bytes_raw() + self._point.public_key().public_bytes_raw()
        self._recipient: HybridRecipient | bytes = raw

    @classmethod
    def generate(cls) -> Self:
        """A fresh key from the system's randomness."""
        return cls(os.urandom(SEED_SIZE))

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """The key of a 32-byte seed; `BadKeyError` for another length."""
        return cls(seed)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The identity spelt ``AGE-SECRET-KEY-PQ-1…``; `BadKeyError` for anything else."""
        prefix, seed = bech32.decode(text)
        if prefix != _IDENTITY_PREFIX:
            raise BadKeyError("a post-quantum identity begins with AGE-SECRET-KEY-PQ-1")
        return cls(seed)

    @property
    def recipient(self) -> HybridRecipient:
        """The public half. Its text is made at the first call: opening a file does not need it."""
        if isinstance(self._recipient, bytes):
            text = bech32.encode(_RECIPIENT_PREFIX, self._recipient)
            # Whoever makes a key parses it soon after, and parsing costs more than sealing to it.
            self._recipient = _remember(HybridRecipient(text, self._key.public_key()))
        return self._recipient

    def reveal(self) -> str:
        """The identity's secret text, as `parse` reads it (77 characters)."""
        return bech32.encode(_IDENTITY_PREFIX, self._seed)

    def reveal_seed(self) -> bytes:
        """The 32 secret bytes."""
        return self._seed

    def _unwrap(self, stanza: Stanza) -> bytes | None:
        if stanza.type != TYPE:
            return None
        encapsulation = parse_encapsulation(stanza)
        try:
            self._point.exchange(X25519PublicKey.from_public_bytes(encapsulation[_MLKEM_CIPHERTEXT:]))
        except ValueError as error:
            raise DamagedHeaderError("a hybrid stanza's X25519 share is a point of low order") from error
        try:
            return _SUITE.decrypt(encapsulation + stanza.body, self._key, _INFO)
        except InvalidTag:
            return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


def parse_encapsulation(stanza: Stanza) -> bytes:
    """The 1,120 bytes of encapsulation in a hybrid stanza; `DamagedHeaderError` if its form is wrong."""
    if len(stanza.args) != 2:
        raise DamagedHeaderError("a hybrid stanza has one argument")
    encapsulation = decode_base64(stanza.args[1].encode("ascii"))
    if len(encapsulation) != ENCAPSULATION_SIZE or len(stanza.body) != _WRAPPED_SIZE:
        raise DamagedHeaderError("a hybrid stanza holds a 1,120-byte encapsulation and a 32-byte body")
    return encapsulation


# Recipients that were made or parsed lately, by their texts; the oldest are forgotten first.
_known: dict[str, "HybridRecipient"] = {}
_knowing = threading.Lock()


def _remember(recipient: HybridRecipient) -> HybridRecipient:
    with _knowing:
        if len(_known) >= _MOST_KNOWN:
            del _known[next(iter(_known))]
        return _known.setdefault(recipient.text, recipient)


def _parse_recipient(text: str) -> HybridRecipient:
    known = _known.get(text)
    if known is not None:
        return known
    prefix, raw = bech32.decode(text)
    if prefix != _RECIPIENT_PREFIX or len(raw) != _RECIPIENT_SIZE:
        raise BadKeyError("a post-quantum recipient begins with age1pq1 and holds 1,216 bytes")
    try:
        lattice = MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_KEY])
    except ValueError as error:
        raise BadKeyError("the ML-KEM-768 half of the recipient is malformed") from error
    point = X25519PublicKey.from_public_bytes(raw[_MLKEM_KEY:])
    check_public_point(point)
    return _remember(HybridRecipient(text, hpke.MLKEM768X25519PublicKey(lattice, point)))
