"""How long a case is kept: holds, the window of retention, what was removed, and the end.

- A profile's rules of retention give bounds: at least so many days after what began the time, at most so
  many. All that hold for a channel together give a window, from the latest of the least to the earliest of
  the most. Where these cross, no day keeps every rule: then people decide, and say so; nothing here chooses.
- A hold stops every erasure while it stands, and adds no day to the window.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from meyasubako.domain.envelope import Event
from meyasubako.domain.people import Profile, Retention

KINDS: Final = frozenset(
    {"hold.placed", "hold.lifted", "retention.started", "payload.removed", "case.erased"}
)
# Where no profile says until when: the longest that any law known to us allows, or as long as one wants it.
LONGEST: Final = timedelta(days=3653)
# After the window's end people have so long to erase before the audit says that the case is kept past it.
GRACE: Final = timedelta(days=14)


class Keeping(msgspec.Struct, frozen=True):
    """Holds that stand (by leaf hash), the window in which a case is erased, and what is gone."""

    holds: frozenset[str] = frozenset()
    earliest: date | None = None
    latest: date | None = None
    removed: frozenset[str] = frozenset()
    erased_on: date | None = None


class Window(msgspec.Struct, frozen=True):
    """From when on a case may be erased, and until when it must be; `of` are the rules that bound it.

    `earliest_by` and `latest_by` name the profiles that bound it most; empty where none does.
    """

    earliest: date
    latest: date
    earliest_by: str = ""
    latest_by: str = ""

    @property
    def conflict(self) -> bool:
        """Whether no day keeps every rule."""
        return self.earliest > self.latest


def window(profiles: Iterable[Profile], submitted_on: date, closed_on: date, item: str = "report") -> Window:
    """The window that the profiles' rules for an item of a case give."""
    earliest, earliest_by = closed_on, ""
    latest, latest_by = closed_on + LONGEST, ""
    for profile in profiles:
        for rule in profile.retention:
            if rule.item != item:
                continue
            begin = _begin(rule, submitted_on, closed_on)
            if rule.least and begin + timedelta(days=rule.least) > earliest:
                earliest, earliest_by = begin + timedelta(days=rule.least), profile.name
            if rule.most and (not latest_by or begin + timedelta(days=rule.most) < latest):
                latest, latest_by = begin + timedelta(days=rule.most), profile.name
    return Window(earliest, latest if latest_by else max(latest, earliest), earliest_by, latest_by)


def _begin(rule: Retention, submitted_on: date, closed_on: date) -> date:
    match rule.trigger:
        case "submitted":
            return submitted_on
        case "closing_year_ended":
            return date(closed_on.year, 12, 31)
        case _:
            return closed_on


def overdue(keeping: Keeping, today: date) -> bool:
    """Whether the case is kept past its time: the window is over, nothing holds it, and it is not erased."""
    over = keeping.latest is not None and today - keeping.latest > GRACE
    return over and not keeping.holds and keeping.erased_on is None


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
