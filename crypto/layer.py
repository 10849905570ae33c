"""The second layer that sealed bytes have at rest: authenticated pieces, each read and written alone.

Rules upheld here:

- Pieces of 64 KiB, the last one shorter, none of them empty. Each is `nonce[24] ‖ XChaCha20-Poly1305 of it`
  (draft-irtf-cfrg-xchacha-03; libsodium's `crypto_aead_xchacha20poly1305_ietf`). Every nonce is drawn anew,
  so a piece that arrives bit by bit may be written as often as it grows.
- The associated data binds the piece to its number, the key to its payload: it is a leaf of a `keytree`, and
  used for nothing else. That nothing is missing at the end follows from the size, which is kept elsewhere.
"""

from __future__ import annotations

import secrets
from typing import Final

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_ABYTES as TAG,
)
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt as aead_decrypt,
)
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_encrypt as aead_encrypt,
)
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES as NONCE,
)
from nacl.exceptions import CryptoError as NaClError

from meyasubako.crypto.errors import DamagedLayerError

PIECE: Final = 64 * 1024
OVERHEAD: Final = NONCE + TAG
LAYERED_PIECE: Final = PIECE + OVERHEAD
_LABEL: Final = b"meyasubako/layer/v1\n"


def layered_size(size: int) -> int:
    """How many bytes the layer makes of so many."""
    return size + -(-size // PIECE) * OVERHEAD


def seal_piece(key: bytes, number: int, data: bytes) -> bytes:
    """One piece, 1 to 65,536 bytes, under the layer."""
    if not 0 < len(data) <= PIECE:
        raise ValueError("a piece has 1 to 65,536 bytes")
    nonce = secrets.token_bytes(NONCE)
    return nonce + aead_encrypt(data, _bound(number), nonce, key)


def open_piece(key: bytes, number: int, layered: bytes) -> bytes:
    """One piece without the layer; raises `DamagedLayerError` unless it is that piece under that key."""
    if not OVERHEAD < len(layered) <= LAYERED_PIECE:
        raise DamagedLayerError("a piece of the layer has a wrong size")
    try:
        return aead_decrypt(layered[NONCE:], _bound(number), layered[:NONCE], key)
    except NaClError:
        raise DamagedLayerError("a piece of the layer does not authenticate") from None


def add_layer(key: bytes, data: bytes) -> bytes:
    """All of a small payload under the layer."""
    return b"".join(
        seal_piece(key, number, data[at : at + PIECE]) for number, at in enumerate(range(0, len(data), PIECE))
    )


def remove_layer(key: bytes, size: int, layered: bytes) -> bytes:
    """All of a small payload of a known size without the layer; raises `DamagedLayerError`."""
    if len(layered) != layered_size(size):
        raise DamagedLayerError("what lies under the layer has another size")
    return b"".join(
        open_piece(key, number, layered[at : at + LAYERED_PIECE])
        for number, at in enumerate(range(0, len(layered), LAYERED_PIECE))
    )


def _bound(number: int) -> bytes:
    return _LABEL + number.to_bytes(8)
