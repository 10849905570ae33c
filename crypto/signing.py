r"""Ed25519 signatures over events and statements: one verify function everywhere.

Rules upheld here (RFC 8032 by libsodium; decision 0021):

- A signature over an event covers the line ``meyasubako/event/v1`` and a newline, followed by the canonical
  JSON without ``sig``. A signature over a statement covers its context line and its lines, each ended by a
  newline; an event's context is never a statement's.
- libsodium's strict rules, one signature at a time, never in batches: batch and single verification may
  disagree, and then two honest readers would disagree about a log.
- A public key is the canonical encoding of a point of the prime-order group: small-order, mixed-order and
  off-curve keys are refused before they verify anything.
- A key id is base64url without padding of SHA-256(0x01 ‖ 32-byte key). An event is verified only by the key
  that its ``by`` names.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self

from nacl import bindings, exceptions
from nacl import signing as sodium

from meyasubako.crypto.canonical import JsonValue, decode_base64, encode, encode_base64
from meyasubako.crypto.errors import BadKeyError, BadSignatureError, NotCanonicalError

EVENT_CONTEXT: Final = "meyasubako/event/v1"
KEY_SIZE: Final = 32
SEED_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64

_EVENT_LINE: Final = EVENT_CONTEXT.encode() + b"\n"
_SIG: Final = b',"sig":"'
# The one spelling of 64 bytes in base64: the last letter's trailing bits are zero.
_SIGNATURE: Final = re.compile(rb'[A-Za-z0-9+/]{85}[AQgw]=="')
_SIGNATURE_TEXT: Final = 88

# Keys that are known to be points of the prime-order group.
_PRIME_ORDER: Final[dict[bytes, None]] = {}
_MOST: Final = 4096


@lru_cache(maxsize=4096)
def key_id(raw: bytes) -> str:
    """The id under which a 32-byte Ed25519 public key acts: 43 characters of base64url.

    >>> key_id(bytes(32))
    'Gn396v_u2sSJKH6Fvl6cBJov9kcPVc8wJg9VOVrBsVk'
    """
    digest = hashlib.sha256(b"\x01" + raw).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """An Ed25519 public key that is safe to verify with; `BadKeyError` otherwise."""

    raw: bytes
    # See the function of this name.
    key_id: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_SIZE or not _is_prime_order(self.raw):
            raise BadKeyError("the Ed25519 key is not a point of the prime-order group")
        object.__setattr__(self, "key_id", key_id(self.raw))

    @classmethod
    def parse(cls, text: str) -> Self:
        """A key from its padded standard base64; `BadKeyError` for anything else."""
        try:
            return cls(decode_base64(text, KEY_SIZE))
        except NotCanonicalError as error:
            raise BadKeyError("the Ed25519 key is not 32 bytes in base64") from error

    @property
    def text(self) -> str:
        """The key in padded standard base64, as `parse` reads it."""
        return encode_base64(self.raw)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raise `BadSignatureError` unless the 64-byte signature is this key's over the message."""
        # A shorter "signature" would be taken from the message by libsodium's combined form.
        if len(signature) != SIGNATURE_SIZE:
            raise BadSignatureError("a signature is 64 bytes long")
        try:
            bindings.crypto_sign_open(signature + message, self.raw)
        except exceptions.BadSignatureError as error:
            raise BadSignatureError("the signature does not verify") from error


