"""How much the reporter's site takes, from everybody together and from one Tor circuit; it knows nobody.

Rules upheld here:

- What is counted lives in the memory of one process and is forgotten with it: no address, no cookie, nothing
  on the disk. Buckets are each process's own. Reports are counted in the log, which all processes follow.
- Refusing says until when. Reports are counted by full hours and days, so that this does not tell when
  somebody else sent one.
- A circuit that goes on asking while it is refused gets less; refusals do not use up what others may send.
- A refusal costs nobody what they typed: pages come back whole (`meyasubako.service.reporter.holding`).
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final, Protocol

from werkzeug.exceptions import TooManyRequests

from meyasubako.service.config import Abuse

HOUR: Final = 3600
DAY: Final = 24 * HOUR
# A circuit so much in debt is answered without looking at what it sends.
PATIENCE_SECONDS: Final = 30.0
MOST_CIRCUITS: Final = 4096


class Filed(Protocol):
    """What the log tells about reports."""

    def filed(self) -> int:
        """How many there are."""

    def filed_on(self, day: date) -> int:
        """How many there are of this day (UTC)."""


@dataclass(slots=True)
class Bucket:
    """A token bucket that holds one minute's worth; `debt` is how far below zero refusals may take it."""

    a_minute: int
    now: float
    debt: float = 0.0
    level: float = field(init=False)

    def __post_init__(self) -> None:
        self.level = float(self.a_minute)

    def take(self, now: float) -> float:
        """Take one; gives the seconds until there is one again, 0 where there was one."""
        rate = self.a_minute / 60
        self.level = min(self.a_minute, self.level + max(0.0, now - self.now) * rate)
        self.now = now
        if self.level >= 1:
            self.level -= 1
            return 0.0
        self.level = max(-self.debt, self.level - (1 if self.debt else 0))
        return (1 - self.level) / rate


@dataclass(slots=True)
class Quota:
    """At most so many within one period of `seconds`, as the clock divides time."""

    most: int
    seconds: int
    _period: int = -1
    _before: int = 0

    def wait(self, now: float, total: int, already: Callable[[], int]) -> float:
        """Seconds until the next period if this one's are used up, else 0.

        `total` counts all there ever were; `already` how many of them are known to be of this period when it
        is looked at for the first time.
        """
        period = int(now // self.seconds)
        if period != self._period:
            self._period, self._before = period, total - already()
        return 0.0 if total - self._before < self.most else (period + 1) * self.seconds - now


class Pace:
    """What one process counts. `now` gives seconds since the epoch."""

    def __init__(self, settings: Abuse, filed: Filed, now: Callable[[], float]) -> None:
        self.settings = settings
        self._filed = filed
        self._now = now
        self._lock = threading.Lock()
        self._sends = Bucket(settings.sends_a_minute, now())
        self._circuits: OrderedDict[int, Bucket] = OrderedDict()
        self._hour = Quota(settings.reports_an_hour, HOUR)
        self._day = Quota(settings.reports_a_day, DAY)

    def request(self, circuit: int | None) -> float:
        """Count a request of a circuit; seconds until it may ask again, 0 for now."""
        a_minute = self.settings.circuit_requests_a_minute
        if circuit is None or not a_minute:
            return 0.0
        now = self._now()
        with self._lock:
            bucket = self._circuits.get(circuit)
            if bucket is None:
                if len(self._circuits) >= MOST_CIRCUITS:
                    self._circuits.popitem(last=False)
                bucket = self._circuits[circuit] = Bucket(a_minute, now, debt=float(a_minute))
            self._circuits.move_to_end(circuit)
            return bucket.take(now)

    def send(self) -> float:
        """Count something that is sent; seconds until there is room for it, 0 for now."""
        if not self.settings.sends_a_minute:
            return 0.0
        with self._lock:
            return self._sends.take(self._now())

    def report(self) -> float:
        """Seconds until a new report is taken, 0 for now. Nothing is counted: the log does."""
        if not (self.settings.reports_an_hour or self.settings.reports_a_day):
            return 0.0
        now, total = self._now(), self._filed.filed()
        today = datetime.fromtimestamp(now, UTC).date()
        waits = [0.0]
        with self._lock:
            if self.settings.reports_an_hour:
                waits.append(self._hour.wait(now, total, lambda: 0))
            if self.settings.reports_a_day:
                waits.append(self._day.wait(now, total, lambda: self._filed.filed_on(today)))
        return max(waits)


def refused(wait: float) -> TooManyRequests:
    """The refusal of something that can simply be asked for again after so many seconds."""
    seconds = math.ceil(wait)
    return TooManyRequests(f"too much at once: please try again in {seconds} seconds", retry_after=seconds)
