"""What each person may be shown of the log: streams whole, heads of streams they may write to, or nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

from meyasubako.domain import kinds, rooms
from meyasubako.domain.case import Case
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.reads import may_fetch
from meyasubako.domain.rules.rooms import is_reader

__all__ = ["Shown", "may_fetch", "may_read", "may_see", "may_write", "reports_streams", "streams_of"]

# The events of a room on which a writer's act and wraps depend, without any payload that is not theirs.
STRUCTURE = frozenset(
    {"room.opened", "room.advanced", "access.granted", "access.revoked", "mailbox.closed_to_reading"}
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A stream that a person is shown: its sort, its case, and the room's name where it is a room."""

    stream: str
    sort: str
    case: str = ""
    room: str = ""


def may_see(ledger: Ledger, person: str, stream: str) -> bool:
    """Whether an active person of the roster may read the events of this stream now."""
    if ledger.mechanism.active(person) is None:
        return False
    sort = ledger.sorts.get(stream)
    if sort == kinds.MECHANISM:
        return True
    if sort == kinds.ROOM:
        return is_reader(ledger.mechanism, ledger.rooms[stream], person)
    if sort == kinds.CASE:
        return _may_see_case(ledger, person, ledger.cases[stream])
    return sort == kinds.READS and ledger.reads[stream].person == person


def _may_see_case(ledger: Ledger, key_id: str, case: Case) -> bool:
    """Whoever reads its report, or keeps the records; the channel's mediators once there is a mediation."""
    report = ledger.rooms.get(case.rooms["report"])
    if report is not None and is_reader(ledger.mechanism, report, key_id):
        return True
    person = ledger.mechanism.active(key_id)
    if person is None:
        return False
    mediates = "mediation" in case.paths and person.has("mediator", case.channel)
    return mediates or person.has("records")


def may_write(ledger: Ledger, author: str, stream: str) -> bool:
    """Whether somebody may try to write to a stream, so that a refusal may tell them where it ends.

    Whoever sees it, the case's reporter, and stewards, who take access away in rooms that they never see; a
    stream that does not exist is anybody's to begin.
    """
    if stream not in ledger.sorts:
        return True
    room = ledger.rooms.get(stream)
    case = ledger.cases.get(room.case if room else stream)
    if case is not None and case.reporter == author:
        return room is None or room.name in case.rooms
    person = ledger.mechanism.active(author)
    if person is not None and person.has("steward") and room is not None:
        return True
    return may_see(ledger, author, stream)


def may_read(ledger: Ledger, person: str, digest: str) -> bool:
    """Whether this payload may be given out: the fetch is in the log, and the person may read now."""
    owner = ledger.owners.get(digest)
    if owner is None or digest not in ledger.fetched.get((person, owner.case), ()):
        return False
    return may_fetch(ledger, person, owner.case, digest)


def streams_of(ledger: Ledger, person: str) -> Iterator[Shown]:
    """Every stream that an active person is shown."""
    if ledger.mechanism.active(person) is None:
        return
    yield Shown(ledger.mechanism.stream, kinds.MECHANISM)
    for case in tuple(ledger.cases.values()):
        if may_see(ledger, person, case.stream):
            yield Shown(case.stream, kinds.CASE, case.stream)
    for room in tuple(ledger.rooms.values()):
        if may_see(ledger, person, room.stream):
            yield Shown(room.stream, kinds.ROOM, room.case, room.name)
    for stream, reads in tuple(ledger.reads.items()):
        if reads.person == person:
            yield Shown(stream, kinds.READS, reads.case)


def reports_streams(ledger: Ledger, reporter: str) -> tuple[rooms.Room, rooms.Room] | None:
    """The rooms `report` and `dialogue` of the case whose reporter has this key id, or None."""
    case = ledger.cases.get(ledger.reporters.get(reporter, ""))
    if case is None:
        return None
    return ledger.rooms[case.rooms["report"]], ledger.rooms[case.rooms["dialogue"]]
