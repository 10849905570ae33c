"""Opening an identity: who asks and in which words, who agrees, what is released, for how long, who is told.

- Two phases: k custodians agree to one request by one person; only then shares are released, to that one key.
- What was refused stays refused for 30 days, unless there are new grounds.
- In danger (break-glass) shares may be released at once; custodians look at it within 72 hours.
- Nobody reads what shares open before it is in the log how the reporter is told.
"""

from datetime import date, timedelta
from typing import Final

from meyasubako.domain import holders, kinds, requests
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.requests import Request
from meyasubako.domain.rooms import Room
from meyasubako.domain.rules.registry import rule
from meyasubako.domain.rules.rooms import is_staff

_LONGEST_SECRET: Final = timedelta(days=366)


def asked(ledger: Ledger, event: Event) -> tuple[Case, Request] | None:
    """The case and the request that an event answers, or None."""
    case = ledger.case(event.stream)
    request = case.requests.get(event.text("request")) if case else None
    return (case, request) if case and request else None


def wanted_epochs(ledger: Ledger, case: Case, request: Request) -> dict[tuple[str, int], int]:
    """Each (room, epoch) that a request would open, as far as there are shares, and how many it takes."""
    streams = request.rooms if request.is_recovery else {case.rooms.get(kinds.IDENTITY, "")}
    found = [room for stream in sorted(streams) if (room := ledger.room(stream))]
    return {
        (room.stream, epoch): holders.threshold_of(room, epoch, ledger.mechanism)
        for room in found
        for epoch in holders.shared_epochs(room)
    }


def enough_released(ledger: Ledger, case: Case, request: Request) -> bool:
    """Whether so many shares are released that every epoch with shares opens."""
    wanted = wanted_epochs(ledger, case, request)
    return bool(wanted) and all(len(request.shares_of(*place)) >= k for place, k in wanted.items())


def approvals_needed(ledger: Ledger, case: Case, request: Request) -> int:
    """How many holders agree before shares are released."""
    return max(wanted_epochs(ledger, case, request).values(), default=holders.FEWEST)


def may_be_shown(ledger: Ledger, case: Case, person: str) -> bool:
    """Whether somebody may fetch the identity now: their request was opened, its time is not over, and they
    still work on the case.
    """
    opened = any(
        request.to == person and request.opened_on is not None and request.standing
        for request in case.requests.values()
        if not request.is_recovery
    )
    return opened and _works_on(ledger, case, person)


def _works_on(ledger: Ledger, case: Case, person: str) -> bool:
    report = ledger.room(case.rooms["report"])
    return report is not None and is_staff(ledger.mechanism, report, person)


def _identity(ledger: Ledger, case: Case) -> Room | None:
    stream = case.rooms.get(kinds.IDENTITY)
    return ledger.room(stream) if stream else None


def _own_note(ledger: Ledger, case: Case, room: str, note: str, author: str) -> bool:
    """Whether a note stands in a room of the case that the reporter does not read, by this author."""
    found = ledger.room(room)
    if found is None or found.case != case.stream or found.name not in ("request", "team"):
        return False
    return found.notes.get(note) == author


