"""A mechanism that has lived a little: two cases, people who came and went, and every key that was used.

Everything goes in through `Mechanism.accept`, as the doors' processes do it.
"""

import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from meyasubako.crypto import age, archive
from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.crypto.keyfile import KeyPair
from meyasubako.crypto.receipt import Receipt
from meyasubako.crypto.signing import SigningKey
from meyasubako.domain import acts, reading
from meyasubako.domain.sealing import SealedFile
from meyasubako.service import rotation
from meyasubako.service.config import Config, Doors
from meyasubako.service.founding import Founder, Settings, found
from meyasubako.service.mechanism import Mechanism

ORIGIN = "box.example.org/lived"
ROLES = {
    "ann": ("steward",),
    "bob": ("steward",),
    "ira": ("intake:main",),
    "ken": ("intake:main",),
    "sam": ("intake:main",),
    "max": ("intake:main",),
    "hal": ("handler:main",),
    "otto": ("outsider",),
    "rita": ("auditor",),
}
PHOTO = bytes(range(256)) * 1200  # 300 KiB: a large payload, an object of its own
NOTHING = b""


@dataclass
class Reporter:
    """A reporter's keys at this mechanism, from a receipt."""

    receipt: Receipt
    identity: HybridIdentity
    signing: SigningKey
    case: str = ""
    report: str = ""
    dialogue: str = ""

    @property
    def id(self):
        return self.signing.verify_key.key_id


@dataclass
class Lived:
    """A mechanism's directory, its people's keys, its reporters, and the photo's digest."""

    directory: Path
    people: dict[str, KeyPair]
    reporters: dict[str, Reporter] = field(default_factory=dict)
    photo: str = ""

    def id(self, name):
        return self.people[name].signing.verify_key.key_id

    def copied(self, directory):
        """The same mechanism in another directory, to do to it what one likes."""
        shutil.copytree(self.directory, directory)
        return Lived(directory, self.people, self.reporters, self.photo)

    def lived_on(self, directory):
        """The same mechanism in another directory, one slot later: a report, an answer, a suspension."""
        copy = self.copied(directory)
        with copy.open() as box:
            box.report("clay", ("ira",))
            box.write("ira", "message.posted", copy.reporters["clay"].dialogue, "we read the third")
            box.act("bob", "person.suspended", box.ledger.mechanism.stream, {"person": copy.id("max")})
            box.publish()
        return copy

    def replace_log_key(self):
        """Two people replace the log's key, and the new one signs a slot; gives the entry's place."""
        fresh = list(rotation.draw(self.directory, "log"))
        with self.open() as box:
            stream, body = box.ledger.mechanism.stream, {"of": "log", "keys": fresh}
            proposal = box.act("ann", "act.proposed", stream, {"kind": "key.rotated", "v": 1, "body": body})
            box.act("bob", "key.rotated", stream, {**body, "proposal": proposal.leaf})
            place = box.store.head().size - 1
        with self.open() as box:
            box.publish()
        return place

    def open(self):
        return Open(self, Mechanism.open(self.directory))


