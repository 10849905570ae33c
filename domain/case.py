"""A case folded from its own stream: state, dates, who was assigned.

The reporter is the key that `report.submitted` introduced. Whoever `report` is wrapped to is assigned; later
`handler.assigned` adds people. Who may still read is the rooms' business, see `rooms`.
"""

from collections.abc import Mapping
from datetime import date, timedelta

import msgspec
from msgspec.structs import replace

from meyasubako.crypto.signing import VerifyKey
from meyasubako.domain.envelope import Event
from meyasubako.domain.people import parsed_key

# Directive (EU) 2019/1937, article 9(1)(b): acknowledgement within seven days of receipt.
ACKNOWLEDGE_WITHIN = timedelta(days=7)

# From which states `case.moved` may enter a state.
MOVES: Mapping[str, frozenset[str]] = {
    "screening": frozenset({"acknowledged", "waiting_for_reporter"}),
    "waiting_for_reporter": frozenset({"screening"}),
    "assessment": frozenset({"eligible", "partly_eligible"}),
    "monitoring": frozenset({"remedy_plan"}),
}
FINISHED = frozenset({"closed", "retained", "erased"})
# A case is `settled` only after the parties spoke, `decided` only after somebody looked at it.
CLOSES: Mapping[str, frozenset[str]] = {
    "settled": frozenset({"in_dialogue", "in_mediation", "remedy_plan", "monitoring"}),
    "decided": frozenset(
        {
            "screening",
            "waiting_for_reporter",
            "eligible",
            "partly_eligible",
            "ineligible",
            "assessment",
            "in_investigation",
            "findings",
            "remedy_plan",
            "monitoring",
            "review",
        }
    ),
}


def may_close(state: str, outcome: str) -> bool:
    """Whether a case in this state may be closed with this class; `ended` is open to every open state."""
    return state not in FINISHED and (outcome == "ended" or state in CLOSES[outcome])


class Case(msgspec.Struct, frozen=True):
    """One case: what the log knows of it without any key."""

    stream: str
    reporter: str
    reporter_key: str
    reporter_recipient: str
    channel: str
    marker: str
    rooms: Mapping[str, str]
    submitted_on: date
    state: str
    next_date: date | None
    assigned: frozenset[str] = frozenset()
    # Messages by which the reporter was told of an act; each serves once.
    told: frozenset[str] = frozenset()
    outcome: str = ""

    @property
    def verify_key(self) -> VerifyKey:
        """The key the reporter signs with."""
        return parsed_key(self.reporter_key)

    @property
    def open(self) -> bool:
        """Whether work on the case goes on."""
        return self.state not in FINISHED


def submitted(event: Event) -> Case:
    """The case that a `report.submitted` opens."""
    rooms = event.body["rooms"]
    return Case(
        stream=event.stream,
        reporter=event.by,
        reporter_key=event.text("key"),
        reporter_recipient=event.text("recipient"),
        channel=event.text("channel"),
        marker=event.text("marker"),
        rooms={name: str(stream) for name, stream in rooms.items()} if isinstance(rooms, dict) else {},
        submitted_on=event.at,
        state="submitted",
        next_date=event.at + ACKNOWLEDGE_WITHIN,
    )


def fold(case: Case, event: Event) -> Case:
    """The case after one more event of its stream, which the rules have allowed."""
    match event.kind:
        case "case.acknowledged":
            told = case.told | {event.text("message")}
            return replace(case, state="acknowledged", next_date=_day(event, "next"), told=told)
        case "case.moved":
            return replace(case, state=event.text("to"), next_date=_day(event, "next"))
        case "handler.assigned":
            return replace(case, assigned=case.assigned | {event.text("person")})
        case "case.closed":
            told = case.told | {event.text("message")}
            return replace(case, state="closed", next_date=None, outcome=event.text("class"), told=told)
        case _:
            return case


def _day(event: Event, name: str) -> date:
    return date.fromisoformat(event.text(name))
