"""How long a case is kept: holds, the window of retention, what was removed, and the end."""

from datetime import date
from typing import Final

import msgspec
from msgspec.structs import replace

from meyasubako.domain.envelope import Event

KINDS: Final = frozenset(
    {"hold.placed", "hold.lifted", "retention.started", "payload.removed", "case.erased"}
)


class Keeping(msgspec.Struct, frozen=True):
    """Holds that stand (by leaf hash), the window in which a case is erased, and what is gone."""

    holds: frozenset[str] = frozenset()
    earliest: date | None = None
    latest: date | None = None
    removed: frozenset[str] = frozenset()
    erased_on: date | None = None


def fold(keeping: Keeping, event: Event) -> Keeping:
    """What is known of a case's keeping after one more event of its stream."""
    match event.kind:
        case "hold.placed":
            return replace(keeping, holds=keeping.holds | {event.leaf})
        case "hold.lifted":
            return replace(keeping, holds=keeping.holds - {event.text("hold")})
        case "retention.started":
            return replace(
                keeping,
                earliest=date.fromisoformat(event.text("earliest")),
                latest=date.fromisoformat(event.text("latest")),
            )
        case "payload.removed":
            gone = {str(payload["ref"]) for payload in event.records("payloads")}
            return replace(keeping, removed=keeping.removed | gone)
        case "case.erased":
            return replace(keeping, erased_on=event.at)
        case _:
            return keeping
