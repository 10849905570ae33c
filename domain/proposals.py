"""What one person proposed and nobody else has done yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from meyasubako.crypto import canonical
from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain.envelope import Event

# A proposal that nobody confirmed in this time was forgotten, or is better looked at anew.
LAPSES_AFTER: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one person proposed and nobody else has done yet; `data` is the canonical body."""

    by: str
    kind: str
    version: int
    data: bytes
    on: date = date.min

    @property
    def body(self) -> Mapping[str, JsonValue]:
        """The body that the second person signs, with the proposal's leaf hash besides."""
        return canonical.decode(self.data)


def proposed(event: Event) -> Proposal:
    """The proposal that an `act.proposed` makes."""
    body = event.body["body"]
    data = canonical.encode(body if isinstance(body, dict) else {})
    return Proposal(event.by, event.text("kind"), event.number("v"), data, event.at)


def standing(proposals: Mapping[str, Proposal], day: date) -> dict[str, Proposal]:
    """Those that have not lapsed on this day."""
    return {leaf: each for leaf, each in proposals.items() if day - each.on <= LAPSES_AFTER}
