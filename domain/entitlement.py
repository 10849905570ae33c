"""What each person may be shown of the log: streams whole, parts of them and their heads, or nothing.

Whoever holds a share of a room, or is to be given it back, is shown what of it and its case their acts depend
on: how it was opened, who reads it, what was asked and agreed to. Never a text, nor when one was written.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from meyasubako.domain import kinds, requests, rooms
from meyasubako.domain.case import Case
from meyasubako.domain.holders import holds_share
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.reads import may_fetch
from meyasubako.domain.rules.rooms import is_reader

__all__ = [
    "Shown",
    "may_fetch",
    "may_read",
    "may_see",
    "may_write",
    "part_of",
    "reports_streams",
    "streams_of",
]

# The events of a room on which a writer's act and wraps depend, without any payload that is not theirs.
STRUCTURE = frozenset(
    {
        "room.opened",
        "room.advanced",
        "access.granted",
        "access.revoked",
        "mailbox.closed_to_reading",
        "wrap.disputed",
        "share.checked",
        "share.disputed",
    }
)
# What those who hold shares are shown of a case beside the structure of its rooms.
_HOLDERS_CASE = requests.KINDS | {"report.submitted"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A stream that a person is shown: its sort, its case, and the room's name where it is a room."""

    stream: str
    sort: str
    case: str = ""
    room: str = ""
    whole: bool = True


def part_of(ledger: Ledger, person: str, stream: str) -> frozenset[str]:
    """The kinds of event that somebody is shown of a stream that they may not see whole; usually none."""
    if ledger.mechanism.active(person) is None:
        return frozenset()
    if stream in ledger.cases:
        case = ledger.cases[stream]
        first = (ledger.rooms.get(case.rooms.get(name, "")) for name in ("report", kinds.IDENTITY))
        held = any(holds_share(room, person) for room in first)
        return _HOLDERS_CASE if held or _awaits(case, person) else frozenset()
    room = ledger.rooms.get(stream)
    if room is None:
        return frozenset()
    case = ledger.cases[room.case]
    # Who holds no share of the report is left out of the mediation, too: whoever opens that must know.
    opens = room.name == "report" and _mediates(ledger, person, case)
    shown = opens or holds_share(room, person) or _awaits(case, person, stream)
    return STRUCTURE if shown else frozenset()


def _mediates(ledger: Ledger, key_id: str, case: Case) -> bool:
    """Whether somebody is a mediator of the channel, and the reporter has chosen a mediation."""
    person = ledger.mechanism.active(key_id)
    return person is not None and "mediation" in case.paths and person.has("mediator", case.channel)


def _awaits(case: Case, person: str, room: str | None = None) -> bool:
    """Whether a recovery stands by which this person is given rooms of the case back."""
    return any(
        each.is_recovery and each.to == person and each.standing and (room is None or room in each.rooms)
        for each in case.requests.values()
    )


def may_see(ledger: Ledger, person: str, stream: str) -> bool:
    """Whether an active person of the roster may read the events of this stream now."""
    if ledger.mechanism.active(person) is None:
        return False
    sort = ledger.sorts.get(stream)
    if sort == kinds.MECHANISM:
        return True
    if sort == kinds.ROOM:
        room = ledger.rooms[stream]
        if room.name == kinds.IDENTITY:
            # It holds no text that anybody reads: whoever asks must know what its shares are to give.
            report = ledger.rooms.get(ledger.cases[room.case].rooms["report"])
            return report is not None and is_reader(ledger.mechanism, report, person)
        return is_reader(ledger.mechanism, room, person)
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
    return _mediates(ledger, key_id, case) or person.has("records")


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
    return may_see(ledger, author, stream) or bool(part_of(ledger, author, stream))


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
        if whole := may_see(ledger, person, case.stream) or part_of(ledger, person, case.stream):
            yield Shown(case.stream, kinds.CASE, case.stream, whole=whole is True)
    for room in tuple(ledger.rooms.values()):
        if whole := may_see(ledger, person, room.stream) or part_of(ledger, person, room.stream):
            yield Shown(room.stream, kinds.ROOM, room.case, room.name, whole=whole is True)
    for stream, reads in tuple(ledger.reads.items()):
        if reads.person == person:
            yield Shown(stream, kinds.READS, reads.case)


def reports_streams(ledger: Ledger, reporter: str) -> tuple[rooms.Room, rooms.Room] | None:
    """The rooms `report` and `dialogue` of the case whose reporter has this key id, or None."""
    case = ledger.cases.get(ledger.reporters.get(reporter, ""))
    if case is None:
        return None
    return ledger.rooms[case.rooms["report"]], ledger.rooms[case.rooms["dialogue"]]
