"""A report: the reporter's own key, readers that were on the roster they saw, rooms opened beside it."""

from meyasubako.crypto.errors import BadKeyError
from meyasubako.crypto.signing import VerifyKey
from meyasubako.domain import kinds
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.registry import rule


@rule(
    "reporter-brings-the-key",
    "a case's reporter is whoever holds the key that the report introduces",
    "report.submitted",
)
def reporter_brings_the_key(ledger: Ledger, event: Event, _: int) -> str | None:
    try:
        key = VerifyKey.parse(event.text("key"))
    except BadKeyError as error:
        return str(error)
    if key.key_id != event.by:
        return "the report is not signed by the key that it introduces"
    if key.key_id in ledger.mechanism.people:
        return "a key of the roster cannot be a reporter's"
    return None


@rule("channel-as-published", "the reporter answered the questions that the channel asks", "report.submitted")
def channel_as_published(ledger: Ledger, event: Event, _: int) -> str | None:
    channel = ledger.mechanism.channels.get(event.text("channel"))
    if channel is None or not channel.open:
        return "there is no channel of this name, or it is closed"
    cards = (event.body["card"], event.body["questionnaire"])
    if cards != ({"ref": channel.card}, {"ref": channel.questionnaire}):
        return "the report names other cards than the channel's"
    if ledger.mechanism.marker(event.text("marker")) is None:
        return "the slot marker whose roster was used is not in the log"
    return None


@rule("rooms-are-new", "every room is one case's own", "report.submitted")
def rooms_are_new(ledger: Ledger, event: Event, _: int) -> str | None:
    named = event.body["rooms"]
    streams = [str(stream) for stream in named.values()] if isinstance(named, dict) else []
    taken = any(ledger.head(stream).seq or stream in ledger.promised for stream in streams)
    if taken or len({event.stream, *streams}) != len(streams) + 1:
        return "the rooms of a report are new streams"
    return None


@rule(
    "reader-on-roster",
    "a reader was on the marker's roster, past the waiting time, and was not excluded since",
    "room.opened",
)
def reader_on_roster(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case(event.text("case"))
    if case is None or event.by != case.reporter or event.text("room") == kinds.IDENTITY:
        return None
    marker = ledger.mechanism.marker(case.marker)
    slot = marker.slot if marker else -1
    staff = [str(wrap["reader"]) for wrap in event.records("wraps") if wrap["reader"] != case.reporter]
    intake = {person.key_id for person in ledger.mechanism.intake(case.channel, slot)}
    fallback = ledger.mechanism.channels[case.channel].fallback
    if staff == [fallback] and fallback and ledger.mechanism.usable(fallback, slot):
        return None
    if not staff:
        return "a report is sealed to somebody who can read it"
    if not set(staff) <= intake:
        return "a reader is not on the roster of the marker that the report names, or no longer"
    return None


@rule(
    "room-opened-as-named",
    "the rooms of a report are those that it names, for the people it is sealed to",
    "room.opened",
)
def room_opened_as_named(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case(event.text("case"))
    if case is None:
        return "the room belongs to no case"
    readers = [str(wrap["reader"]) for wrap in event.records("wraps")]
    if len(set(readers)) != len(readers):
        return "a room's key is wrapped once to each reader"
    name = event.text("room")
    promised = ledger.promised.get(event.stream)
    if event.by != case.reporter:
        staffs = name not in {"report", "dialogue", "identity"}
        return None if staffs and promised is None else "the reporter opens this room"
    if promised != (case.stream, name):
        return "the report does not name this room, or it is open"
    if name == "dialogue":
        report = ledger.room(case.rooms["report"])
        staff = (report.readers if report else frozenset()) - {case.reporter}
        if set(readers) != staff | {case.reporter}:
            return "the dialogue is read by the reporter and exactly those who read the report"
    return None
