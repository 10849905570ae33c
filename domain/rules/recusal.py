"""Conflicts of interest: whoever has one stops, leaves whole, and does not come back."""

from meyasubako.domain import kinds
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.registry import rule

_STAFFS = tuple(
    kind.name
    for kind in kinds.KINDS.values()
    if {kinds.CASE, kinds.ROOM} & set(kind.streams) and kind.name not in {*kinds.SERVICE, "report.submitted"}
)


@rule(
    "conflict-stops-work",
    "whoever declared a conflict does nothing in the case but step back; it is not taken back",
    *_STAFFS,
)
def conflict_stops_work(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case_of(event)
    if case is None or (event.by not in case.conflicted and event.by not in case.recused):
        return None
    leaves = event.kind == "access.revoked" and event.text("reader") == event.by
    if leaves or (event.kind == "handler.recused" and event.by not in case.recused):
        return None
    return "whoever did this has a conflict in the case, or stepped back from it"


@rule(
    "recusal-takes-access-away",
    "whoever steps back has lost every room of the case before it is said",
    "handler.recused",
)
def recusal_takes_access_away(ledger: Ledger, event: Event, _: int) -> str | None:
    kept = [room.name for room in ledger.rooms_of(event.stream) if event.by in room.readers]
    return f"whoever steps back still reads: {', '.join(sorted(kept))}" if kept else None


@rule(
    "who-stepped-back-stays-out",
    "nobody who has a conflict in a case is given anything of it again",
    "access.granted",
    "room.opened",
    "handler.assigned",
)
def who_stepped_back_stays_out(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case_of(event)
    given = {str(wrap["reader"]) for wrap in event.records("wraps") if "reader" in wrap}
    given |= {str(event.body[name]) for name in ("reader", "person") if name in event.body}
    return "one of these people has a conflict in the case" if case and given & case.out else None
