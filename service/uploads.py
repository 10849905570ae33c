"""Sealed uploads as they arrive: straight into the object store, in constant memory, checked without a key.

Rules upheld here:

- Only an age file with exactly one post-quantum stanza is taken; the check reads its first bytes and no more.
- An upload that breaks off, is too long or does not have the digest that was signed leaves nothing behind.
- What must stay free on the disk stays free.
"""

from typing import Final, Protocol

from meyasubako.crypto.age import HYBRID_HEADER_SIZE, check_single_hybrid
from meyasubako.service.incoming import leave_free
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.problems import too_large

_CHUNK: Final = 256 * 1024


class Body(Protocol):
    """What a request's body is read by."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes, none at the end."""


def take(mechanism: Mechanism, body: Body) -> tuple[str, int]:
    """Store one sealed upload; gives its hex digest and size.

    Raises `CryptoError` for bytes that are not sealed as they should be, `RequestEntityTooLarge`, the store's
    errors, and whatever the body raises.
    """
    data = b""
    while len(data) < HYBRID_HEADER_SIZE and (more := body.read(_CHUNK)):
        data += more
    check_single_hybrid(data)
    limits = mechanism.config.limits
    with mechanism.store.receive(mechanism.clock().date()) as receiving:
        while data:
            if receiving.size + len(data) > limits.upload_bytes:
                raise too_large(limits.upload_bytes)
            leave_free(mechanism.directory, limits.disk_free_bytes, len(data))
            receiving.write(data)
            data = body.read(_CHUNK)
        return receiving.commit()
