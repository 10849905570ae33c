"""A world with custodians and recovery holders, a reporter who told who they are, and what people do then."""

from dataclasses import dataclass, field
from datetime import timedelta

from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.domain import acts, acts_identity, holders, opening
from meyasubako.domain.acts import NewRoom, Told
from meyasubako.domain.acts_identity import HeldShare

TELLING = {"text": "Noor Haddad, 0170 1234567", "v": 1}
# Custodians of 2-of-3, and those who recover by 2-of-3, one of them from outside.
PEOPLE = {
    "cy": ("custodian:main",),
    "cleo": ("custodian:main",),
    "cora": ("custodian:main",),
    "rex": ("recovery:main",),
    "ruth": ("recovery:main",),
    "ria": ("recovery:main", "outsider"),
}


def appoint(world, someone):
    """The world with its holders, past their waiting time."""
    for name, roles in PEOPLE.items():
        world.enrol(someone(name), *roles)
    for kind, names in (
        ("custodians.appointed", ("cy", "cleo", "cora")),
        ("recovery.appointed", ("rex", "ruth", "ria")),
    ):
        people = [getattr(world, name).id for name in names]
        world.together(world.ann, world.bob, kind, {"channel": "main", "people": people, "threshold": 2})
    world.mark(days=1)
    world.mark(days=2)
    return world


def holding(world, room, without=()):
    return holders.holding(world.mechanism, world.channel, room, {each.id for each in without})


@dataclass
class Case:
    """One case of the world with an identity that was told; `do` and `event` act in its own stream."""

    world: object
    submitted: object
    identity: NewRoom
    discussed: dict = field(default_factory=dict)

    @property
    def stream(self):
        return self.submitted.stream

    @property
    def state(self):
        return self.world.ledger.cases[self.stream]

    @property
    def room(self):
        return self.world.ledger.rooms[self.identity.stream]

    def event(self, who, kind, body, **also):
        return self.world.event(who, kind, self.stream, body, **also)

    def do(self, who, kind, body):
        return self.world.accept(self.event(who, kind, body))

    # In words

    def note(self, who, text="Because.", room=None):
        """A note of somebody's in the room where things are discussed."""
        stream = room or next(iter(self.discussed))
        return self.world.post(who, "note.added", stream, {"text": text, "v": 1}).leaf

    def message(self, who, text="Somebody will know your name."):
        dialogue = self.submitted.dialogue.stream
        return self.world.post(who, "message.posted", dialogue, {"text": text, "v": 1}).leaf

    def discuss(self, who):
        """Open a request room."""
        room = NewRoom(self.world.fresh(), HybridIdentity.generate())
        request = self.world.request(who)
        acts_identity.open_request_room(
            request, room, case=self.stream, identity=self.room, mechanism=self.world.mechanism
        )
        self.world.send(request)
        self.discussed[room.stream] = room
        return room.stream

    # An identity

    def asking(self, who, ground="request", room=None, motive=None, **more):
        room = room or self.discuss(who)
        motive = motive or self.note(who, room=room)
        return self.event(
            who, "identity.requested", {"room": room, "motive": motive, "ground": ground, **more}
        )

    def ask(self, who, ground="request", **more):
        return self.world.accept(self.asking(who, ground, **more)).leaf

    def approve(self, asked, *who):
        for each in who:
            self.do(each, "identity.approved", {"request": asked})

    def refuse(self, asked, who):
        room = self.state.requests[asked].discussed_in
        reason = self.note(who, "Ask them in the dialogue first.", room)
        return self.do(who, "identity.refused", {"request": asked, "reason": reason})

    def held(self, who, *rooms):
        """The shares that somebody holds of these rooms, opened with their key."""
        found = []
        for room in rooms or (self.room,):
            for share in room.shares:
                if share.holder == who.id:
                    sealed = self.world.payloads[share.digest]
                    opened = opening.open_share(sealed, who.identity, share.share)
                    found.append(HeldShare(room.stream, share.epoch, opened))
        return found

    def releasing(self, asked, who, *rooms, days=7, until=None):
        to = self.state.requests[asked].to
        recipient = HybridRecipient.parse(self.world.mechanism.people[to].recipient)
        request = self.world.request(who)
        until = until or self.world.today + timedelta(days=days)
        acts_identity.release(request, self.stream, asked, self.held(who, *rooms), recipient, until)
        return request

    def release(self, asked, who, *rooms, **also):
        return self.world.send(self.releasing(asked, who, *rooms, **also))

    def opened(self, asked, who):
        return self.do(
            who, "identity.opened", {"request": asked, "epoch": self.room.epoch, "message": self.message(who)}
        )


def submission(world, left_out=(), told=True, **changed):
    """A report's request in which the reporter tells who they are."""
    identity = NewRoom(world.fresh(), HybridIdentity.generate())
    held = holding(world, "identity", left_out)
    report = acts.Report(
        {"what": "gravel"},
        "gravel",
        told=Told(identity, TELLING, held) if told and held else None,
        holding=holding(world, "report", left_out),
    )
    request, case = world.submission(said=report, **changed)
    return request, Case(world, case, identity)


def submit(world, **also):
    request, case = submission(world, **also)
    world.send(request)
    return case
