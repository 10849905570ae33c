"""Rooms: who may write, in which epoch, and who is given or loses access."""

from meyasubako.domain import kinds, rooms
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.people import Mechanism
from meyasubako.domain.rooms import Room
from meyasubako.domain.rules.registry import rule

# Which rooms a kind stands in, and who may write it there: the reporter, everybody who reads the room, or
# only those whose work it is.
_PLACES: dict[str, dict[str, tuple[str, ...]]] = {
    "report.added": {"report": ("reporter",), "identity": ("reporter",)},
    "message.posted": {
        "dialogue": ("reporter", "workers"),
        "mediation": ("reporter", "readers"),
        "respondent": ("readers",),
    },
    "note.added": {"team": ("readers",), "request": ("readers",)},
    # In the report's room where the reporter asked to read it: else the receipt would go on opening that.
    "mailbox.closed_to_reading": dict.fromkeys(("report", "dialogue", "mediation"), ("reporter",)),
    "room.advanced": {
        **dict.fromkeys(("report", "dialogue", "mediation"), ("reporter", "readers")),
        "identity": ("reporter",),
        **dict.fromkeys(("team", "respondent", "request"), ("readers",)),
    },
    "access.granted": dict.fromkeys(
        ("report", "dialogue", "team", "mediation", "respondent"), ("workers", "recovered")
    ),
    "wrap.disputed": dict.fromkeys(kinds.ROOMS, ("readers",)),
}
# Rooms that a reporter writes in from the start; in others only once they joined.
_THEIRS = frozenset({"report", "dialogue", "identity"})
_SEALED = tuple(
    kind.name
    for kind in kinds.KINDS.values()
    if "sealed_by" in kind.body.fields and kind.name != "report.submitted"
)
_WRITES = ("report.added", "message.posted", "note.added")


def is_reader(mechanism: Mechanism, room: Room, key_id: str) -> bool:
    """Whether somebody of the roster reads the room now: staff, the channel's fallback, or a guest."""
    return key_id != room.reporter and key_id in rooms.present(room, mechanism)


def is_staff(mechanism: Mechanism, room: Room, key_id: str) -> bool:
    """Whether the room is this person's work now, as staff or as the channel's fallback."""
    return key_id != room.reporter and key_id in rooms.working(room, mechanism)


def ever_read(room: Room | None, key_id: str) -> bool:
    """Whether the room's key was ever wrapped to somebody, whatever happened since."""
    return room is not None and any(wrap.reader == key_id for wrap in room.wraps)


def _may(mechanism: Mechanism, room: Room, event: Event, who: str) -> bool:
    """Whether an event's author is one of these people of the room."""
    match who:
        case "reporter":
            return event.by == room.reporter and (room.name in _THEIRS or event.by in room.readers)
        case "readers":
            return is_reader(mechanism, room, event.by)
        case "workers":
            return is_staff(mechanism, room, event.by)
        case _:
            # "recovered": what that takes is asked by a rule of its own.
            return event.kind == "access.granted" and event.text("reader") == event.by


@rule("room-writer", "who may write is who may read, and the reporter where the room is theirs", *_PLACES)
def room_writer(ledger: Ledger, event: Event, _: int) -> str | None:
    room = ledger.room(event.stream)
    if room is None:
        return "the room does not exist"
    allowed = _PLACES[event.kind].get(room.name)
    if allowed is None:
        return f"{event.kind} does not stand in a {room.name} room"
    for who in allowed:
        if _may(ledger.mechanism, room, event, who):
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
    staff = rooms.working(report, ledger.mechanism)
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
    works = person is not None and any(person.has(role, room.channel) for role in rooms.WORKERS[room.name])
    visits = person is not None and any(person.has(role, room.channel) for role in rooms.GUESTS[room.name])
    if not works and not visits:
        return f"the new reader is not a usable person of the channel who may read a {room.name} room"
    if reader in room.readers:
        return "the new reader has access already"
    epochs = [int(str(wrap["epoch"])) for wrap in event.records("wraps")]
    if reader == event.by:
        pass  # after a recovery, what enough shares open: see there
    elif works and room.name != "mediation":
        if epochs != list(range(1, room.epoch + 1)):
            return "a handler is given every epoch of the room, in order"
    elif epochs != [room.epoch]:
        return "a guest and a mediator are given the current epoch, and nothing of what was said before"
    case = ledger.case(room.case)
    report = ledger.room(case.rooms["report"]) if case else None
    if room.name == "team" and (report is None or not is_reader(ledger.mechanism, report, reader)):
        return "the team room is for people who read the report"
    if (
        room.name == "respondent"
        and works
        and (report is None or not is_staff(ledger.mechanism, report, reader))
    ):
        return "what was released is handled by people who work on the report"
    return None


@rule(
    "mediation-stays-apart",
    "what is said in a mediation is never read by anybody who was given the report, nor the other way round",
    "access.granted",
)
def mediation_stays_apart(ledger: Ledger, event: Event, _: int) -> str | None:
    room, reader = ledger.room(event.stream), event.text("reader")
    case = ledger.case(room.case) if room else None
    if room is None or case is None:
        return "the room does not exist"
    if room.name == "mediation":
        if ever_read(ledger.room(case.rooms["report"]), reader):
            return "the new reader was given the report once"
    elif any(each.name == "mediation" and ever_read(each, reader) for each in ledger.rooms_of(case.stream)):
        return "the new reader was in the case's mediation"
    return None


@rule("revoke-a-reader", "a colleague or a steward takes access away; it needs no key", "access.revoked")
def revoke_a_reader(ledger: Ledger, event: Event, _: int) -> str | None:
    room, reader = ledger.room(event.stream), event.text("reader")
    if room is None or reader not in room.readers or reader == room.reporter:
        return "the person to lose access does not have it as staff"
    person = ledger.mechanism.active(event.by)
    if is_staff(ledger.mechanism, room, event.by) or (
        person and (person.has("steward") or event.by == reader)
    ):
        return None
    return "access is taken away by somebody whose work the room is, by a steward, or by the reader"


@rule(
    "disputed-wrap-is-ones-own",
    "only whoever was given a wrap can say that it does not open",
    "wrap.disputed",
)
def disputed_wrap_is_ones_own(ledger: Ledger, event: Event, _: int) -> str | None:
    room, epoch = ledger.room(event.stream), event.number("epoch")
    mine = room is not None and any(wrap.reader == event.by and wrap.epoch == epoch for wrap in room.wraps)
    if room is None or not mine:
        return "no key of this epoch was wrapped to whoever disputes it"
    return "it is disputed already" if (event.by, epoch) in room.disputed else None


@rule("mailbox-closes-once", "a mailbox that is closed to reading stays closed", "mailbox.closed_to_reading")
def mailbox_closes_once(ledger: Ledger, event: Event, _: int) -> str | None:
    room = ledger.room(event.stream)
    return "the mailbox is closed to reading already" if room is None or room.closed_to_reading else None
