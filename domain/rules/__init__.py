"""The rules: each a function with a name, a one-line reason, and a test that breaks it.

The server asks them before it stores an event, the audit asks them again over the log. `check` raises
`RefusedError` with the rule's name; it changes nothing.
"""

from meyasubako.domain import kinds
from meyasubako.domain.envelope import Event
from meyasubako.domain.errors import RefusedError
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules import (
    authors,
    cases,
    keys,
    order,
    reads,
    rooms,
    roster,
    signatures,
    slots,
    submission,
)
from meyasubako.domain.rules.registry import RULES, Rule

__all__ = ["RULES", "Rule", "check", "settle"]

# Form and signature first: later rules rely on them, and a stranger learns nothing from later ones' answers.
_PLACES = {
    module.__name__: place
    for place, module in enumerate(
        (order, signatures, slots, roster, keys, submission, rooms, authors, cases, reads)
    )
}
RULES.sort(key=lambda each: _PLACES[each.broken.__module__])
_OF_KIND = {
    kind: tuple((each.broken, each.name) for each in RULES if not each.kinds or kind in each.kinds)
    for kind, _ in kinds.KINDS
}


def check(ledger: Ledger, event: Event, index: int) -> None:
    """Ask every rule that concerns this kind whether the event may stand at this index of the log.

    Raises RefusedError with the first rule that does not allow it.
    """
    for broken, name in _OF_KIND[event.kind]:
        sentence = broken(ledger, event, index)
        if sentence is not None:
            raise RefusedError(name, sentence)


def settle(ledger: Ledger) -> None:
    """Refuse a request that ends with something promised and not done, such as a room that was not opened."""
    if ledger.promised:
        raise RefusedError(
            "submission-opens-its-rooms", "the rooms that a report names open in the same request"
        )
