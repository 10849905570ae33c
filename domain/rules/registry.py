"""How a rule is written down: a name, a reason, the kinds it concerns, and a function that finds it broken.

The function returns a plain sentence where the rule is broken and None where it is kept. In which order rules
are asked is said in the package's `__init__`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger

Broken = Callable[[Ledger, Event, int], str | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `kinds` is empty where it concerns every event."""

    name: str
    why: str
    kinds: frozenset[str]
    broken: Broken


RULES: list[Rule] = []


def rule(name: str, why: str, *kinds: str) -> Callable[[Broken], Broken]:
    """Register a rule under its name."""

    def register(broken: Broken) -> Broken:
        RULES.append(Rule(name, why, frozenset(kinds), broken))
        return broken

    return register
