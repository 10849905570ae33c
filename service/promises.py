"""The promise that every accepted event gets: a signed note that the log will hold it.

Whoever has a promise and does not find the leaf in the public tiles after that slot holds proof of
misconduct. It tells no index and no time.
"""

from meyasubako.crypto.canonical import encode_base64
from meyasubako.crypto.note import sign_note
from meyasubako.service.mechanism import Mechanism

CONTEXT = "meyasubako/promise/v1"


def promise(mechanism: Mechanism, leaf: str) -> bytes:
    """The note for an accepted event's leaf hash (hex): context, origin, base64 leaf hash, latest slot."""
    marker = mechanism.ledger().mechanism.last_marker
    slot = marker.slot + 1 if marker else 0
    lines = (CONTEXT, mechanism.config.origin, encode_base64(bytes.fromhex(leaf)), str(slot))
    return sign_note("".join(f"{line}\n" for line in lines), [mechanism.keys.promise])
