"""Whether an event that the service shows has an author who has a say there, as far as its reader can tell.

An event that the service shows to one person alone stands in no log and meets no audit; keys are wrapped and
things are decided on its word. So whoever reads asks at least: may this person write this, here? What hangs
on other streams' past, the audit asks.
"""

from typing import Final

from meyasubako.domain import kinds
from meyasubako.domain.envelope import Event
from meyasubako.domain.holders import holders_of
from meyasubako.domain.kinds.kind import REPORTER
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.people import Mechanism
from meyasubako.domain.rooms import GUESTS, WORKERS, Room
from meyasubako.domain.rules.rooms import ever_read

# Rooms that a case gets in the course of its life, and those that the reporter never writes in.
_LATER: Final = frozenset({"team", "mediation", "respondent", "request"})
_STAFFS: Final = frozenset({"team", "respondent", "request"})
_GIVING: Final = frozenset({"access.granted", "access.revoked"})


def may_stand(ledger: Ledger, event: Event) -> bool:
    """Whether an event's author has a say in its room or case, as far as these and today's roster tell.

    Suspensions are in another stream: who read the room then and is suspended now had a say; what they began
    is not written in any more, see `rooms.stale`.
    """
    room = ledger.rooms.get(event.stream)
    if event.kind == "room.opened":
        return _may_open(ledger, event)
    if room is None:
        return _may_act(ledger, event)
    if event.by == room.reporter:
        return room.name not in _STAFFS and event.kind not in _GIVING
    if event.kind in ("share.checked", "share.disputed"):
        return event.by in holders_of(room, event.number("epoch"))
    if event.kind == "access.granted":
        reader = event.text("reader")
        # After a recovery, somebody gives their access back to themselves.
        gives = reader == event.by or _reads(ledger.mechanism, room, event.by)
        return gives and _may_be_given(ledger, room, reader)
    person = ledger.mechanism.people[event.by]
    takes_away = event.kind == "access.revoked" and person.has("steward")
    return takes_away or _reads(ledger.mechanism, room, event.by)


def _may_open(ledger: Ledger, event: Event) -> bool:
    case, name = ledger.cases.get(event.text("case")), event.text("room")
    if case is None or name not in _LATER:
        return case is not None and event.by == case.reporter
    report = ledger.rooms.get(case.rooms.get("report", ""))
    readers = {str(wrap["reader"]) for wrap in event.records("wraps")}
    person = ledger.mechanism.people.get(event.by)
    if name == "mediation":
        # No key of a mediation is ever given to somebody who had the report's.
        apart = not any(ever_read(report, reader) for reader in readers)
        return apart and person is not None and person.has("mediator", case.channel)
    if name == "request" or (report is None and name == "respondent"):
        # Custodians, and whoever answers for the organisation, are not shown who reads the report.
        return _works_on(ledger.mechanism, event.by, case.channel)
    away = event.by != case.reporter and not (case.reporter and case.reporter in readers)
    return away and report is not None and _reads(ledger.mechanism, report, event.by)


def _may_act(ledger: Ledger, event: Event) -> bool:
    """Whether this kind is for such an author in a case at all; which state allows it, the audit knows."""
    case = ledger.cases.get(event.stream)
    if case is None or event.kind == "report.submitted" or event.kind in kinds.SERVICE:
        return True
    kind = event.text("kind") if event.kind == "act.proposed" else event.kind
    by = kinds.schema(kind, 1).by
    return REPORTER in by if event.by == case.reporter else by != (REPORTER,)


def _works_on(mechanism: Mechanism, key_id: str, channel: str) -> bool:
    person = mechanism.people.get(key_id)
    works = person is not None and (person.has("intake", channel) or person.has("handler", channel))
    return works or (person is not None and person.has("outsider"))


def _reads(mechanism: Mechanism, room: Room, key_id: str) -> bool:
    # Where nobody was left, the fallback stands in: somebody outside, whoever it was then.
    stood_in = room.name != "mediation" and mechanism.people[key_id].has("outsider")
    return key_id in room.readers or stood_in


def _may_be_given(ledger: Ledger, room: Room, key_id: str) -> bool:
    person = ledger.mechanism.people.get(key_id)
    report = ledger.rooms.get(ledger.cases[room.case].rooms.get("report", ""))
    apart = room.name != "mediation" or not ever_read(report, key_id)
    may = (*WORKERS[room.name], *GUESTS[room.name])
    return apart and person is not None and any(person.has(role, room.channel) for role in may)
