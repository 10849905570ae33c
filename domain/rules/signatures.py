"""Whoever acts, signs."""

from meyasubako.crypto.errors import BadKeyError, BadSignatureError
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.registry import rule


@rule("signature-fits", "whoever acts, signs, with the key that was valid then")
def signature_fits(ledger: Ledger, event: Event, _: int) -> str | None:
    try:
        key = ledger.verify_key(event)
    except BadKeyError as error:
        return str(error)
    if key is None or key.key_id != event.by:
        return "nobody with this key may write this event"
    try:
        ledger.verify(event, key)
    except BadSignatureError:
        return "the signature does not fit the event and its author's key"
    return None
