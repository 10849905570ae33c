"""Acts that need several events, or sealed things that fit: tried where they may make sense, by anybody."""

import uuid
from collections.abc import Callable
from datetime import timedelta

from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.shares import split
from meyasubako.domain import acts, acts_identity, holders, kinds, rooms, sealing
from meyasubako.domain.acts import NewRoom, Request
from meyasubako.domain.acts_identity import HeldShare
from meyasubako.domain.case import Case
from meyasubako.domain.rooms import Room
from tests.system.plausible import Scene

Errand = Callable[[Scene, Request, Case], None]


def new_room() -> NewRoom:
    """A room that is about to be opened."""
    return NewRoom(str(uuid.uuid4()), HybridIdentity.generate())


def report_with_identity(scene: Scene, readers: frozenset[str]) -> acts.Report:
    """A report that tells who the reporter is, where that is offered; everybody's shares are real."""
    state = scene.ledger.mechanism
    channel = state.channels["main"]
    offered = holders.identity_offered(state, channel, readers)
    told = acts.Told(new_room(), {"name": "any", "v": 1}, offered) if offered else None
    return acts.Report(
        {"what": "any"}, "any", told=told, holding=holders.holding(state, channel, "report", readers)
    )


def _rooms(scene: Scene, case: Case, *names: str) -> list[Room]:
    return [room for room in scene.rooms_of(case.stream) if room.name in names]


def open_team(scene: Scene, request: Request, case: Case) -> None:
    """A handler opens the team room for those who read the report."""
    report = _rooms(scene, case, "report")[0]
    state = scene.ledger.mechanism
    readers = {each: scene.recipient(each) for each in rooms.present(report, state) if each != case.reporter}
    shared = holders.holding(state, state.channels[case.channel], "team")
    acts.open_room(request, new_room(), case=case.stream, name="team", readers=readers, holding=shared)


def ask_for_identity(scene: Scene, request: Request, case: Case) -> None:
    """A handler asks who the reporter is, for reasons in a room of the request's own."""
    identity = next(iter(_rooms(scene, case, kinds.IDENTITY)), None)
    if identity is None:
        return
    made = new_room()
    acts_identity.open_request_room(
        request, made, case=case.stream, identity=identity, mechanism=scene.ledger.mechanism
    )
    motive = acts_identity.note(request, made.stream, acts.Epoch(1, made.recipient), "any")
    ground = scene.random.choice(["request", "break_glass"])
    acts_identity.ask_for_identity(request, case.stream, made.stream, motive.leaf, ground)


def ask_for_recovery(scene: Scene, request: Request, case: Case) -> None:
    """Somebody asks that a colleague be given the case's rooms back."""
    named: list[JsonValue] = [room.stream for room in _rooms(scene, case, "report", "dialogue", "team")]
    person = scene.random.choice(scene.everybody).id
    # At most eight at once, and a case may have had more team rooms.
    request.add("recovery.requested", case.stream, {"person": person, "rooms": named[:8]})


def release(scene: Scene, request: Request, case: Case) -> None:
    """A holder releases what would be their shares for a request of the case."""
    if not case.requests:
        return
    asked = scene.random.choice(list(case.requests.values()))
    streams = asked.rooms or {room.stream for room in _rooms(scene, case, kinds.IDENTITY)}
    fake = split(bytes(31) + b"\x01", 2, 2)[0]
    held = [
        HeldShare(stream, epoch, fake)
        for stream in sorted(streams)
        for epoch in range(1, scene.ledger.rooms[stream].epoch + 1)
    ]
    until = asked.until or scene.today + timedelta(days=7)
    acts_identity.release(request, case.stream, asked.leaf, held, scene.recipient(asked.to), until)


def grant(scene: Scene, request: Request, case: Case) -> None:
    """Somebody gives a room, whole, to somebody."""
    room = scene.random.choice(scene.rooms_of(case.stream))
    reader = scene.random.choice(scene.everybody).id
    keys = [HybridIdentity.generate() for _ in range(room.epoch)]
    acts.grant(request, room, keys, reader, scene.recipient(reader))


def advance(scene: Scene, request: Request, case: Case) -> None:
    """Somebody begins a new epoch of a room, if it is stale."""
    room = scene.random.choice(scene.rooms_of(case.stream))
    claim = "reporter_tool" if request.author == case.reporter else None
    reporter = HybridRecipient.parse(case.reporter_recipient)
    acts.current_epoch(request, room, scene.ledger.mechanism, reporter, claim)


def step_back(scene: Scene, request: Request, case: Case) -> None:
    """Somebody steps back from a case, and from every room that they read."""
    request.add("handler.recused", case.stream, {})
    for room in scene.rooms_of(case.stream):
        if request.author in room.readers:
            request.add("access.revoked", room.stream, {"reader": request.author})


def enrol(scene: Scene, request: Request, _: Case) -> None:
    """Somebody proposes a newcomer with a few roles."""
    newcomer = scene.random.choice(scene.everybody)
    person = newcomer.pair.person()
    shown = sealing.sealed(b'{"name":"any"}' + uuid.uuid4().bytes)
    stream = scene.ledger.mechanism.stream
    request.add("card.published", stream, {"card": shown.reference}, [shown])
    roles = scene.random.choice([["handler:main"], ["intake:main"], ["custodian:main"], ["records"]])
    body: dict[str, JsonValue] = {
        "card": {"ref": shown.digest},
        "key": person.key.text,
        "recipient": person.recipient.text,
        "proof": person.proof,
        "roles": list[JsonValue](roles),
    }
    request.add("act.proposed", stream, {"kind": "person.enrolled", "v": 1, "body": body})


# Who mostly runs an errand: people with one of these roles.
ERRANDS: dict[Errand, tuple[str, ...]] = {
    open_team: ("handler:main",),
    ask_for_identity: ("handler:main",),
    ask_for_recovery: ("steward", "handler:main"),
    release: ("custodian:main", "recovery:main"),
    grant: ("handler:main",),
    advance: ("handler:main",),
    step_back: ("handler:main",),
    enrol: ("steward",),
}
