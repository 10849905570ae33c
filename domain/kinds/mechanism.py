"""The kinds of the mechanism's own public stream, and the covers that hide how much happens."""

from typing import Final

from meyasubako.domain.kinds.kind import CASE, COVERS, MECHANISM, THE_SERVICE, Kind, body
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
    AnyBody,
    Count,
    Field,
    Flag,
    ListOf,
    OneOf,
    Owned,
    Record,
    Setting,
)

_ROLES = ListOf(Setting(64), 0, 16)
_PERSON_RECORD: dict[str, Field] = {
    "card": REFERENCE,
    "key": PUBLIC_KEY,
    "recipient": AGE_RECIPIENT,
    "proof": SIGNATURE,
    "roles": _ROLES,
}
_CHANNEL: dict[str, Field] = {
    "channel": CHANNEL_ID,
    "card": REFERENCE,
    "questionnaire": REFERENCE,
    "draw": Count(0, 64),
    "languages": ListOf(LANGUAGE_TAG, 1, 64),
    "letterbox": Flag(),
    "proposal": LEAF,
}
_OPTIONAL = ("proposal", "letterbox")
_PROPOSAL = "proposal"
_HOLDERS: dict[str, Field] = {
    "channel": CHANNEL_ID,
    "people": ListOf(PERSON, 2, 11),
    "threshold": Count(2, 11),
    "proposal": LEAF,
}
_DAYS = Count(1, 366 * 50)
_DEADLINE = Record(
    {
        "step": OneOf(("acknowledge", "feedback", "notice")),
        "days": _DAYS,
        "working": Flag(),
        "extended": _DAYS,
    },
    frozenset({"extended"}),
)
_RETENTION = Record(
    {
        "item": OneOf(("report", "identity", "audio")),
        "trigger": OneOf(("submitted", "closed", "closing_year_ended")),
        "least": _DAYS,
        "most": _DAYS,
    },
    frozenset({"least", "most"}),
)

_STEWARD: Final = ("steward",)
_TWO: Final = ("steward", "outsider")
_SERVICE: Final = (THE_SERVICE,)
_HERE: Final = (MECHANISM,)

KINDS: Final = (
    Kind(
        "mechanism.founded",
        _HERE,
        body(
            "predecessor",
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
        _STEWARD,
    ),
    Kind(
        "act.proposed",
        (MECHANISM, CASE),
        body(kind=Setting(64), v=Count(1), body=AnyBody()),
        ("whoever may do what is proposed",),
    ),
    Kind("act.withdrawn", _HERE, body(act=LEAF), ("whoever proposed it",)),
    Kind("person.enrolled", _HERE, body(_PROPOSAL, **_PERSON_RECORD, proposal=LEAF), _TWO),
    Kind("person.suspended", _HERE, body(person=PERSON), _STEWARD, "who reads the case now"),
    Kind("person.restored", _HERE, body(_PROPOSAL, person=PERSON, proposal=LEAF), _TWO),
    Kind(
        "person.retired",
        _HERE,
        body(_PROPOSAL, person=PERSON, proposal=LEAF),
        _TWO,
        "who reads the case now",
    ),
    Kind("role.granted", _HERE, body(_PROPOSAL, person=PERSON, role=Setting(64), proposal=LEAF), _TWO),
    Kind("role.withdrawn", _HERE, body(_PROPOSAL, person=PERSON, role=Setting(64), proposal=LEAF), _TWO),
    Kind("channel.opened", _HERE, body(*_OPTIONAL, **_CHANNEL), _TWO),
    Kind("channel.changed", _HERE, body(*_OPTIONAL, **_CHANNEL), _TWO),
    Kind("channel.closed", _HERE, body(_PROPOSAL, channel=CHANNEL_ID, proposal=LEAF), _TWO),
    Kind("card.published", _HERE, body(card=Owned()), _STEWARD),
    Kind(
        "profile.adopted",
        _HERE,
        body(
            _PROPOSAL,
            "card",
            channel=CHANNEL_ID,
            profile=Setting(64),
            # Where each number is from, and whether somebody has checked that.
            card=REFERENCE,
            deadlines=ListOf(_DEADLINE, 0, 16),
            retention=ListOf(_RETENTION, 0, 16),
            proposal=LEAF,
        ),
        _TWO,
    ),
    Kind("custodians.appointed", _HERE, body(_PROPOSAL, **_HOLDERS), _TWO),
    Kind("recovery.appointed", _HERE, body(_PROPOSAL, **_HOLDERS), _TWO),
    Kind(
        "fallback.appointed", _HERE, body(_PROPOSAL, channel=CHANNEL_ID, person=PERSON, proposal=LEAF), _TWO
    ),
    Kind(
        "key.rotated",
        _HERE,
        # A person's key comes with whose it was, the new recipient, and the proof that somebody holds both.
        body(
            _PROPOSAL,
            "person",
            "recipient",
            "proof",
            of=OneOf(("log", "promise", "service", "person")),
            keys=ListOf(Setting(), 1, 4),
            person=PERSON,
            recipient=AGE_RECIPIENT,
            proof=SIGNATURE,
            proposal=LEAF,
        ),
        _TWO,
        "that a key of somebody who reads the case was replaced, and why that matters",
    ),
    Kind("witness.admitted", _HERE, body(_PROPOSAL, policy=ListOf(Setting(), 1, 64), proposal=LEAF), _TWO),
    Kind("witness.dropped", _HERE, body(witness=Setting(), slot=Count()), _SERVICE),
    Kind("slot.marked", _HERE, body(slot=Count(), size=Count(), root=DIGEST, roster=DIGEST), _SERVICE),
    Kind("restore.exercised", _HERE, body(size=Count(1), root=DIGEST), _STEWARD),
    Kind(
        "software.upgraded",
        _HERE,
        body(
            version=Setting(64),
            artefacts=ListOf(Record({"name": Setting(64), "sha256": DIGEST}), 0, 16),
        ),
        _STEWARD,
    ),
    Kind("cover.written", (COVERS,), body(), _SERVICE),
)
