"""What a door looks at before the rules are asked: bytes that fit, and keys that something can be sealed to.

Not asked of the audit, which sees digests and sizes: whoever lies here makes a room useless, and no rule can
see that.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

from meyasubako.crypto import age
from meyasubako.crypto.errors import CryptoError
from meyasubako.domain.envelope import Event
from meyasubako.service.errors import BadRequestError


def check_payloads(events: Sequence[Event], payloads: Mapping[str, bytes]) -> None:
    """Refuse payloads that no event names, that are not what it names, or not sealed as ours are."""
    owned = {payload.digest: (event.kind, payload) for event in events for payload in event.payloads()}
    if not payloads.keys() <= owned.keys():
        raise BadRequestError("the request brings a payload that none of its events names")
    for digest, data in payloads.items():
        kind, payload = owned[digest]
        if sha256(data).hexdigest() != digest or len(data) != payload.size:
            raise BadRequestError("a payload is not what its event says: damaged on the way?")
        if kind != "card.published":
            _check_sealed(data)


def check_recipients(events: Sequence[Event]) -> None:
    """Refuse keys that nothing can be sealed to: nobody could answer, or say that the case is closed."""
    for event in events:
        text = event.body.get("recipient")
        if isinstance(text, str):
            try:
                age.HybridRecipient.parse(text)
            except CryptoError as error:
                raise BadRequestError(f"a key is none that anything can be sealed to: {error}") from None


def _check_sealed(data: bytes) -> None:
    try:
        age.check_single_hybrid(data)
    except CryptoError as error:
        raise BadRequestError(
            f"a payload is not an age file for one post-quantum recipient: {error}"
        ) from None
