"""Requests to open an identity, or to restore lost access: who asked, who agreed, whose shares are out.

Two phases: first enough holders agree, only then shares are released, sealed to the one person who asked for
them or for whom they were asked. What was released leaves the vault on the day that the release fixed, or at
once when a holder refuses. One holder's refusal is enough: whoever holds a share stands for the reporter.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from meyasubako.domain.envelope import Event

KINDS: Final = frozenset(
    {
        "identity.requested",
        "identity.approved",
        "identity.refused",
        "share.released",
        "identity.opened",
        "identity.expired",
        "disclosure.ordered",
        "disclosure.made",
        "recovery.requested",
        "recovery.approved",
    }
)
RECOVERY: Final = "recovery"
BREAK_GLASS: Final = "break_glass"
COURT_ORDER: Final = "court_order"
# How long shares may be out, and how long they are if nobody says otherwise.
LONGEST: Final = timedelta(days=14)
USUAL: Final = timedelta(days=7)
# How long the same person may not ask again without new grounds.
BARRED: Final = timedelta(days=30)
# Within which time custodians look at what was opened without them: 72 hours.
REVIEWED_WITHIN: Final = timedelta(days=3)


class Released(msgspec.Struct, frozen=True):
    """One share that a holder released: of which room and epoch, under which digest."""

    holder: str
    room: str
    epoch: int
    digest: str


class Request(msgspec.Struct, frozen=True):
    """One request; `to` is the key id that shares are sealed to, `rooms` are those that they open.

    An identity request has the `request` room in which its motive stands; a recovery has none.
    """

    leaf: str
    by: str
    on: date
    to: str
    ground: str
    rooms: frozenset[str] = frozenset()
    discussed_in: str = ""
    motive: str = ""
    order: str = ""
    approved: frozenset[str] = frozenset()
    answered_on: date | None = None
    refused_on: date | None = None
    refused_by: str = ""
    reason: str = ""
    released: tuple[Released, ...] = ()
    released_on: date | None = None
    until: date | None = None
    opened_on: date | None = None
    opened_epoch: int = 0
    withheld_until: date | None = None
    expired_on: date | None = None

    @property
    def standing(self) -> bool:
        """Whether the request is neither refused nor over."""
        return self.refused_on is None and self.expired_on is None

    @property
    def is_recovery(self) -> bool:
        """Whether somebody's lost access is to be restored, rather than an identity opened."""
        return self.ground == RECOVERY

    def shares_of(self, room: str, epoch: int) -> frozenset[str]:
        """Who has released a share of this epoch."""
        return frozenset(each.holder for each in self.released if (each.room, each.epoch) == (room, epoch))

    def released_by(self, holder: str) -> frozenset[tuple[str, int]]:
        """The (room, epoch) of every share that this holder has released."""
        return frozenset((each.room, each.epoch) for each in self.released if each.holder == holder)

    @property
    def unreviewed_since(self) -> date | None:
        """Since when shares are out that custodians have not looked at yet; break-glass only."""
        if self.ground != BREAK_GLASS or self.answered_on is not None:
            return None
        return self.released_on


class Order(msgspec.Struct, frozen=True):
    """A court's order: when it was put down, whether the reporter was told, and when that is looked at."""

    leaf: str
    on: date
    by: str = ""
    message: str = ""
    ground: str = ""
    review: date | None = None
    disclosed_on: date | None = None


Requests = Mapping[str, Request]
Orders = Mapping[str, Order]


def fold(requests: Requests, orders: Orders, event: Event) -> tuple[Requests, Orders]:
    """The requests and orders of a case after one more event of its stream."""
    match event.kind:
        case "identity.requested" | "recovery.requested":
            return {**requests, event.leaf: _requested(event)}, orders
        case "disclosure.ordered":
            return requests, {**orders, event.leaf: _ordered(event)}
        case "disclosure.made":
            order = replace(orders[event.text("order")], disclosed_on=event.at)
            return requests, {**orders, order.leaf: order}
        case _:
            request = _answered(requests[event.text("request")], event)
            return {**requests, request.leaf: request}, orders


def _requested(event: Event) -> Request:
    if event.kind == "recovery.requested":
        rooms = frozenset(event.texts("rooms"))
        return Request(event.leaf, event.by, event.at, event.text("person"), RECOVERY, rooms)
    return Request(
        event.leaf,
        event.by,
        event.at,
        event.by,
        event.text("ground"),
        discussed_in=event.text("room"),
        motive=event.text("motive"),
        order=str(event.body.get("order", "")),
    )


def _review(event: Event) -> date | None:
    review = event.body.get("review")
    return date.fromisoformat(str(review)) if review else None


def _ordered(event: Event) -> Order:
    return Order(
        event.leaf,
        event.at,
        event.by,
        str(event.body.get("message", "")),
        str(event.body.get("ground", "")),
        _review(event),
    )


def _answered(request: Request, event: Event) -> Request:
    answered = request.answered_on or event.at
    match event.kind:
        case "identity.approved" | "recovery.approved":
            return replace(request, approved=request.approved | {event.by}, answered_on=answered)
        case "identity.refused":
            return replace(
                request,
                refused_on=event.at,
                refused_by=event.by,
                reason=event.text("reason"),
                answered_on=answered,
            )
        case "share.released":
            released = tuple(
                Released(event.by, str(share["room"]), int(str(share["epoch"])), str(share["sha256"]))
                for share in event.records("shares")
            )
            return replace(
                request,
                released=(*request.released, *released),
                released_on=request.released_on or event.at,
                until=request.until or date.fromisoformat(event.text("until")),
            )
        case "identity.opened":
            return replace(
                request,
                opened_on=event.at,
                opened_epoch=event.number("epoch"),
                withheld_until=_review(event),
            )
        case _:
            return replace(request, expired_on=event.at)


def due(request: Request, today: date) -> bool:
    """Whether the shares of this request must be gone by now, and nobody has said so yet."""
    return request.until is not None and request.standing and today >= request.until