class SigningKey:
    """An Ed25519 private key. Its repr shows nothing; `reveal_seed` is for key files and derived keys.

    >>> SigningKey.from_seed(bytes(32))
    SigningKey(…)
    """

    __slots__ = ("_secret", "_verify_key")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_SIZE:
            raise BadKeyError("an Ed25519 seed is 32 bytes long")
        self._secret = sodium.SigningKey(seed)
        public = bytes(self._secret.verify_key)
        # A multiple of the group's base point (RFC 8032, 5.1.5).
        _remember(public)
        self._verify_key = VerifyKey(public)

    @classmethod
    def generate(cls) -> Self:
        """A fresh key from the system's randomness."""
        return cls(bytes(sodium.SigningKey.generate()))

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """The key of a 32-byte seed (RFC 8032's private key)."""
        return cls(seed)

    @property
    def verify_key(self) -> VerifyKey:
        """The public half."""
        return self._verify_key

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature over the message, the same at every call."""
        return self._secret.sign(message).signature

    def reveal_seed(self) -> bytes:
        """The 32 secret bytes."""
        return bytes(self._secret)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


def sign_event(fields: Mapping[str, JsonValue], key: SigningKey) -> bytes:
    """The canonical bytes of an event, given every field but `sig`; its `by` must be the key's id.

    Raises `NotCanonicalError` outside of the alphabet, `BadKeyError` for another's key.
    """
    unsigned = dict(fields)
    if "sig" in unsigned:
        raise NotCanonicalError("an event that is to be signed has no sig yet")
    if unsigned.get("by") != key.verify_key.key_id:
        raise BadKeyError("an event is signed by the key that it names")
    signature = key.sign(_event_message(unsigned))
    return encode({**unsigned, "sig": encode_base64(signature)})


def verify_event(fields: Mapping[str, JsonValue], key: VerifyKey) -> None:
    """Raise `BadSignatureError` unless `sig` is the signature of the key, named in `by`, over all else."""
    unsigned = dict(fields)
    signature = unsigned.pop("sig", None)
    if unsigned.get("by") != key.key_id:
        raise BadSignatureError("the event names another key than the one it is verified with")
    if not isinstance(signature, str):
        raise BadSignatureError("the event has no signature")
    try:
        message, raw = _event_message(unsigned), decode_base64(signature, SIGNATURE_SIZE)
    except NotCanonicalError as error:
        raise BadSignatureError("the event or its signature is not canonical") from error
    key.verify(message, raw)


def verify_encoded(data: bytes, key: VerifyKey) -> None:
    """Raise `BadSignatureError` unless the key signed the event of these canonical bytes.

    What `verify_event` says of the fields, without encoding them again; whether `by` names the key is for the
    caller to see. In canonical bytes of an event nothing but a string and an integer follows `sig`, and no
    string holds a quote: so the last ``,"sig":"`` is the event's own.
    """
    before, _, after = data.rpartition(_SIG)
    if not _SIGNATURE.match(after):
        raise BadSignatureError("the event or its signature is not canonical")
    key.verify(
        _EVENT_LINE + before + after[_SIGNATURE_TEXT + 1 :], binascii.a2b_base64(after[:_SIGNATURE_TEXT])
    )


def sign_statement(context: str, lines: Sequence[str], key: SigningKey) -> str:
    """Padded base64 of the signature over a context line and lines, none of which may hold a newline.

    The context names the purpose and a version, and with them the meaning of each line; `ValueError` for an
    event's context, an empty one, or a newline.
    """
    return encode_base64(key.sign(_statement_message(context, lines)))


def verify_statement(context: str, lines: Sequence[str], signature: str, key: VerifyKey) -> None:
    """Raise `BadSignatureError` unless `signature` is what `sign_statement` gives for these lines."""
    try:
        message, raw = _statement_message(context, lines), decode_base64(signature, SIGNATURE_SIZE)
    except (NotCanonicalError, ValueError) as error:
        raise BadSignatureError("the statement or its signature is malformed") from error
    key.verify(message, raw)


def _event_message(unsigned: dict[str, JsonValue]) -> bytes:
    return _EVENT_LINE + encode(unsigned)


def _statement_message(context: str, lines: Sequence[str]) -> bytes:
    if not context or context == EVENT_CONTEXT or any("\n" in line for line in (context, *lines)):
        raise ValueError("a statement has a context of its own, and no newline within a line")
    return "".join(f"{line}\n" for line in (context, *lines)).encode()


def _is_prime_order(raw: bytes) -> bool:
    # As long as a verification takes; a replay meets the same few keys again and again.
    if raw not in _PRIME_ORDER:
        if not bindings.crypto_core_ed25519_is_valid_point(raw):
            return False
        _remember(raw)
    return True


def _remember(raw: bytes) -> None:
    if len(_PRIME_ORDER) >= _MOST:
        _PRIME_ORDER.clear()
    _PRIME_ORDER[raw] = None