class Open:
    """A lived mechanism while it is open: acts by real people."""

    def __init__(self, lived, mechanism):
        self.lived, self.mechanism = lived, mechanism

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.mechanism.close()

    @property
    def ledger(self):
        return self.mechanism.ledger()

    @property
    def store(self):
        return self.mechanism.store

    def signing(self, who):
        return who.signing if hasattr(who, "signing") else self.lived.people[who].signing

    def request(self, who):
        return acts.Request(ORIGIN, self.signing(who), self.mechanism.clock(), dict(self.ledger.heads))

    def send(self, request):
        return self.mechanism.accept([event.data for event in request.events], request.payloads)

    def act(self, who, kind, stream, body):
        request = self.request(who)
        event = request.add(kind, stream, body)
        self.send(request)
        return event

    def recipients(self, names):
        return {self.lived.id(name): self.lived.people[name].identity.recipient for name in names}

    def report(self, name, readers, photo=NOTHING):
        """A report by a new reporter, sealed by their own tool, with a photo."""
        receipt = Receipt.generate()
        reporter = Reporter(receipt, receipt.identity(ORIGIN), receipt.signing_key(ORIGIN))
        request, case = self.request(reporter), Mechanism.fresh_id()
        rooms = tuple(acts.NewRoom(Mechanism.fresh_id(), HybridIdentity.generate()) for _ in range(2))
        files = []
        if photo:
            about = request.binding(case, "report.submitted").document()
            head, tail = archive.file_archive(about, len(photo))
            with self.store.receive() as upload:
                upload.write(age.seal(head + photo + bytes(tail), rooms[0].recipient))
                digest, size = upload.commit()
            files.append(SealedFile(digest, size, "photo.jpg", "image/jpeg", len(photo)))
            self.lived.photo = digest
        mechanism = self.ledger.mechanism
        acts.submit(
            request,
            acts.Report({"what": name}, f"report of {name}", files),
            case=case,
            rooms=rooms,
            reporter=reporter.identity.recipient,
            channel=mechanism.channels["main"],
            marker=mechanism.last_marker.leaf,
            readers=self.recipients(readers),
            sealed_by="reporter_tool",
        )
        self.send(request)
        reporter.case, reporter.report, reporter.dialogue = case, rooms[0].stream, rooms[1].stream
        self.lived.reporters[name] = reporter
        return reporter

    def write(self, who, kind, room, text):
        """Say something in a room, which is advanced first where it is stale."""
        request, state = self.request(who), self.ledger.rooms[room]
        sealed_by = "reporter_tool" if isinstance(who, Reporter) else None
        recipient = HybridRecipient.parse(self.ledger.cases[state.case].reporter_recipient)
        epoch = acts.current_epoch(request, state, self.ledger.mechanism, recipient, sealed_by)
        event = acts.post(request, kind, room, epoch, {"text": text}, sealed_by=sealed_by)
        self.send(request)
        return event

    def grant(self, who, room, reader):
        """Give a handler every epoch of a room."""
        state, request = self.ledger.rooms[room], self.request(who)
        keys = reading.epoch_keys(state, self.lived.id(who), self.lived.people[who].identity, self.fetch)
        identities = [keys[number] for number in range(1, state.epoch + 1)]
        recipient = self.lived.people[reader].identity.recipient
        acts.grant(request, state, identities, self.lived.id(reader), recipient)
        self.send(request)

    def fetch(self, digest):
        with self.store.open_payload(digest) as file:
            return file.read()

    def publish(self):
        return self.mechanism.publish()


def found_lived(directory):
    """Found the mechanism and live through what the tests are about."""
    people = {name: KeyPair.generate(name) for name in ROLES}
    anywhere = Doors(reporter="127.0.0.1:0", handler="127.0.0.1:0", log="127.0.0.1:0")
    founders = [Founder(people[name].person(), roles) for name, roles in ROLES.items()]
    settings = Settings(name="Lived", channel_name="Main", waiting_hours=0, test=True)
    found(directory, Config(origin=ORIGIN, doors=anywhere), settings, founders, people["ann"])
    lived = Lived(directory, people)
    with lived.open() as box:
        live(box)
    return lived


def live(box):
    """max is excluded, hal and the others never assigned; ken loses access, then sam is suspended."""
    lived = box.lived
    gravel = box.report("gravel", ("ira", "ken", "sam"), PHOTO)
    told = box.write("ira", "message.posted", gravel.dialogue, "we read it")
    day = (box.mechanism.clock().date() + timedelta(days=7)).isoformat()
    box.act("ira", "case.acknowledged", gravel.case, {"message": told.leaf, "next": day})
    fetched = {"case": gravel.case, "payloads": [lived.photo]}
    box.act("ken", "payload.fetched", Mechanism.fresh_id(), fetched)
    box.publish()
    for room in (gravel.report, gravel.dialogue):
        box.act("ira", "access.revoked", room, {"reader": lived.id("ken")})
    box.write("ira", "message.posted", gravel.dialogue, "ken is gone")
    box.write(gravel, "message.posted", gravel.dialogue, "good")
    box.write(gravel, "report.added", gravel.report, "more gravel")
    box.publish()
    box.act("ann", "person.suspended", box.ledger.mechanism.stream, {"person": lived.id("sam")})
    box.write(gravel, "message.posted", gravel.dialogue, "sam is gone")
    sand = box.report("sand", ("ira",))
    box.write("ira", "message.posted", sand.dialogue, "we read this too")
    box.act(sand, "mailbox.closed_to_reading", sand.dialogue, {"sealed_by": "reporter_tool"})
    box.write("ira", "message.posted", sand.dialogue, "for nobody to come back to")
    box.publish()
    box.publish()
    # What follows is accepted, and not published yet.
    box.write("ira", "message.posted", gravel.dialogue, "not published yet")
