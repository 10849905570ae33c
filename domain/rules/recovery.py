"""Restoring access that was lost with a key: case by case, by k of those who hold shares of it.

There is no key to everything: who was left out of a case, or was taken off it, neither helps nor is helped.
"""

from meyasubako.domain import holders
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.requests import Request
from meyasubako.domain.rooms import Room
from meyasubako.domain.rules.identity import asked, wanted_epochs
from meyasubako.domain.rules.registry import rule

# Whose work a room is may get it back.
_FOR: dict[str, tuple[str, ...]] = {"mediation": ("mediator",)}
_HANDLERS = ("intake", "handler")


@rule(
    "recovery-is-for-a-colleague",
    "access is restored to somebody whose work it is, and who was neither left out of the case nor taken off",
    "recovery.requested",
)
def recovery_is_for_a_colleague(ledger: Ledger, event: Event, _: int) -> str | None:
    case, person = ledger.case(event.stream), event.text("person")
    if case is None:
        return "the case does not exist"
    last = ledger.mechanism.last_marker
    somebody = ledger.mechanism.usable(person, last.slot) if last else None
    streams = event.texts("rooms")
    if somebody is None or len(set(streams)) != len(streams):
        return "the person is not a usable person of the roster, or a room is named twice"
    if _kept_out(ledger, case, person):
        return "the person was left out of the case, or taken off it"
    for stream in streams:
        room = ledger.room(stream)
        if room is None or room.case != case.stream or room.name not in holders.RECOVERABLE:
            return "a room is not one of this case that can be restored"
        if not any(somebody.has(role, case.channel) for role in _FOR.get(room.name, _HANDLERS)):
            return f"the person's work is not a {room.name} room of this channel"
        if person in room.readers:
            return "the person reads this room already"
    if any(each.is_recovery and each.to == person and each.standing for each in case.requests.values()):
        return "a request for this person stands already"
    return None


def _kept_out(ledger: Ledger, case: Case, person: str) -> bool:
    report = ledger.room(case.rooms["report"])
    without = case.recused | (holders.left_out(report, ledger.mechanism) if report else frozenset())
    return holders.stands_for(ledger.mechanism, person, without)


@rule(
    "recovery-approved-by-holders",
    "whoever agrees holds a share of what is restored, and is not who gets it",
    "recovery.approved",
)
def recovery_approved_by_holders(ledger: Ledger, event: Event, _: int) -> str | None:
    found = asked(ledger, event)
    if found is None or not found[1].is_recovery or not found[1].standing:
        return "no such request stands"
    case, request = found
    if event.by == request.to:
        return "nobody agrees to a request for themselves"
    if event.by in request.approved:
        return "this holder has agreed already"
    rooms = {stream for stream, _ in wanted_epochs(ledger, case, request)}
    if not any(holders.holds_share(ledger.room(stream), event.by) for stream in rooms):
        return "whoever agrees holds a share of one of these rooms"
    return None


def recovered(ledger: Ledger, room: Room, person: str) -> Request | None:
    """The standing recovery by which this person may give themselves access to the room, or None."""
    case = ledger.case(room.case)
    for request in case.requests.values() if case else ():
        if request.is_recovery and request.to == person and request.standing and room.stream in request.rooms:
            return request
    return None


@rule(
    "recovered-by-enough-shares",
    "whoever lost a key takes back what enough released shares open, and nothing else",
    "access.granted",
)
def recovered_by_enough_shares(ledger: Ledger, event: Event, _: int) -> str | None:
    room = ledger.room(event.stream)
    if room is None or event.text("reader") != event.by:
        return None
    request = recovered(ledger, room, event.by)
    if request is None:
        return "nobody gives themselves access, but after a recovery"
    if request.until is None or event.at >= request.until:
        return f"the time of the released shares was over on {request.until}"
    epochs = [int(str(wrap["epoch"])) for wrap in event.records("wraps")]
    if len(set(epochs)) != len(epochs) or room.epoch not in epochs:
        return "what is taken back is the current epoch, and earlier ones that shares open"
    for epoch in epochs:
        needed = holders.threshold_of(room, epoch, ledger.mechanism) if epoch <= room.epoch else 0
        if not needed or len(request.shares_of(room.stream, epoch)) < needed:
            return f"not enough shares of epoch {epoch} are released"
    return None
