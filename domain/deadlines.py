"""When something is due: the profiles that a channel had adopted when a report came in, as days.

- Several profiles hold at once, the earliest date counts. Without one, a report is acknowledged within seven
  days of receipt: Directive (EU) 2019/1937, article 9(1)(b).
- Feedback is due so long after the acknowledgement, or after the last day for one if none was sent: article
  9(1)(f). It may come later only where the profile says so and the reporter was told: `deadline.extended`.
- Working days are Monday to Friday: holidays differ from town to town, and leaving them out is never late.
- No clock stops while a reporter is silent.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

from meyasubako.domain.people import Channel, Deadline

ACKNOWLEDGE: Final = Deadline("acknowledge", 7)
_FRIDAY: Final = 4


def clocks_of(channel: Channel | None) -> tuple[Deadline, ...]:
    """The deadlines that a report on this channel gets."""
    profiles = channel.profiles.values() if channel else ()
    found = tuple(deadline for profile in profiles for deadline in profile.deadlines)
    known = any(deadline.step == "acknowledge" for deadline in found)
    return found if known else (*found, ACKNOWLEDGE)


def earliest(clocks: Iterable[Deadline], step: str, start: date, *, extended: bool = False) -> date | None:
    """The earliest day by which a step is due that counts from `start`; None where no profile asks for it."""
    days = (
        after(start, deadline.extended or deadline.days if extended else deadline.days, deadline.working)
        for deadline in clocks
        if deadline.step == step
    )
    return min(days, default=None)


def acknowledged_by(channel: Channel | None, day: date) -> date:
    """The day by which a report of this day, on this channel, is acknowledged."""
    return min(
        after(day, each.days, each.working) for each in clocks_of(channel) if each.step == ACKNOWLEDGE.step
    )


def after(start: date, days: int, working: bool = False) -> date:
    """The day that lies so many days, or working days, after another.

    >>> after(date(2026, 11, 20), 7), after(date(2026, 11, 20), 7, working=True)
    (datetime.date(2026, 11, 27), datetime.date(2026, 12, 1))
    """
    if not working:
        return start + timedelta(days=days)
    weeks, rest = divmod(days, _FRIDAY + 1)
    day = start + timedelta(weeks=weeks)
    while day.weekday() > _FRIDAY:
        day -= timedelta(days=1)
    while rest:
        day += timedelta(days=1)
        rest -= day.weekday() <= _FRIDAY
    return day
