"""Who reads a case: giving and taking access, stepping back, and the rooms for people from outside.

- A key is wrapped only to people of a roster that was verified against the public log; `Desk.act` sees to it.
- Colleagues are given every epoch; translators and panel members the current one.
- What is released to the organisation is sealed anew in a room of its own, never wrapped out of the report's.
- Whoever steps back is asked nothing but which case: no text is fetched for it.
"""

from collections.abc import Sequence
from datetime import date

from meyasubako.crypto.age import HybridRecipient
from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain import acts, rooms
from meyasubako.domain.acts import Request
from meyasubako.domain.envelope import Event
from meyasubako.domain.rooms import Room
from meyasubako.service.client.casefile import CaseFile
from meyasubako.service.client.desk import Desk
from meyasubako.service.client.errors import NoAccessError
from meyasubako.service.client.files import LocalFile, Progress, no_progress

# What a colleague who joins is given, as far as it exists; a request stays with the custodians.
_TOGETHER = ("report", "dialogue", "team", "respondent")


def grant(desk: Desk, wanted: str, person: str) -> Event:
    """Give a colleague every room of the case that this person reads, and assign them."""

    def build(file: CaseFile, request: Request) -> Event:
        given = [
            file.rooms[name]
            for name in _TOGETHER
            if name in file.rooms and person not in file.rooms[name].readers
        ]
        for room in given:
            keys = desk.keys(file, room.name)
            if len(keys) != room.epoch:
                raise NoAccessError(f"you cannot give the {room.name} room: you have no key to all of it")
            acts.grant(request, room, [keys[each] for each in sorted(keys)], person, _recipient(file, person))
        if person in file.case.assigned:
            if not request.events:
                raise NoAccessError("this person reads every room of the case already")
            return request.events[-1]
        return request.add("handler.assigned", file.case.stream, {"person": person})

    return desk.act(wanted, build)


def invite(desk: Desk, wanted: str, person: str, names: Sequence[str]) -> Event:
    """Give a guest (translator, panel member, party) what is said in these rooms from now on."""

    def build(file: CaseFile, request: Request) -> Event:
        for name in names:
            room = file.rooms.get(name)
            if room is None:
                raise NoAccessError(f"the case has no {name} room that you read")
            if rooms.stale(room, file.ledger.mechanism):
                raise NoAccessError(f"the readers of the {name} room have changed: write there first")
            keys = desk.keys(file, name)
            if room.epoch not in keys:
                raise NoAccessError(f"you have no key to the {name} room as it is now")
            acts.grant(request, room, [keys[room.epoch]], person, _recipient(file, person), first=room.epoch)
        if not request.events:
            raise NoAccessError("no room was named")
        return request.events[-1]

    return desk.act(wanted, build)


def _recipient(file: CaseFile, person: str) -> HybridRecipient:
    return HybridRecipient.parse(file.ledger.mechanism.people[person].recipient)


def revoke(desk: Desk, wanted: str, person: str) -> Event:
    """Take somebody's access away, in every room of the case: what is written from now on."""

    def build(file: CaseFile, request: Request) -> Event:
        _take_away(file, request, person)
        if not request.events:
            raise NoAccessError("this person reads no room of the case")
        return request.events[-1]

    return desk.act(wanted, build)


def _take_away(file: CaseFile, request: Request, person: str) -> None:
    for room in file.rooms.values():
        if person in room.readers and person != room.reporter:
            request.add("access.revoked", room.stream, {"reader": person})


def recuse(desk: Desk, wanted: str) -> Event:
    """Step back from a case: one's own access to every room of it ends, and nobody can give it back."""

    def build(file: CaseFile, request: Request) -> Event:
        _take_away(file, request, desk.me)
        return request.add("handler.recused", file.case.stream, {})

    return desk.act(wanted, build)


def left_behind(file: CaseFile, person: str) -> int:
    """How many people would go on working on the report without this one; the fallback is not counted."""
    return len(rooms.working(file.rooms["report"], file.ledger.mechanism) - {person})


def release(
    desk: Desk,
    wanted: str,
    text: str,
    attached: Sequence[LocalFile] = (),
    progress: Progress = no_progress,
    *,
    to: Sequence[str] = (),
) -> Event:
    """Tell the organisation something, in words and files sealed anew for it.

    `to` are the key ids of whoever answers for it; the first release opens the room for them.
    """

    def build(file: CaseFile, request: Request) -> Event:
        room = file.rooms.get("respondent")
        if room is not None:
            _nobody_new(room, to)
            return desk.post(request, file, "respondent", text, attached, progress)
        if not to:
            raise NoAccessError("say who answers for the organisation: the room is opened for them")
        staff = rooms.working(file.rooms["report"], file.ledger.mechanism)
        stream, epoch = desk.open_room(request, file, "respondent", {*staff, *to})
        return desk.write(request, stream, epoch, "respondent", text, attached, progress)

    return desk.act(wanted, build)


def mediate(
    desk: Desk,
    wanted: str,
    text: str,
    attached: Sequence[LocalFile] = (),
    progress: Progress = no_progress,
    *,
    to: Sequence[str] = (),
) -> Event:
    """Write in the mediation; a mediator's first words open it, for the reporter and for `to`."""

    def build(file: CaseFile, request: Request) -> Event:
        room = file.rooms.get("mediation")
        if room is not None:
            _nobody_new(room, to)
            return desk.post(request, file, "mediation", text, attached, progress)
        readers = {desk.me, file.case.reporter, *to}
        stream, epoch = desk.open_room(request, file, "mediation", readers)
        return desk.write(request, stream, epoch, "mediation", text, attached, progress)

    return desk.act(wanted, build)


def end_mediation(desk: Desk, wanted: str, text: str, next_date: date, *, agreed: bool) -> Event:
    """Say in the mediation, and in the clear, that it is over: agreed on, or not. Nothing else leaves it."""

    def build(file: CaseFile, request: Request) -> Event:
        message = desk.post(request, file, "mediation", text)
        body: dict[str, JsonValue] = {"next": next_date.isoformat()}
        if agreed:
            return request.add("remedy.agreed", file.case.stream, {**body, "message": message.leaf})
        return request.add("case.moved", file.case.stream, {**body, "to": "assessment"})

    return desk.act(wanted, build)


def _nobody_new(room: Room, to: Sequence[str]) -> None:
    if set(to) - room.readers:
        raise NoAccessError(f"the {room.name} room is open already: give somebody access to it by itself")
