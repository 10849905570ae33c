"""What an audit tells of a log besides what is wrong: how much, when, by whom, and in time or late.

- Deadlines are read off the log alone: a date that a case had, and the day of the event that ended its wait.
  A day is the event's own; whether it is true is bounded by the slot markers around it.
- A deadline that passed is not a broken rule. It stands here, apart from findings, and nobody can take it
  back.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Deadline:
    """One date that a case had to meet: in which state, when it was due, when it was met (None: not yet)."""

    case: str
    state: str
    due: date
    met: date | None = None
    index: int | None = None

    def missed(self, today: date) -> bool:
        """Whether it was met too late, or is not met and over."""
        return (self.met or today) > self.due


@dataclass(slots=True)
class Chronicle:
    """The log told by days; `note` takes each event after it was folded.

    `kinds` counts events by (day, kind), without covers; `reads` counts payloads handed out by (person,
    case); `moves` counts cases opened (+1) and closed (-1) by day; `waiting` holds each open case's deadline,
    and `met` every deadline that was followed by an act.
    """

    kinds: Counter[tuple[date, str]] = field(default_factory=Counter)
    covers: int = 0
    reads: Counter[tuple[str, str]] = field(default_factory=Counter)
    moves: Counter[date] = field(default_factory=Counter)
    waiting: dict[str, Deadline] = field(default_factory=dict)
    met: list[Deadline] = field(default_factory=list)

    def note(self, event: Event, index: int, ledger: Ledger) -> None:
        """Put down one event; `ledger` has folded it."""
        kind = event.kind
        if kind == "cover.written":
            self.covers += 1
            return
        self.kinds[event.at, kind] += 1
        if kind == "payload.fetched":
            self.reads[event.by, event.text("case")] += len(event.texts("payloads"))
        elif event.stream in ledger.cases:
            self._follow(event, index, ledger)

    def _follow(self, event: Event, index: int, ledger: Ledger) -> None:
        case, waited = ledger.cases[event.stream], self.waiting.get(event.stream)
        if event.kind == "report.submitted":
            self.moves[event.at] += 1
        elif waited is None or (waited.state, waited.due) == (case.state, case.next_date):
            return
        else:
            self.met.append(Deadline(waited.case, waited.state, waited.due, event.at, index))
        if case.next_date is None:
            self.waiting.pop(event.stream, None)
            self.moves[event.at] -= 1
        else:
            self.waiting[event.stream] = Deadline(event.stream, case.state, case.next_date)

    def deadlines(self) -> list[Deadline]:
        """Every deadline, the earliest first."""
        return sorted([*self.met, *self.waiting.values()], key=lambda each: (each.due, each.case))
