"""The rules: each a function with a name, a one-line reason, and a test that breaks it.

The server asks them before it stores an event, the audit asks them again over the log. `check` raises
`RefusedError` with the rule's name; it changes nothing.
"""

from meyasubako.crypto.errors import BadKeyError, BadSignatureError
from meyasubako.domain import envelope
from meyasubako.domain.envelope import Event
from meyasubako.domain.errors import RefusedError
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules import cases, order, reads, rooms, roster, slots, submission
from meyasubako.domain.rules.registry import RULES, Rule, rule

__all__ = ["RULES", "Rule", "check", "settle"]

_MODULES = (order, slots, roster, submission, rooms, cases, reads)


@rule("signature-fits", "whoever acts, signs, with the key that was valid then")
def _signature(ledger: Ledger, event: Event, _: int) -> str | None:
    try:
        key = ledger.verify_key(event)
    except BadKeyError as error:
        return str(error)
    if key is None or key.key_id != event.by:
        return "nobody with this key may write this event"
    try:
        envelope.verify(event, key)
    except BadSignatureError:
        return "the signature does not fit the event and its author's key"
    return None


def check(ledger: Ledger, event: Event, index: int) -> None:
    """Ask every rule that concerns this kind whether the event may stand at this index of the log.

    Raises RefusedError with the first rule that does not allow it.
    """
    for each in RULES:
        if not each.kinds or event.kind in each.kinds:
            sentence = each.broken(ledger, event, index)
            if sentence is not None:
                raise RefusedError(each.name, sentence)


def settle(ledger: Ledger) -> None:
    """Refuse a request that ends with something promised and not done, such as a room that was not opened."""
    if ledger.promised:
        raise RefusedError(
            "submission-opens-its-rooms", "the rooms that a report names open in the same request"
        )
