"""The payload's chunks: STREAM over ChaCha20-Poly1305, from one buffer into another.

Rules upheld here (C2SP age.md, "Payload"):

- A chunk is 64 KiB of plaintext and a 16-byte tag; only the last is shorter, and it is empty only if it is
  also the first. Its nonce is an 11-byte big-endian counter and a byte that is 1 on the last chunk, else 0.
- Nothing of a chunk that does not authenticate stays in a buffer: the cipher writes before it verifies, so
  what it wrote is overwritten with zeros before the error leaves here.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from meyasubako.crypto.errors import DamagedPayloadError, TrailingDataError, TruncatedError

CHUNK: Final = 65_536
TAG: Final = 16
SEALED_CHUNK: Final = CHUNK + TAG

Buffer = bytes | bytearray | memoryview


def chunk_count(plain_size: int) -> int:
    """How many chunks hold `plain_size` bytes of plaintext: at least one."""
    return max(1, -(-plain_size // CHUNK))


def plain_size_of(payload_size: int) -> int:
    """The plaintext's size in a payload of this many sealed bytes (without the nonce).

    What no payload can be as long as counts as if its last chunk had held nothing: opening it tells what is
    wrong.
    """
    full, rest = divmod(payload_size, SEALED_CHUNK)
    return full * CHUNK + max(0, rest - TAG)


def seal_block(cipher: ChaCha20Poly1305, counter: int, plain: memoryview, out: memoryview, last: bool) -> int:
    """Seal consecutive chunks from `plain` into `out`, and give how many bytes of `out` were written.

    `plain` holds full chunks, or, where the file ends with it (`last`), any length.
    """
    end = len(plain)
    full = (chunk_count(end) - 1) * CHUNK if last else end
    seal = cipher.encrypt_into
    written = 0
    for start in range(0, full, CHUNK):
        nonce = counter.to_bytes(11, "big") + b"\0"
        seal(nonce, plain[start : start + CHUNK], None, out[written : written + SEALED_CHUNK])
        written += SEALED_CHUNK
        counter += 1
    if not last:
        return written
    size = end - full + TAG
    seal(counter.to_bytes(11, "big") + b"\1", plain[full:], None, out[written : written + size])
    return written + size


def open_block(
    cipher: ChaCha20Poly1305, counter: int, sealed: memoryview, out: memoryview, last: bool
) -> tuple[int, DamagedPayloadError | None]:
    """Open consecutive chunks. Gives how many bytes of `out` are authentic, and what is wrong after them.

    `sealed` holds full chunks after which more follows, or, where the file ends with it (`last`), any
    length. The fault is handed back rather than raised because the authentic chunks before it may still be
    released.
    """
    end = len(sealed)
    full = max(0, -(-end // SEALED_CHUNK) - 1) * SEALED_CHUNK if last else end
    written = 0
    for start in range(0, full, SEALED_CHUNK):
        chunk = sealed[start : start + SEALED_CHUNK]
        target = out[written : written + CHUNK]
        if not _open(cipher, counter.to_bytes(11, "big") + b"\0", chunk, target):
            if _open(cipher, counter.to_bytes(11, "big") + b"\1", chunk, target):
                return written + CHUNK, TrailingDataError("there is data after the last chunk")
            return written, DamagedPayloadError(f"chunk {counter} does not authenticate")
        written += CHUNK
        counter += 1
    if not last:
        return written, None
    size, fault = _open_last(cipher, counter, sealed[full:], out[written:])
    return written + size, fault


def _open_last(
    cipher: ChaCha20Poly1305, counter: int, sealed: memoryview, out: memoryview
) -> tuple[int, DamagedPayloadError | None]:
    size = len(sealed) - TAG
    if size < 0:
        return 0, TruncatedError("the file ends before its last chunk")
    if size == 0 and counter > 0:
        return 0, DamagedPayloadError("the last chunk is empty, but not the only one")
    target = out[:size]
    if _open(cipher, counter.to_bytes(11, "big") + b"\1", sealed, target):
        return size, None
    if size == CHUNK and _open(cipher, counter.to_bytes(11, "big") + b"\0", sealed, target):
        return size, TruncatedError("the file ends before its last chunk")
    return 0, DamagedPayloadError("the last chunk does not authenticate: the file was changed or cut short")


def _open(cipher: ChaCha20Poly1305, nonce: bytes, sealed: memoryview, target: memoryview) -> bool:
    try:
        cipher.decrypt_into(nonce, sealed, None, target)
    except InvalidTag:
        target[:] = bytes(len(target))
        return False
    return True
