"""A small real mechanism in memory: distinct real keys, real seals, the real ledger and rules.

`refuse` is how every rule is broken: the events are correctly signed by whoever the test says, the server's
check must refuse them by that rule, and the blind audit of the same log must find the same rule first.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from meyasubako.crypto import canonical, merkle
from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.note import NoteSigner
from meyasubako.crypto.signing import SigningKey, sign_statement
from meyasubako.domain import acts, audit, envelope, people, rules, sealing
from meyasubako.domain.errors import RefusedError
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.roster import PROOF_CONTEXT
from meyasubako.domain.rules.slots import slot_entries

ORIGIN = "box.example.org/log"
FOUNDED = date(2026, 11, 22)
STEP = 8
ROLES = {
    "ann": ("steward",),
    "bob": ("steward",),
    "ira": ("intake:main",),
    "ken": ("intake:main",),
    "hal": ("handler:main",),
    "mia": ("mediator:main",),
    "cid": ("custodian:main",),
    "otto": ("outsider",),
    "rita": ("auditor",),
}


@dataclass(frozen=True)
class Someone:
    """A person with real keys."""

    name: str
    identity: HybridIdentity
    signing: SigningKey

    @classmethod
    def named(cls, name):
        return cls(name, HybridIdentity.generate(), SigningKey.generate())

    @property
    def id(self):
        return self.signing.verify_key.key_id

    @property
    def recipient(self):
        return self.identity.recipient

    def record(self, roles, card):
        key = self.signing.verify_key
        proof = sign_statement(PROOF_CONTEXT, (self.recipient.text, key.text), self.signing)
        return {
            "card": {"ref": card},
            "key": key.text,
            "recipient": self.recipient.text,
            "proof": proof,
            "roles": list(roles),
        }


@dataclass(frozen=True)
class Submitted:
    """A case that a reporter opened: its streams and the keys of its rooms."""

    stream: str
    reporter: Someone
    report: acts.NewRoom
    dialogue: acts.NewRoom
    events: tuple[envelope.Event, ...]


def card(name):
    return sealing.sealed(canonical.encode_document({"name": name, "salt": uuid.uuid4().hex}))


@dataclass
class World:
    """A mechanism that is founded and has closed its first slot."""

    someone: dict[str, Someone]
    step: int = STEP
    waiting_hours: int = 24
    today: date = FOUNDED
    service: SigningKey = field(default_factory=SigningKey.generate)
    stream: str = field(default_factory=lambda: str(uuid.uuid4()))
    covers: str = field(default_factory=lambda: str(uuid.uuid4()))
    log: list[envelope.Event] = field(default_factory=list)
    payloads: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self):
        self.roots = {0: merkle.EMPTY_ROOT.hex()}
        self.tree = merkle.Frontier()
        self.ledger = Ledger(lambda size: self.roots.get(size, ""))
        self.cards = {name: card(name) for name in ("mechanism", "person", "channel", "questions")}

    def __getattr__(self, name):
        try:
            return self.__dict__["someone"][name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def mechanism(self):
        return self.ledger.mechanism

    @property
    def channel(self):
        return self.mechanism.channels["main"]

    @property
    def marker(self):
        return self.mechanism.last_marker

    @staticmethod
    def fresh():
        return str(uuid.uuid4())

    # Events, one at a time.

    def event(self, who, kind, stream, body, *, at=None, head=None, log=ORIGIN):
        """A correctly signed event that nobody has checked yet."""
        signing = who.signing if isinstance(who, Someone) else who
        return envelope.write(
            kind,
            body,
            at=at or self.today,
            log=log,
            stream=stream,
            head=head or self.ledger.head(stream),
            key=signing,
        )

    def request(self, who):
        """A request that continues the streams as they stand."""
        now = datetime(self.today.year, self.today.month, self.today.day, 12, tzinfo=UTC)
        return acts.Request(ORIGIN, who.signing, now, dict(self.ledger.heads))

    def check(self, *events):
        """Ask the rules as the server does, for a request of these events."""
        branch = self.ledger.branch()
        for event in events:
            rules.check(branch, event, branch.size)
            branch.apply(event, branch.size)
        rules.settle(branch)

    def accept(self, *events):
        """Check a request's events and write them down."""
        self.check(*events)
        for event in events:
            self.write(event)
        return events[-1]

    def write(self, event):
        """Write an event down unchecked, as whoever has the disk could."""
        self.ledger.apply(event, len(self.log))
        self.log.append(event)
        self.tree = self.tree.append(bytes.fromhex(event.leaf))

    def act(self, who, kind, stream, body, **also):
        return self.accept(self.event(who, kind, stream, body, **also))

    def send(self, request):
        """Accept a request of `acts` with its payloads."""
        self.payloads |= request.payloads
        return self.accept(*request.events)

    def refuse(self, rule, *events):
        """The server refuses the last of these events by this rule, and the audit finds it."""
        with pytest.raises(RefusedError) as caught:
            self.check(*events)
        assert caught.value.rule == rule, caught.value
        findings = self.audit(*events)
        assert findings, "the audit found nothing"
        assert findings[0].rule == rule, findings
        assert findings[0].index in (len(self.log) + len(events) - 1, len(self.log) + len(events))
        return caught.value.sentence

    def audit(self, *more):
        """Replay the whole log and these events; gives every finding."""
        replay = audit.Replay()
        findings = list(replay.feed(event.data for event in (*self.log, *more)))
        return [*findings, *replay.finish()]

    # The mechanism's own acts.

    def founding(self, **changed):
        """The body of leaf 0."""
        person_card = self.cards["person"].digest
        body = {
            "card": {"ref": self.cards["mechanism"].digest},
            "people": [self.someone[name].record(roles, person_card) for name, roles in ROLES.items()],
            "log_keys": [NoteSigner(ORIGIN, bytes(32)).key.text],
            "promise_key": NoteSigner(f"{ORIGIN}/promise", bytes(32)).key.text,
            "service_key": self.service.verify_key.text,
            "slot_hours": 24,
            "step": self.step,
            "waiting_hours": self.waiting_hours,
            "witness_policy": [],
            "test": True,
        }
        return {**body, **changed}

    def found(self):
        self.act(self.ann, "mechanism.founded", self.stream, self.founding())
        for published in self.cards.values():
            self.publish_card(published)
        self.act(self.ann, "channel.opened", self.stream, self.channel_body("main"))
        self.mark(days=0)
        return self

    def publish_card(self, published):
        self.payloads[published.digest] = published.data
        self.act(self.ann, "card.published", self.stream, {"card": published.reference})

    def channel_body(self, name, **changed):
        body = {
            "channel": name,
            "card": {"ref": self.cards["channel"].digest},
            "questionnaire": {"ref": self.cards["questions"].digest},
            "draw": 0,
            "languages": ["en", "ja"],
        }
        return {**body, **changed}

    def cover(self):
        self.write(self.event(self.service, "cover.written", self.covers, {}))

    def pad(self):
        """Write the covers that the slot's marker needs before it."""
        begin = self.marker.index + 1 if self.marker else 0
        held = len(self.log) - begin
        for _ in range(slot_entries(held + 1, self.step) - held - 1):
            self.cover()

    def marking(self, **changed):
        """The body of the next slot marker."""
        slot = self.marker.slot + 1 if self.marker else 0
        size = self.marker.index + 1 if self.marker else 0
        settled = people.at_marker(self.mechanism, slot, self.today)
        roster = people.roster_digest(settled.values())
        return {"slot": slot, "size": size, "root": self.roots[size], "roster": roster, **changed}

    def mark(self, days=1):
        """Let days pass, put down what was missed, pad and mark the slot, publish its tree."""
        self.today += timedelta(days=days)
        self.miss()
        self.pad()
        marker = self.act(self.service, "slot.marked", self.stream, self.marking())
        self.roots[len(self.log)] = self.tree.root().hex()
        return marker

    def miss(self):
        """Put down the dates that cases have missed."""
        while late := list(self.ledger.overdue(self.today)):
            for case, due in late:
                self.act(self.service, "deadline.missed", case, {"due": due.isoformat()})

    def propose(self, who, kind, body):
        proposal = {"kind": kind, "v": 1, "body": body}
        return self.act(who, "act.proposed", self.stream, proposal)

    def together(self, one, other, kind, body):
        """An act of two people."""
        proposal = self.propose(one, kind, body)
        return self.act(other, kind, self.stream, {**body, "proposal": proposal.leaf})

    def enrol(self, person, *roles, by=("ann", "bob")):
        self.someone[person.name] = person
        body = person.record(roles, self.cards["person"].digest)
        one, other = (self.someone[name] for name in by)
        return self.together(one, other, "person.enrolled", body)

    # Cases.

    def submission(self, readers=("ira", "ken"), reporter=None, said=None, **changed):
        """A report's request and what it opens, not sent yet."""
        reporter = reporter or Someone.named("reporter")
        report, dialogue = (acts.NewRoom(self.fresh(), HybridIdentity.generate()) for _ in range(2))
        request, case = self.request(reporter), self.fresh()
        staff = {self.someone[name].id: self.someone[name].recipient for name in readers}
        given = {
            "case": case,
            "rooms": (report, dialogue),
            "reporter": reporter.recipient,
            "channel": self.channel,
            "marker": self.marker.leaf,
            "readers": staff,
            "sealed_by": "reporter_tool",
        }
        said = said or acts.Report({"what": "gravel"}, "gravel")
        acts.submit(request, said, **{**given, **changed})
        return request, Submitted(case, reporter, report, dialogue, tuple(request.events))

    def submit(self, readers=("ira", "ken"), **also):
        request, case = self.submission(readers, **also)
        self.send(request)
        return case

    def post(self, who, kind, room, document, sealed_by=None):
        """Say something in a room, advancing it first where it is stale."""
        request = self.writing(who, kind, room, document, sealed_by)
        return self.send(request)

    def writing(self, who, kind, room, document, sealed_by=None):
        request, state = self.request(who), self.ledger.rooms[room]
        case = self.ledger.cases[state.case]
        reporter = acts.HybridRecipient.parse(case.reporter_recipient)
        epoch = acts.current_epoch(request, state, self.mechanism, reporter, sealed_by)
        acts.post(request, kind, room, epoch, document, sealed_by=sealed_by)
        return request

    def open_team(self, who, case, readers):
        room = acts.NewRoom(self.fresh(), HybridIdentity.generate())
        request = self.request(who)
        recipients = {self.someone[name].id: self.someone[name].recipient for name in readers}
        acts.open_room(request, room, case=case.stream, name="team", readers=recipients)
        self.send(request)
        return room

    def granting(self, who, room, identities, reader, recipient=None):
        request = self.request(who)
        recipient = recipient or reader.recipient
        return acts.grant(request, self.ledger.rooms[room], identities, reader.id, recipient), request


@pytest.fixture(scope="session")
def cast():
    """Everybody's keys, made once."""
    return {name: Someone.named(name) for name in ROLES}


@pytest.fixture(scope="session")
def someone():
    """Make another person with fresh keys."""
    return Someone.named


@pytest.fixture
def unfounded(cast):
    """A mechanism before its leaf 0."""
    return World(dict(cast))


@pytest.fixture
def world(unfounded):
    """A founded mechanism after its first slot marker."""
    return unfounded.found()


@pytest.fixture
def case(world):
    """A case in `world`, sealed to both intake people."""
    return world.submit()


@pytest.fixture(scope="session")
def shared(cast):
    """A world with a case in it, for tests that only look at it."""
    world = World(dict(cast)).found()
    return world, world.submit()
