"""Shares of a room's key: exactly those who hold them, one size, checked at first sight."""

from typing import Final

from meyasubako.crypto import age
from meyasubako.crypto.age import HYBRID_HEADER_SIZE
from meyasubako.crypto.archive import IDENTITY_SIZE
from meyasubako.crypto.shares import SHARE_SIZE
from meyasubako.domain import holders, kinds
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event
from meyasubako.domain.holders import Holding
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rooms import Room
from meyasubako.domain.rules.registry import rule

SEALED_SHARE: Final = age.sealed_size(SHARE_SIZE, HYBRID_HEADER_SIZE)
SEALED_IDENTITY: Final = age.sealed_size(IDENTITY_SIZE, HYBRID_HEADER_SIZE)


def _given(event: Event) -> list[str]:
    return [str(share["holder"]) for share in event.records("shares")]


@rule(
    "shares-exactly",
    "whoever was left out of a case holds no share of it, and whoever was not left out holds one",
    "room.opened",
    "room.advanced",
)
def shares_exactly(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case_of(event)
    if case is None:
        return "the room belongs to no case"
    if event.kind == "room.advanced":
        room = ledger.room(event.stream)
        return "the room does not exist" if room is None else _next(ledger, room, event)
    if event.by == case.reporter:
        return _first(ledger, case, event)
    return _opened(ledger, case, event)


def _first(ledger: Ledger, case: Case, event: Event) -> str | None:
    """The reporter's choice stays sealed: any of those appointed may be missing, if enough are left."""
    name, given = event.text("room"), _given(event)
    found = holders.appointed(ledger.mechanism, ledger.mechanism.channels[case.channel], name)
    if event.body.get("appointed") != (found.leaf if found else None):
        return "the room does not name who was appointed last to hold its shares"
    if found is None:
        return "nobody is appointed to hold shares of this room" if given or name == kinds.IDENTITY else None
    if not given:
        return "an identity that nobody holds shares of is lost" if name == kinds.IDENTITY else None
    if len(set(given)) != len(given) or not set(given) <= set(found.people):
        return "shares are for people who are appointed, one each"
    channel = ledger.mechanism.channels[case.channel]
    left = holders.holding(ledger.mechanism, channel, name, found.people.keys() - set(given))
    if left is None or not left.people:
        return f"at least {found.threshold} hold shares, for recovery one of them from outside"
    report = ledger.room(case.rooms["report"])
    if name == "dialogue" and report is not None and set(given) != holders.holders_of(report, 1):
        return "the same people hold shares of the rooms of one report"
    return None


def _opened(ledger: Ledger, case: Case, event: Event) -> str | None:
    report = ledger.room(case.rooms["report"])
    channel = ledger.mechanism.channels[case.channel]
    without = holders.left_out(report, ledger.mechanism) if report else frozenset[str]()
    return _differs(event, holders.holding(ledger.mechanism, channel, event.text("room"), without))


def _next(ledger: Ledger, room: Room, event: Event) -> str | None:
    return _differs(event, holders.next_holding(room, ledger.mechanism))


def _differs(event: Event, wanted: Holding | None) -> str | None:
    if event.body.get("appointed") != (wanted.leaf if wanted else None):
        return "the room does not name who was appointed last to hold its shares"
    given = _given(event)
    if len(set(given)) != len(given) or set(given) != set(wanted.people if wanted else ()):
        return "shares of the room's key are for exactly those who are appointed and not left out"
    return None


@rule(
    "share-size",
    "a share is 33 bytes for one holder, so its size is one and the same",
    "room.opened",
    "room.advanced",
    "share.released",
)
def share_size(_: Ledger, event: Event, __: int) -> str | None:
    if any(share["size"] != SEALED_SHARE for share in event.records("shares")):
        return f"a sealed share is exactly {SEALED_SHARE} bytes"
    return None


@rule(
    "identity-size",
    "what somebody tells of themselves has one size, so that it does not tell how much",
    "report.submitted",
    "report.added",
)
def identity_size(ledger: Ledger, event: Event, _: int) -> str | None:
    if event.kind == "report.added":
        room = ledger.room(event.stream)
        if room is None or room.name != kinds.IDENTITY:
            return None
        if event.records("files"):
            return "an identity is told without files"
        told = event.body["addition"]
    elif "identity" not in event.body:
        return None
    else:
        told = event.body["identity"]
    if not isinstance(told, dict) or told["size"] != SEALED_IDENTITY:
        return f"a sealed identity is exactly {SEALED_IDENTITY} bytes"
    return None


@rule(
    "identity-has-its-room",
    "an identity is sealed to a room of its own, which nobody reads",
    "report.submitted",
    "room.opened",
)
def identity_has_its_room(_: Ledger, event: Event, __: int) -> str | None:
    if event.kind == "report.submitted":
        rooms = event.body["rooms"]
        named = isinstance(rooms, dict) and kinds.IDENTITY in rooms
        return None if named == ("identity" in event.body) else "an identity and its room come together"
    if event.text("room") != kinds.IDENTITY:
        return None
    return "nobody reads an identity: its key is given out in shares only" if event.records("wraps") else None


@rule(
    "custodians-read-no-report",
    "whoever holds a share of an identity never reads the report beside it",
    "room.opened",
    "room.advanced",
    "access.granted",
)
def custodians_read_no_report(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case_of(event)
    stream = case.rooms.get(kinds.IDENTITY) if case else None
    identity = ledger.room(stream) if stream else None
    if case is None or stream is None:
        return None
    room = ledger.room(event.stream)
    name = event.text("room") if event.kind == "room.opened" else room.name if room else ""
    if name == kinds.IDENTITY:
        readers = holders.readers_now(ledger.room(case.rooms["report"]), ledger.mechanism)
        return "somebody reads the report and would hold a share" if readers & set(_given(event)) else None
    if name == "request" or identity is None:
        return None
    given = {str(wrap["reader"]) for wrap in event.records("wraps") if "reader" in wrap}
    given |= {event.text("reader")} if event.kind == "access.granted" else set()
    if any(holders.holds_share(identity, reader) for reader in given):
        return "somebody holds a share of the identity and would read the case"
    return None


@rule(
    "holders-check-their-own",
    "each holder says once of each share whether it is what the room promised",
    "share.checked",
    "share.disputed",
)
def holders_check_their_own(ledger: Ledger, event: Event, _: int) -> str | None:
    room, epoch = ledger.room(event.stream), event.number("epoch")
    if room is None or ledger.mechanism.active(event.by) is None:
        return "whoever checks a share is an active person of the roster"
    if event.by not in holders.holders_of(room, epoch):
        return "whoever checks a share holds one of this epoch"
    if (event.by, epoch) in room.checked | room.doubted:
        return "this share was looked at already"
    return None
