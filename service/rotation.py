"""Replacing a key of the server's own: drawn here, put into the log by two people, taken over by itself.

Rules upheld here:

- A successor signs nothing before the log names it, and its predecessor nothing after; what was signed
  before stays good under the key of its time.
- A successor that the log names already, but that has not moved into its place yet, is never drawn over: it
  would be lost, and the log could not be signed any more.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from meyasubako.crypto.keyfile import digest_fingerprint
from meyasubako.service.errors import KeysError
from meyasubako.service.keys import FILES, ServerKeys, draw_next
from meyasubako.service.mechanism import Mechanism


def draw(directory: Path, of: str) -> tuple[str, ...]:
    """Draw the successor of the `log`, `promise` or `service` key of a mechanism; gives its public texts.

    Raises `KeysError` while an earlier successor is named by the log and has not taken its place.
    """
    mechanism = Mechanism.open(directory)
    try:
        if of not in FILES:
            raise KeysError(f"there is no {of} key; there are: {', '.join(FILES)}")
        if ServerKeys.load(directory).public != mechanism.keys.public:
            raise KeysError(
                "an earlier successor is in the log and takes its place with the next checkpoint: "
                "publish it first (meyasubako log publish)"
            )
        return draw_next(directory, mechanism.config.origin, of)
    finally:
        mechanism.close()


def keys_fingerprint(keys: Sequence[str]) -> str:
    """Six groups of four digits for comparing keys by voice: SHA-256 of their texts, each on a line."""
    return digest_fingerprint(sha256("".join(f"{key}\n" for key in keys).encode()).digest())
