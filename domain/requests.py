"""Requests to open an identity, or to restore lost access: who asked, who agreed, whose shares are out.

Two phases: first enough holders agree, only then shares are released, sealed to the one person who asked for
them or for whom they were asked. What was released leaves the vault on the day that the release fixed.
"""

from collections.abc import Mapping
from datetime import date
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
    refused_on: date | None = None
    refused_by: str = ""
    released: tuple[Released, ...] = ()
    until: date | None = None
    opened_on: date | None = None
    expired_on: date | None = None

    @property
    def standing(self) -> bool:
        """Whether the request is neither refused nor over."""
        return self.refused_on is None and self.expired_on is None


class Order(msgspec.Struct, frozen=True):
    """A court's order: when it was put down, whether the reporter was told, and when that is looked at."""

    leaf: str
    on: date
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
        rooms = event.body["rooms"]
        named = frozenset(str(room) for room in rooms) if isinstance(rooms, list) else frozenset[str]()
        return Request(event.leaf, event.by, event.at, event.text("person"), "recovery", named)
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


def _ordered(event: Event) -> Order:
    review = event.body.get("review")
    return Order(
        event.leaf,
        event.at,
        str(event.body.get("message", "")),
        str(event.body.get("ground", "")),
        date.fromisoformat(str(review)) if review else None,
    )


def _answered(request: Request, event: Event) -> Request:
    match event.kind:
        case "identity.approved" | "recovery.approved":
            return replace(request, approved=request.approved | {event.by})
        case "identity.refused":
            return replace(request, refused_on=event.at, refused_by=event.by)
        case "share.released":
            released = tuple(
                Released(event.by, str(share["room"]), int(str(share["epoch"])), str(share["sha256"]))
                for share in event.records("shares")
            )
            until = date.fromisoformat(event.text("until"))
            return replace(request, released=(*request.released, *released), until=request.until or until)
        case "identity.opened":
            return replace(request, opened_on=event.at)
        case _:
            return replace(request, expired_on=event.at)
