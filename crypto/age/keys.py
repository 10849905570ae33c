"""Where the file key lives: made, wrapped, unwrapped, turned into the payload's key, and never handed out.

Rules upheld here (C2SP age.md):

- A file key is 16 fresh random bytes. No public function takes or gives one: sharing is sealing anew.
- The label rule: recipients of different labels are never mixed when writing, so a post-quantum file is
  opened by post-quantum keys only, and a pass phrase stands alone. When reading, a scrypt stanza stands
  alone too.
- The first identity that opens a stanza gives the file key; then the header's MAC must fit.
- Payload key: HKDF-SHA-256(file key, salt = 16-byte nonce that follows the header, info ``payload``).
"""

import os
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from meyasubako.crypto.age import scrypt
from meyasubako.crypto.age.header import Header, Stanza, check_mac, write_header
from meyasubako.crypto.age.hybrid import HybridIdentity, HybridRecipient
from meyasubako.crypto.age.scrypt import ScryptIdentity, ScryptRecipient
from meyasubako.crypto.age.x25519 import X25519Identity, X25519Recipient
from meyasubako.crypto.errors import DamagedHeaderError, UnsupportedError, WrongKeyError

Recipient = HybridRecipient | X25519Recipient | ScryptRecipient
Identity = HybridIdentity | X25519Identity | ScryptIdentity

NONCE_SIZE: Final = 16
_FILE_KEY_SIZE: Final = 16


def begin_file(recipients: Sequence[Recipient]) -> tuple[bytes, ChaCha20Poly1305]:
    """A new file's header with its payload nonce, and the cipher of its chunks."""
    check_labels(recipients)
    file_key = os.urandom(_FILE_KEY_SIZE)
    nonce = os.urandom(NONCE_SIZE)
    stanzas = tuple(
        recipient._wrap(file_key)  # noqa: SLF001  # no public name takes a file key
        for recipient in recipients
    )
    return write_header(stanzas, file_key) + nonce, _payload_cipher(file_key, nonce)


def resume_file(header: Header, nonce: bytes, identities: Sequence[Identity]) -> ChaCha20Poly1305:
    """The cipher of a file's chunks. Raises `WrongKeyError`, `DamagedHeaderError` or `UnsupportedError`."""
    types = [stanza.type for stanza in header.stanzas]
    if scrypt.TYPE in types and len(types) > 1:
        raise DamagedHeaderError("a pass phrase's stanza does not stand alone in the header")
    file_key = _unwrap(header.stanzas, identities)
    check_mac(header, file_key)
    return _payload_cipher(file_key, nonce)


def check_labels(recipients: Sequence[Recipient]) -> None:
    """Raise `UnsupportedError` unless these recipients may stand in one file together."""
    if not recipients:
        raise UnsupportedError("a file is sealed to at least one recipient")
    labels = {recipient.label for recipient in recipients}
    if len(labels) > 1 or (scrypt.TYPE in labels and len(recipients) > 1):
        raise UnsupportedError("post-quantum, classic and pass phrase recipients are never mixed in one file")


def _unwrap(stanzas: Sequence[Stanza], identities: Sequence[Identity]) -> bytes:
    for identity in identities:
        for stanza in stanzas:
            file_key = identity._unwrap(stanza)  # noqa: SLF001  # no public name gives a file key
            if file_key is None:
                continue
            if len(file_key) != _FILE_KEY_SIZE:
                raise DamagedHeaderError("a stanza holds a file key of another length")
            return file_key
    raise WrongKeyError("no identity that was given opens this file")


def _payload_cipher(file_key: bytes, nonce: bytes) -> ChaCha20Poly1305:
    key = HKDF(hashes.SHA256(), 32, salt=nonce, info=b"payload").derive(file_key)
    return ChaCha20Poly1305(key)
