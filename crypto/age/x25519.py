"""The classic recipient: X25519 (C2SP age.md, "X25519 recipient stanza").

Rules upheld here:

- ``-> X25519 <ephemeral share>`` with a 32-byte body: the file key under ChaCha20-Poly1305, nonce zero, key
  HKDF-SHA-256(shared secret, salt = share ‖ recipient, info = ``age-encryption.org/v1/X25519``).
- A share or recipient of low order gives an all-zero shared secret, and is refused.
- A malformed stanza damages the header; one that merely does not open belongs to somebody else.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from meyasubako.crypto import bech32
from meyasubako.crypto.age.header import Stanza, decode_base64, encode_base64
from meyasubako.crypto.errors import BadKeyError, DamagedHeaderError

TYPE: Final = "X25519"
SIZE: Final = 32
_RECIPIENT_PREFIX: Final = "age"
_IDENTITY_PREFIX: Final = "AGE-SECRET-KEY-"
_INFO: Final = b"age-encryption.org/v1/X25519"
_NONCE: Final = bytes(12)
_WRAPPED_SIZE: Final = 32


def check_public_point(point: X25519PublicKey) -> None:
    """Raise `BadKeyError` if this public key is one of the few of low order."""
    try:
        X25519PrivateKey.generate().exchange(point)
    except ValueError as error:
        raise BadKeyError("the X25519 key is a point of low order") from error


@dataclass(frozen=True, slots=True)
class X25519Recipient:
    """A classic public key, ``age1…``. Two are equal if their texts are."""

    text: str
    _point: X25519PublicKey = field(repr=False, compare=False)

    label = ""

    @classmethod
    def parse(cls, text: str) -> "X25519Recipient":
        """The recipient spelt ``age1…``; `BadKeyError` for anything else, and for low-order keys.

        >>> X25519Recipient.parse("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj").text[:9]
        'age1zvkyg'
        """
        return _parse_recipient(text)

    def _wrap(self, file_key: bytes) -> Stanza:
        ephemeral = X25519PrivateKey.generate()
        share = ephemeral.public_key().public_bytes_raw()
        key = _wrapping_key(ephemeral.exchange(self._point), share, self._point)
        body = ChaCha20Poly1305(key).encrypt(_NONCE, file_key, None)
        return Stanza((TYPE, encode_base64(share).decode("ascii")), body)


class X25519Identity:
    """A classic secret key, ``AGE-SECRET-KEY-1…``. Its repr shows nothing."""

    __slots__ = ("_point", "_secret", "recipient")

    recipient: X25519Recipient

    def __init__(self, secret: X25519PrivateKey) -> None:
        self._secret = secret
        self._point = secret.public_key()
        text = bech32.encode(_RECIPIENT_PREFIX, self._point.public_bytes_raw())
        self.recipient = X25519Recipient(text, self._point)

    @classmethod
    def generate(cls) -> Self:
        """A fresh key from the system's randomness."""
        return cls(X25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """The key of 32 secret bytes, which X25519 clamps itself; `BadKeyError` for another length."""
        if len(seed) != SIZE:
            raise BadKeyError("an X25519 secret is 32 bytes long")
        return cls(X25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The identity spelt ``AGE-SECRET-KEY-1…``; `BadKeyError` for anything else."""
        prefix, seed = bech32.decode(text)
        if prefix != _IDENTITY_PREFIX:
            raise BadKeyError("a classic identity begins with AGE-SECRET-KEY-1")
        return cls.from_seed(seed)

    def reveal(self) -> str:
        """The identity's secret text, as `parse` reads it."""
        return bech32.encode(_IDENTITY_PREFIX, self.reveal_seed())

    def reveal_seed(self) -> bytes:
        """The 32 secret bytes."""
        return self._secret.private_bytes_raw()

    def _unwrap(self, stanza: Stanza) -> bytes | None:
        if stanza.type != TYPE:
            return None
        share = parse_share(stanza)
        try:
            shared = self._secret.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError as error:
            raise DamagedHeaderError("an X25519 stanza's share is a point of low order") from error
        try:
            return ChaCha20Poly1305(_wrapping_key(shared, share, self._point)).decrypt(
                _NONCE, stanza.body, None
            )
        except InvalidTag:
            return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


@lru_cache(maxsize=1024)
def _parse_recipient(text: str) -> X25519Recipient:
    prefix, raw = bech32.decode(text)
    if prefix != _RECIPIENT_PREFIX or len(raw) != SIZE:
        raise BadKeyError("a classic recipient begins with age1 and holds 32 bytes")
    point = X25519PublicKey.from_public_bytes(raw)
    check_public_point(point)
    return X25519Recipient(text, point)


def _wrapping_key(shared: bytes, share: bytes, recipient: X25519PublicKey) -> bytes:
    salt = share + recipient.public_bytes_raw()
    return HKDF(hashes.SHA256(), SIZE, salt=salt, info=_INFO).derive(shared)


def parse_share(stanza: Stanza) -> bytes:
    """The 32 bytes of the share in an X25519 stanza; `DamagedHeaderError` if its form is wrong."""
    if len(stanza.args) != 2:
        raise DamagedHeaderError("an X25519 stanza has one argument")
    share = decode_base64(stanza.args[1].encode("ascii"))
    if len(share) != SIZE or len(stanza.body) != _WRAPPED_SIZE:
        raise DamagedHeaderError("an X25519 stanza holds a 32-byte share and a 32-byte body")
    return share
