"""What a reporter is shown of what was asked about them, with roles in place of people."""

from dataclasses import dataclass
from datetime import date

from meyasubako.domain import notices, roles
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import read
from meyasubako.domain.people import Mechanism as Roster
from meyasubako.domain.requests import KINDS
from meyasubako.service.mechanism import Mechanism

_SHOWN_FIRST = ("handler", "intake", "mediator")


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened: what, when, the role of whoever did it, until when where that is fixed."""

    what: str
    day: date
    role: str = ""
    until: date | None = None


def happened(mechanism: Mechanism, case: Case) -> tuple[Happened, ...]:
    """What happened in the case, in its order."""
    state = mechanism.ledger().mechanism
    rows = mechanism.store.stream(case.stream)
    events = [read(row.data) for row in rows if row.kind in KINDS]
    return tuple(
        Happened(each.what, each.day, role_of(state, each.by, case.channel), each.until)
        for each in notices.notices(case, events, mechanism.clock().date())
    )


def role_of(state: Roster, key_id: str, channel: str) -> str:
    """What a reporter is told about somebody: their first reading role on the channel, never a name."""
    person = state.people.get(key_id)
    if person is None:
        return ""
    held = sorted(roles.name(role) for role in person.roles if roles.channel(role) in ("", channel))
    return next((role for role in _SHOWN_FIRST if role in held), held[0] if held else "")
