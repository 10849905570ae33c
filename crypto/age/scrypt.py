"""The pass phrase recipient: scrypt (C2SP age.md, "scrypt recipient stanza").

Rules upheld here:

- ``-> scrypt <16-byte salt> <log2 of N>`` with a 32-byte body: the file key under ChaCha20-Poly1305, nonce
  zero, key scrypt(pass phrase in UTF-8, salt = ``age-encryption.org/v1/scrypt`` ‖ salt, N, r = 8, p = 1).
- A scrypt stanza stands alone in its header.
- Work factors above 2^22 (4 GiB of memory) are refused before any work is done.
"""

import os
import re
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from meyasubako.crypto.age.header import Stanza, decode_base64, encode_base64
from meyasubako.crypto.errors import BadKeyError, DamagedHeaderError, WorkFactorTooHighError

TYPE: Final = "scrypt"
DEFAULT_WORK_FACTOR: Final = 18
MAX_WORK_FACTOR: Final = 22
_SALT_SIZE: Final = 16
_SALT_PREFIX: Final = b"age-encryption.org/v1/scrypt"
_NONCE: Final = bytes(12)
_WRAPPED_SIZE: Final = 32
_DECIMAL: Final = re.compile(r"[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class ScryptRecipient:
    """A pass phrase to seal to: whoever knows it can open. Costs 0.7 s at the default work factor of 2^18."""

    passphrase: str = field(repr=False)
    work_factor: int = DEFAULT_WORK_FACTOR

    label = TYPE

    def __post_init__(self) -> None:
        if not self.passphrase:
            raise BadKeyError("a pass phrase is not empty")
        if not 1 <= self.work_factor <= MAX_WORK_FACTOR:
            raise WorkFactorTooHighError("a work factor lies between 2^1 and 2^22")

    def _wrap(self, file_key: bytes) -> Stanza:
        salt = os.urandom(_SALT_SIZE)
        key = _wrapping_key(self.passphrase, salt, self.work_factor)
        body = ChaCha20Poly1305(key).encrypt(_NONCE, file_key, None)
        return Stanza((TYPE, encode_base64(salt).decode("ascii"), str(self.work_factor)), body)


@dataclass(frozen=True, slots=True)
class ScryptIdentity:
    """A pass phrase to open with. Files that ask for more than 2^`max_work_factor` are refused."""

    passphrase: str = field(repr=False)
    max_work_factor: int = MAX_WORK_FACTOR

    def _unwrap(self, stanza: Stanza) -> bytes | None:
        if stanza.type != TYPE:
            return None
        salt, work_factor = parse_salt(stanza)
        if work_factor > min(self.max_work_factor, MAX_WORK_FACTOR):
            raise WorkFactorTooHighError(f"the file asks for scrypt work of 2^{work_factor}")
        key = _wrapping_key(self.passphrase, salt, work_factor)
        try:
            return ChaCha20Poly1305(key).decrypt(_NONCE, stanza.body, None)
        except InvalidTag:
            return None


def parse_salt(stanza: Stanza) -> tuple[bytes, int]:
    """Salt and work factor (log2) in a scrypt stanza; `DamagedHeaderError` if its form is wrong."""
    if len(stanza.args) != 3:
        raise DamagedHeaderError("a scrypt stanza has two arguments")
    salt = decode_base64(stanza.args[1].encode("ascii"))
    if len(salt) != _SALT_SIZE or len(stanza.body) != _WRAPPED_SIZE:
        raise DamagedHeaderError("a scrypt stanza holds a 16-byte salt and a 32-byte body")
    # Three digits are enough for anything that could ever be worked through, and keep int() from long input.
    if not _DECIMAL.fullmatch(stanza.args[2]):
        raise DamagedHeaderError("a scrypt stanza's work factor is a decimal number")
    if len(stanza.args[2]) > 2:
        raise WorkFactorTooHighError("the file asks for more scrypt work than exists")
    return salt, int(stanza.args[2])


def _wrapping_key(passphrase: str, salt: bytes, work_factor: int) -> bytes:
    return Scrypt(_SALT_PREFIX + salt, 32, n=1 << work_factor, r=8, p=1).derive(
        passphrase.encode("utf-8", "surrogateescape")
    )