@rule(
    "identity-asked-with-a-motive",
    "who a reporter is, is asked for by one person, in words that the custodians read",
    "identity.requested",
)
def identity_asked_with_a_motive(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case(event.stream)
    if case is None or _identity(ledger, case) is None:
        return "the reporter of this case told nobody who they are"
    room = ledger.room(event.text("room"))
    if room is None or room.name != "request" or room.case != case.stream or room.begun_by != event.by:
        return "the request is discussed in a request room of this case, opened by whoever asks"
    if room.notes.get(event.text("motive")) != event.by:
        return "the motive is a note of whoever asks, in that room"
    if any(each.motive == event.text("motive") for each in case.requests.values()):
        return "each request has a motive of its own"
    if any(each.standing and each.to == event.by for each in _identity_requests(case)):
        return "a request of this person stands already"
    by_order = event.text("ground") == requests.COURT_ORDER
    if by_order != ("order" in event.body):
        return "an order is named where the ground is a court's order, and only there"
    if by_order and event.text("order") not in case.orders:
        return "the order was not put down in this case"
    return None


def _identity_requests(case: Case) -> tuple[Request, ...]:
    return tuple(each for each in case.requests.values() if not each.is_recovery)


@rule(
    "refused-stays-refused",
    "who was refused does not ask the same again until it is granted",
    "identity.requested",
)
def refused_stays_refused(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case(event.stream)
    grounds = (event.text("ground"), str(event.body.get("order", "")))
    for each in _identity_requests(case) if case else ():
        if each.refused_on is None or each.to != event.by or (each.ground, each.order) != grounds:
            continue
        if event.at - each.refused_on < requests.BARRED:
            return f"this was refused on {each.refused_on}: it needs new grounds, or 30 days"
    return None


@rule(
    "custodians-answer-once",
    "whoever holds a share of the identity agrees or refuses, once, and gives the reason to whoever asked",
    "identity.approved",
    "identity.refused",
)
def custodians_answer_once(ledger: Ledger, event: Event, _: int) -> str | None:
    found = asked(ledger, event)
    if found is None or found[1].is_recovery:
        return "the request does not exist"
    case, request = found
    if not holders.holds_share(_identity(ledger, case), event.by):
        return "whoever answers holds a share of this identity"
    # What was opened in danger is looked at afterwards, even when its time is over.
    late = request.ground == requests.BREAK_GLASS and request.refused_on is None
    if not (request.standing or late):
        return "the request was refused already, or its time is over"
    if event.by in request.approved:
        return "this custodian has answered already"
    if event.kind == "identity.refused" and not _own_note(
        ledger, case, request.discussed_in, event.text("reason"), event.by
    ):
        return "the reason is a note of the custodian's own, where the request is discussed"
    return None


@rule(
    "no-share-before-approval",
    "no share leaves its holder's hands before enough holders agreed, and none after the time is over",
    "share.released",
)
def no_share_before_approval(ledger: Ledger, event: Event, _: int) -> str | None:
    found = asked(ledger, event)
    if found is None or not found[1].standing:
        return "no such request stands"
    case, request = found
    needed = approvals_needed(ledger, case, request)
    if request.ground != requests.BREAK_GLASS and len(request.approved) < needed:
        return f"{len(request.approved)} of {needed} holders have agreed"
    if not request.is_recovery and not _works_on(ledger, case, request.to):
        return "whoever asked does not work on the case any more"
    until = date.fromisoformat(event.text("until"))
    if request.until is not None and until != request.until:
        return f"the first release fixed the day on which the time is over: {request.until}"
    if not timedelta() < until - event.at <= requests.LONGEST:
        return f"shares are out for at least a day and at most {requests.LONGEST.days} days"
    return None


@rule(
    "shares-are-ones-own-to-release",
    "each holder releases the shares that they hold, of what was asked for, once",
    "share.released",
)
def shares_are_ones_own_to_release(ledger: Ledger, event: Event, _: int) -> str | None:
    found = asked(ledger, event)
    if found is None:
        return "the request does not exist"
    case, request = found
    if event.by == request.to:
        return "nobody releases a share to themselves"
    wanted = wanted_epochs(ledger, case, request)
    places = [(str(share["room"]), int(str(share["epoch"]))) for share in event.records("shares")]
    if len(set(places)) != len(places) or set(places) & request.released_by(event.by):
        return "a share is released once"
    for stream, epoch in places:
        room = ledger.room(stream)
        if (stream, epoch) not in wanted or room is None:
            return "a share is released that the request does not ask for"
        if event.by not in holders.holders_of(room, epoch):
            return "whoever releases a share holds it"
    return None


def _told_or_withheld(ledger: Ledger, case: Case, event: Event, room: str) -> str | None:
    """The reporter is told; or it is sealed why not, and said by when that is looked at again."""
    withheld = {"ground", "review"} & event.body.keys()
    if "message" in event.body:
        return "the reporter is told, or it is withheld from them: not both" if withheld else None
    if len(withheld) != len({"ground", "review"}):
        return "the reporter is told, or a sealed ground says why not and when that is looked at again"
    if not _own_note(ledger, case, room, event.text("ground"), event.by):
        return "the ground for telling the reporter later is a note of the author's own in this case"
    ahead = date.fromisoformat(event.text("review")) - event.at
    return None if timedelta() < ahead <= _LONGEST_SECRET else "the day of review lies ahead, within a year"


@rule(
    "opening-is-told",
    "an identity is opened by whoever asked, after enough shares, once, and the reporter is told",
    "identity.opened",
)
def opening_is_told(ledger: Ledger, event: Event, _: int) -> str | None:
    found = asked(ledger, event)
    if found is None or found[1].is_recovery or not found[1].standing:
        return "no such request stands"
    case, request = found
    if not _works_on(ledger, case, event.by):
        return "whoever asked does not work on the case any more"
    identity = _identity(ledger, case)
    if identity is None or event.number("epoch") != identity.epoch:
        return "what is opened is the identity's current epoch"
    if not enough_released(ledger, case, request):
        return "not enough shares are released"
    if request.opened_on is not None:
        return "the identity was opened on this request already"
    if request.until is None or event.at >= request.until:
        return f"the time was over on {request.until}"
    return _told_or_withheld(ledger, case, event, request.discussed_in)


@rule(
    "expires-on-its-day",
    "what was released is out for as long as the release said, and no longer",
    "identity.expired",
)
def expires_on_its_day(ledger: Ledger, event: Event, _: int) -> str | None:
    found = asked(ledger, event)
    if found is None or not found[1].standing:
        return "no such request stands"
    until = found[1].until
    if until is None or event.at < until:
        return "the time of what was released is not over"
    return None


@rule(
    "order-is-told",
    "a court's order is put down before anything is given, and the reporter is told or it is said why not",
    "disclosure.ordered",
)
def order_is_told(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case(event.stream)
    if case is None or not _own_note(ledger, case, event.text("room"), event.text("note"), event.by):
        return "what the order says stands in a note of the author's own, in a room of this case"
    return _told_or_withheld(ledger, case, event, event.text("room"))


@rule("disclosure-follows-an-order", "what is given to a court is given once, on an order", "disclosure.made")
def disclosure_follows_an_order(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case(event.stream)
    order = case.orders.get(event.text("order")) if case else None
    if order is None:
        return "the order was not put down in this case"
    return "what this order asks for was given already" if order.disclosed_on else None
