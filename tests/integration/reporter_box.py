"""A real mechanism in a new directory, for tests that come in through the reporter's site."""

import json
from dataclasses import dataclass
from pathlib import Path

from meyasubako.crypto import archive
from meyasubako.crypto.age import HybridIdentity, HybridRecipient, seal, unseal
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.keyfile import KeyPair
from meyasubako.domain import acts
from meyasubako.domain import profiles as profile_files
from meyasubako.domain.acts import Request
from meyasubako.domain.case import Case
from meyasubako.domain.sealing import Sealed, SealedFile, sealed
from meyasubako.service import profiles as known_profiles
from meyasubako.service.config import Config, Doors, Limits
from meyasubako.service.founding import Appointed, Founder, Settings, card, found
from meyasubako.service.mechanism import Mechanism

ORIGIN = "box.example.org"
DOORS = Doors(reporter="127.0.0.1:0", handler="127.0.0.1:0", log="127.0.0.1:0")


@dataclass(frozen=True)
class Box:
    """A founded mechanism's directory, and the keys of its people by name."""

    directory: Path
    people: dict[str, KeyPair]

    def key_id(self, name: str) -> str:
        return self.people[name].signing.verify_key.key_id


def found_box(
    directory: Path,
    *,
    limits: Limits | None = None,
    fallback: bool = True,
    also: dict[str, tuple[str, ...]] | None = None,
    languages: tuple[str, ...] = ("en", "ja"),
    profiles: tuple[str, ...] = (),
) -> Box:
    """A steward, two intake people, and an outsider who is the fallback; `also` more people with roles."""
    names = {
        "Ada Steward": ("steward",),
        "Sato Keiko": ("handler:main", "intake:main"),
        "Maria Lindqvist": ("handler:main", "intake:main"),
        "Bar Association": ("intake:outside", "outsider"),
        **(also or {}),
    }
    people = {name: KeyPair.generate(name) for name in names}
    founders = [Founder(people[name].person(), roles) for name, roles in names.items()]
    config = Config(origin=ORIGIN, doors=DOORS, limits=limits or Limits(workers=1, threads=8))
    adopted = tuple((known_profiles.load(each), known_profiles.text_of(each)) for each in profiles)
    settings = Settings(
        name="Test box",
        channel_name="Main channel",
        waiting_hours=0,
        test=True,
        languages=languages,
        appointed=Appointed(profiles=adopted),
    )
    found(directory, config, settings, founders, people["Ada Steward"])
    box = Box(directory, people)
    if fallback:
        _appoint_fallback(box)
    return box


def _appoint_fallback(box: Box) -> None:
    mechanism = Mechanism.open(box.directory)
    try:
        appoint(mechanism, box, "Bar Association")
    finally:
        mechanism.close()


def _sign(mechanism, box, name, kind, body, stream=None) -> str:
    stream = stream or mechanism.ledger().mechanism.stream
    heads = {stream: mechanism.ledger().head(stream)}
    request = Request(ORIGIN, box.people[name].signing, mechanism.clock(), heads=heads)
    request.add(kind, stream, body)
    return mechanism.accept([event.data for event in request.events], request.payloads)[0].leaf


def open_second_channel(box: Box) -> None:
    """A channel `outside` whose only reader is the outsider."""
    mechanism = Mechanism.open(box.directory)
    try:
        stream = mechanism.ledger().mechanism.stream
        main = json.loads(
            next(row.data for row in mechanism.store.stream(stream) if row.kind == "channel.opened")
        )
        agree(mechanism, box, "channel.opened", {**main["body"], "channel": "outside", "draw": 0})
    finally:
        mechanism.close()


def answer(
    mechanism: Mechanism, box: Box, name: str, text: str, files: dict[str, bytes] | None = None
) -> None:
    """Somebody of the staff writes to the newest case's reporter."""
    ledger = mechanism.ledger()
    case = list(ledger.cases.values())[-1]
    room = ledger.rooms[case.rooms["dialogue"]]
    heads = {room.stream: ledger.head(room.stream)}
    request = Request(ORIGIN, box.people[name].signing, mechanism.clock(), heads=heads)
    reporter = HybridRecipient.parse(case.reporter_recipient)
    epoch = acts.current_epoch(request, room, ledger.mechanism, reporter)
    held = []
    for file_name, content in (files or {}).items():
        about = request.binding(room.stream, "message.posted")
        head, tail = archive.file_archive(about.document(), len(content))
        small = sealed(seal(head + content + bytes(tail), epoch.recipient))
        request.payloads[small.digest] = small.data
        held.append(SealedFile(small.digest, len(small.data), file_name, "application/x-thing", len(content)))
    acts.post(request, "message.posted", room.stream, epoch, {"text": text, "v": 1}, held)
    mechanism.accept([event.data for event in request.events], request.payloads)


