"""Rooms: who may write, in which epoch, and who is given or loses access."""

from meyasubako.domain import kinds, rooms
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.people import Mechanism
from meyasubako.domain.rooms import Room
from meyasubako.domain.rules.registry import rule

# Which rooms a kind stands in, and whether the reporter or the staff may write it there.
_PLACES: dict[str, dict[str, tuple[str, ...]]] = {
    "report.added": {"report": ("reporter",)},
    "message.posted": {"dialogue": ("reporter", "staff")},
    "note.added": {"team": ("staff",)},
    # In the report's room where the reporter asked to read it: else the receipt would go on opening that.
    "mailbox.closed_to_reading": {"report": ("reporter",), "dialogue": ("reporter",)},
    "room.advanced": {"report": ("reporter", "staff"), "dialogue": ("reporter", "staff"), "team": ("staff",)},
    "access.granted": {"report": ("staff",), "dialogue": ("staff",), "team": ("staff",)},
}
_SEALED = tuple(
    kind.name
    for kind in kinds.KINDS.values()
    if "sealed_by" in kind.body.fields and kind.name != "report.submitted"
)
_WRITES = ("report.added", "message.posted", "note.added")


def is_staff(mechanism: Mechanism, room: Room, key_id: str) -> bool:
    """Whether this person reads the room now, as staff or as the channel's fallback."""
    return key_id != room.reporter and key_id in rooms.present(room, mechanism)


@rule("room-writer", "who may write is who may read, and the reporter where the room is theirs", *_PLACES)
def room_writer(ledger: Ledger, event: Event, _: int) -> str | None:
    room = ledger.room(event.stream)
    if room is None:
        return "the room does not exist"
    allowed = _PLACES[event.kind].get(room.name)
    if allowed is None:
        return f"{event.kind} does not stand in a {room.name} room"
    if "reporter" in allowed and event.by == room.reporter:
        return None
    if "staff" in allowed and is_staff(ledger.mechanism, room, event.by):
        return None
    return "whoever wrote this may not write in this room now"


@rule(
    "sealed-by-is-the-reporters",
    "only a reporter's event says where it was sealed, and each of them does",
    *_SEALED,
)
def sealed_by(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case_of(event)
    by_reporter = case is not None and event.by == case.reporter
    return (
        None if by_reporter == ("sealed_by" in event.body) else "sealed_by stands in reporters' events only"
    )


@rule(
    "epoch-is-fresh",
    "nothing is sealed to an epoch whose key somebody holds who may no longer read",
    *_WRITES,
)
def epoch_is_fresh(ledger: Ledger, event: Event, _: int) -> str | None:
    room = ledger.room(event.stream)
    if room is None or event.number("epoch") != room.epoch:
        return "the event is not sealed to the room's current epoch"
    if rooms.stale(room, ledger.mechanism):
        return "the room's epoch is stale: whoever writes next advances it first"
    return None


@rule(
    "advance-wraps-exactly",
    "an advance gives the new key to exactly the people who may read",
    "room.advanced",
)
def advance_wraps_exactly(ledger: Ledger, event: Event, _: int) -> str | None:
    room = ledger.room(event.stream)
    if room is None or event.number("epoch") != room.epoch + 1:
        return "an advance begins the epoch after the current one"
    if event.text("recipient") in room.recipients:
        return "an epoch has a key of its own"
    readers = [str(wrap["reader"]) for wrap in event.records("wraps")]
    if len(set(readers)) != len(readers) or set(readers) != rooms.present(room, ledger.mechanism):
        return "an advance wraps to exactly the room's present readers"
    return None


@rule(
    "team-opened-by-staff",
    "the first of a case's handlers opens the team room, for people who read the report",
    "room.opened",
)
def team_opened_by_staff(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case(event.text("case"))
    if case is None or event.text("room") != "team":
        return None
    report = ledger.room(case.rooms["report"])
    if report is None or not is_staff(ledger.mechanism, report, event.by):
        return "the team room is opened by somebody who reads the report"
    staff = rooms.present(report, ledger.mechanism) - {case.reporter}
    readers = {str(wrap["reader"]) for wrap in event.records("wraps")}
    if event.by not in readers or not readers <= staff:
        return "the team room is for whoever opens it and others who read the report"
    return None


@rule(
    "grant-to-waited-handler",
    "access is given to people of the channel past their waiting time, whole",
    "access.granted",
)
def grant_to_waited_handler(ledger: Ledger, event: Event, _: int) -> str | None:
    room, reader = ledger.room(event.stream), event.text("reader")
    if room is None:
        return "the room does not exist"
    marker = ledger.mechanism.last_marker
    person = ledger.mechanism.usable(reader, marker.slot if marker else -1)
    if person is None or not (person.has("intake", room.channel) or person.has("handler", room.channel)):
        return "the new reader is not a usable intake person or handler of the channel"
    if reader in room.readers:
        return "the new reader has access already"
    epochs = [int(str(wrap["epoch"])) for wrap in event.records("wraps")]
    if epochs != list(range(1, room.epoch + 1)):
        return "a handler is given every epoch of the room, in order"
    if room.name == "team":
        case = ledger.case(room.case)
        report = ledger.room(case.rooms["report"]) if case else None
        if report is None or reader not in rooms.present(report, ledger.mechanism):
            return "the team room is for people who read the report"
    return None


@rule("revoke-a-reader", "a colleague or a steward takes access away; it needs no key", "access.revoked")
def revoke_a_reader(ledger: Ledger, event: Event, _: int) -> str | None:
    room, reader = ledger.room(event.stream), event.text("reader")
    if room is None or reader not in room.readers or reader == room.reporter:
        return "the person to lose access does not have it as staff"
    person = ledger.mechanism.active(event.by)
    if is_staff(ledger.mechanism, room, event.by) or (person and person.has("steward")):
        return None
    return "access is taken away by somebody who reads the room, or by a steward"


@rule("mailbox-closes-once", "a mailbox that is closed to reading stays closed", "mailbox.closed_to_reading")
def mailbox_closes_once(ledger: Ledger, event: Event, _: int) -> str | None:
    room = ledger.room(event.stream)
    return "the mailbox is closed to reading already" if room is None or room.closed_to_reading else None
