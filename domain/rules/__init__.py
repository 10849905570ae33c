"""The rules: each a function with a name, a one-line reason, and a test that breaks it.

The server asks them before it stores an event, the audit asks them again over the log. `check` raises
`RefusedError` with the rule's name; it changes nothing.
"""

from msgspec.structs import replace

from meyasubako.domain import kinds
from meyasubako.domain.envelope import Event
from meyasubako.domain.errors import RefusedError
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules import (
    authors,
    cases,
    channels,
    identity,
    keys,
    life,
    openings,
    order,
    pairs,
    reads,
    recovery,
    recusal,
    retention,
    rooms,
    roster,
    shares,
    signatures,
    slots,
    submission,
)
from meyasubako.domain.rules.registry import RULES, Broken, Rule

__all__ = ["RULES", "Rule", "check", "settle"]

# Form and signature first: later rules rely on them, and a stranger learns nothing from later ones' answers.
_PLACES = {
    module.__name__: place
    for place, module in enumerate(
        (
            order,
            signatures,
            slots,
            pairs,
            roster,
            channels,
            keys,
            submission,
            openings,
            rooms,
            shares,
            recusal,
            authors,
            cases,
            life,
            identity,
            recovery,
            retention,
            reads,
        )
    )
}
RULES.sort(key=lambda each: _PLACES[each.broken.__module__])
_OF_KIND = {
    kind: tuple((each.broken, each.name) for each in RULES if not each.kinds or kind in each.kinds)
    for kind, _ in kinds.KINDS
}
# What is proposed for the mechanism must be allowed when it is proposed, too: whoever confirms it may come
# days later, to learn what was wrong from the start.
_PROPOSED = frozenset(module.__name__ for module in (roster, channels, keys))
_OF_PROPOSAL = {
    kind: tuple(
        (each.broken, each.name)
        for each in RULES
        if kind in each.kinds and each.broken.__module__ in _PROPOSED
    )
    for kind, _ in kinds.KINDS
}


def check(ledger: Ledger, event: Event, index: int) -> None:
    """Ask every rule that concerns this kind whether the event may stand at this index of the log.

    Raises RefusedError with the first rule that does not allow it.
    """
    _ask(_OF_KIND[event.kind], ledger, event, index)
    if event.kind == "act.proposed" and event.stream == ledger.mechanism.stream:
        body = event.body["body"]
        act = replace(event, kind=event.text("kind"), v=event.number("v"), body=body)
        _ask(_OF_PROPOSAL[act.kind], ledger, act, index)


def _ask(asked: tuple[tuple[Broken, str], ...], ledger: Ledger, event: Event, index: int) -> None:
    for broken, name in asked:
        sentence = broken(ledger, event, index)
        if sentence is not None:
            raise RefusedError(name, sentence)


def settle(ledger: Ledger) -> None:
    """Refuse a request that ends with something promised and not done, such as a room that was not opened."""
    if ledger.promised:
        raise RefusedError(
            "submission-opens-its-rooms", "the rooms that a report names open in the same request"
        )