def agree(mechanism: Mechanism, box: Box, kind: str, body: dict[str, JsonValue]) -> None:
    """The steward proposes, and the outsider confirms."""
    proposal: dict[str, JsonValue] = {"kind": kind, "v": 1, "body": body}
    first = _sign(mechanism, box, "Ada Steward", "act.proposed", proposal)
    _sign(mechanism, box, "Bar Association", kind, {**body, "proposal": first})
    mechanism.publish()


def appoint(mechanism: Mechanism, box: Box, name: str) -> None:
    """Somebody outside becomes the main channel's fallback, by two people."""
    agree(mechanism, box, "fallback.appointed", {"channel": "main", "person": box.key_id(name)})


def appoint_recovery(mechanism: Mechanism, box: Box, names: list[str]) -> None:
    """Any two of these people restore access to the main channel's rooms, by two people."""
    _appoint_holders(mechanism, box, "recovery.appointed", names)


def appoint_custodians(mechanism: Mechanism, box: Box, names: list[str]) -> None:
    """Any two of these people open who a reporter of the main channel is, by two people."""
    _appoint_holders(mechanism, box, "custodians.appointed", names)


def _appoint_holders(mechanism: Mechanism, box: Box, kind: str, names: list[str]) -> None:
    people = list[JsonValue](sorted(box.key_id(name) for name in names))
    agree(mechanism, box, kind, {"channel": "main", "people": people, "threshold": 2})


def suspend(mechanism: Mechanism, box: Box, name: str) -> None:
    """The steward suspends somebody, which closes a slot at once."""
    _sign(mechanism, box, "Ada Steward", "person.suspended", {"person": box.key_id(name)})
    mechanism.publish()


def cases(mechanism: Mechanism) -> list[Case]:
    """Every case, in the order in which they came."""
    return list(mechanism.ledger().cases.values())


def opened_report(mechanism: Mechanism, box: Box, name: str) -> dict[str, bytes]:
    """The report's members, opened as the person of that name would, with nothing but their key."""
    case = cases(mechanism)[-1]
    rows = mechanism.store.stream(case.rooms["report"])
    identity = box.people[name].identity
    wrap = next(w for w in json.loads(rows[0].data)["body"]["wraps"] if w["reader"] == box.key_id(name))
    room = HybridIdentity.parse(unseal(_payload(mechanism, wrap["sha256"]), identity).decode().strip())
    submitted = json.loads(mechanism.store.stream(case.stream)[0].data)
    return archive.unpack(unseal(_payload(mechanism, submitted["body"]["report"]["sha256"]), room))


def _payload(mechanism: Mechanism, digest: str) -> bytes:
    with mechanism.store.open_payload(digest) as file:
        return file.read()


def adopt(
    mechanism: Mechanism,
    box: Box,
    name: str,
    text: str = "",
    *,
    published: Sealed | None = None,
    dropped: bool = False,
) -> None:
    """Two people adopt a profile, with its own file or another card; or drop it."""
    if dropped:
        body: dict[str, JsonValue] = {"channel": "main", "profile": name, "deadlines": [], "retention": []}
    else:
        text = text or known_profiles.text_of(name)
        shown = published or card({"kind": "profile", "name": name, "text": text})
        _publish(mechanism, box, shown)
        body = profile_files.parse(text).body("main", shown.digest)
    agree(mechanism, box, "profile.adopted", body)


def _publish(mechanism: Mechanism, box: Box, shown: Sealed) -> None:
    ledger = mechanism.ledger()
    stream = ledger.mechanism.stream
    signing = box.people["Ada Steward"].signing
    request = Request(ORIGIN, signing, mechanism.clock(), heads={stream: ledger.head(stream)})
    request.add("card.published", stream, {"card": shown.reference}, [shown])
    mechanism.accept([event.data for event in request.events], request.payloads)
