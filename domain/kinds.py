"""The closed, versioned schemas of event bodies.

- `(kind, v)` names one schema for ever; a changed body is a new version, old ones stay readable.
- A kind belongs to one sort of stream; the kinds in `OPENING` are the only first events a stream can have.
- Reporters' events carry `sealed_by`, a claim about where the sealing happened.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain.errors import BadEventError
from meyasubako.domain.schema import (
    AGE_RECIPIENT,
    CHANNEL_ID,
    DIGEST,
    LANGUAGE_TAG,
    LEAF,
    PERSON,
    PUBLIC_KEY,
    REFERENCE,
    SIGNATURE,
    STREAM,
    AnyBody,
    Count,
    Day,
    Field,
    Flag,
    ListOf,
    OneOf,
    Owned,
    Payload,
    Record,
    Setting,
)

MECHANISM, COVERS, CASE, ROOM, READS = "mechanism", "covers", "case", "room", "reads"
ROOMS = ("report", "dialogue", "team")
CLASSES = ("settled", "decided", "ended")
SEALED_BY = OneOf(("reporter_tool", "page_script", "server"))

# States that a case enters by `case.moved`; every other state has an event of its own.
MOVED_TO = ("screening", "waiting_for_reporter", "assessment", "monitoring")


@dataclass(frozen=True, slots=True)
class Kind:
    """One version of one kind: the sorts of stream it may stand in, and its body."""

    name: str
    streams: tuple[str, ...]
    body: Record
    version: int = 1


def _body(optional: tuple[str, ...] = (), **fields: Field) -> Record:
    return Record(fields, frozenset(optional))


_WRAP = Owned({"reader": PERSON})
_EPOCH = Count(1)
_FILES = ListOf(Owned())
_PROPOSAL = ("proposal",)
_SEALED = ("sealed_by",)
_ROLES = ListOf(Setting(64), 0, 16)
_PERSON_RECORD: dict[str, Field] = {
    "card": REFERENCE,
    "key": PUBLIC_KEY,
    "recipient": AGE_RECIPIENT,
    "proof": SIGNATURE,
    "roles": _ROLES,
}

_MECHANISM_KINDS = (
    Kind(
        "mechanism.founded",
        (MECHANISM,),
        _body(
            ("predecessor",),
            card=REFERENCE,
            people=ListOf(Record(_PERSON_RECORD), 1, 11),
            log_keys=ListOf(Setting(), 1, 4),
            promise_key=Setting(),
            service_key=PUBLIC_KEY,
            slot_hours=Count(1, 24 * 31),
            step=Count(1, 4096),
            waiting_hours=Count(0, 24 * 90),
            witness_policy=ListOf(Setting(), 0, 64),
            test=Flag(),
            predecessor=Record({"origin": Setting(), "size": Count(), "root": DIGEST}),
        ),
    ),
    Kind("act.proposed", (MECHANISM, CASE), _body(kind=Setting(64), v=Count(1), body=AnyBody())),
    Kind("person.enrolled", (MECHANISM,), _body(_PROPOSAL, **_PERSON_RECORD, proposal=LEAF)),
    Kind("person.suspended", (MECHANISM,), _body(person=PERSON)),
    Kind("role.granted", (MECHANISM,), _body(_PROPOSAL, person=PERSON, role=Setting(64), proposal=LEAF)),
    Kind(
        "channel.opened",
        (MECHANISM,),
        _body(
            _PROPOSAL,
            channel=CHANNEL_ID,
            card=REFERENCE,
            questionnaire=REFERENCE,
            draw=Count(0, 64),
            languages=ListOf(LANGUAGE_TAG, 1, 64),
            proposal=LEAF,
        ),
    ),
    Kind("card.published", (MECHANISM,), _body(card=Owned())),
    Kind(
        "fallback.appointed", (MECHANISM,), _body(_PROPOSAL, channel=CHANNEL_ID, person=PERSON, proposal=LEAF)
    ),
    Kind(
        "key.rotated",
        (MECHANISM,),
        _body(
            _PROPOSAL,
            of=OneOf(("log", "promise", "service")),
            keys=ListOf(Setting(), 1, 4),
            proposal=LEAF,
        ),
    ),
    Kind("witness.admitted", (MECHANISM,), _body(_PROPOSAL, policy=ListOf(Setting(), 1, 64), proposal=LEAF)),
    Kind("witness.dropped", (MECHANISM,), _body(witness=Setting(), slot=Count())),
    Kind("slot.marked", (MECHANISM,), _body(slot=Count(), size=Count(), root=DIGEST, roster=DIGEST)),
    Kind("cover.written", (COVERS,), _body()),
)

_CASE_KINDS = (
    Kind(
        "report.submitted",
        (CASE,),
        _body(
            key=PUBLIC_KEY,
            recipient=AGE_RECIPIENT,
            channel=CHANNEL_ID,
            card=REFERENCE,
            questionnaire=REFERENCE,
            marker=LEAF,
            rooms=Record({"report": STREAM, "dialogue": STREAM}),
            report=Owned(),
            files=_FILES,
            sealed_by=SEALED_BY,
        ),
    ),
    Kind("case.moved", (CASE,), _body(to=OneOf(MOVED_TO), next=Day())),
    Kind("case.acknowledged", (CASE,), _body(message=LEAF, next=Day())),
    Kind("handler.assigned", (CASE,), _body(person=PERSON)),
    Kind("case.closed", (CASE,), Record({"class": OneOf(CLASSES), "message": LEAF})),
)

_ROOM_KINDS = (
    Kind(
        "room.opened",
        (ROOM,),
        _body(
            _SEALED,
            case=STREAM,
            room=OneOf(ROOMS),
            recipient=AGE_RECIPIENT,
            wraps=ListOf(_WRAP, 1),
            sealed_by=SEALED_BY,
        ),
    ),
    Kind(
        "room.advanced",
        (ROOM,),
        _body(_SEALED, epoch=Count(2), recipient=AGE_RECIPIENT, wraps=ListOf(_WRAP, 1), sealed_by=SEALED_BY),
    ),
    Kind(
        "access.granted",
        (ROOM,),
        _body(reader=PERSON, wraps=ListOf(Owned({"epoch": _EPOCH}), 1)),
    ),
    Kind("access.revoked", (ROOM,), _body(reader=PERSON)),
    Kind(
        "report.added",
        (ROOM,),
        _body(_SEALED, epoch=_EPOCH, addition=Owned(), files=_FILES, sealed_by=SEALED_BY),
    ),
    Kind(
        "message.posted",
        (ROOM,),
        _body(_SEALED, epoch=_EPOCH, message=Owned(), files=_FILES, sealed_by=SEALED_BY),
    ),
    Kind("note.added", (ROOM,), _body(epoch=_EPOCH, note=Owned(), files=_FILES)),
    Kind("mailbox.closed_to_reading", (ROOM,), _body(sealed_by=SEALED_BY)),
)

_READS_KINDS = (Kind("payload.fetched", (READS,), _body(case=STREAM, payloads=ListOf(DIGEST, 1))),)

KINDS: Mapping[tuple[str, int], Kind] = {
    (kind.name, kind.version): kind for kind in (*_MECHANISM_KINDS, *_CASE_KINDS, *_ROOM_KINDS, *_READS_KINDS)
}

OPENING = {
    "mechanism.founded": MECHANISM,
    "cover.written": COVERS,
    "report.submitted": CASE,
    "room.opened": ROOM,
    "payload.fetched": READS,
}
REPORTERS = frozenset(
    {
        "report.submitted",
        "room.opened",
        "room.advanced",
        "report.added",
        "message.posted",
        "mailbox.closed_to_reading",
    }
)
SERVICE = frozenset({"slot.marked", "cover.written", "witness.dropped"})


def schema(kind: str, version: int) -> Kind:
    """The schema that `(kind, v)` names; BadEventError if this version of the software does not know it."""
    found = KINDS.get((kind, version))
    if found is None:
        raise BadEventError(f"unknown kind of event: {kind} version {version}")
    return found


def check_body(kind: str, version: int, body: JsonValue) -> None:
    """Refuse a body outside its closed schema, and a proposal whose proposed body is outside of its own."""
    schema(kind, version).body.check(body, kind)
    if kind == "act.proposed" and isinstance(body, dict):
        proposed, v, inner = str(body["kind"]), int(str(body["v"])), body["body"]
        if "proposal" not in schema(proposed, v).body.fields:
            raise BadEventError(f"{proposed} is not an act that is proposed first")
        # The act itself will carry the proposal's leaf hash besides; any value of its form stands in for it.
        check_body(proposed, v, {**inner, "proposal": "0" * 64} if isinstance(inner, dict) else inner)


def owned(kind: str, version: int, body: Mapping[str, JsonValue]) -> tuple[Payload, ...]:
    """The payloads that this event names as its own; a proposal owns nothing."""
    found = schema(kind, version).body
    return tuple(found.payloads(dict(body), kind)) if found.owns else ()
