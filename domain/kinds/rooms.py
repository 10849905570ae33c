"""The kinds of a room's stream: what is said, who reads it, and under which key."""

from typing import Final

from meyasubako.domain.kinds.kind import (
    EPOCH,
    FILES,
    HOLDER,
    REPORTER,
    ROOM,
    SEALED_BY,
    STAFF,
    WRAP,
    Kind,
    body,
)
from meyasubako.domain.schema import (
    AGE_RECIPIENT,
    DIGEST,
    LEAF,
    PERSON,
    STREAM,
    Count,
    ListOf,
    OneOf,
    Owned,
)

# Rooms that hold texts, in the order in which a case is read; and the one that nobody reads until it is
# opened.
ROOMS: Final = ("report", "dialogue", "team", "mediation", "respondent", "request")
IDENTITY: Final = "identity"

_HERE: Final = (ROOM,)
_SEALED: Final = "sealed_by"
_READERS: Final = ("whoever reads the room",)
_BOTH: Final = (REPORTER, *_READERS)
# For whom a share of the epoch's seed is sealed, and the SHA-256 of its 33 bytes; `appointed` names the event
# that says who holds shares, and how many open the epoch.
_SHARES = ListOf(Owned({"holder": PERSON, "share": DIGEST}), 2, 11)

KINDS: Final = (
    Kind(
        "room.opened",
        _HERE,
        body(
            _SEALED,
            "shares",
            "appointed",
            case=STREAM,
            room=OneOf((*ROOMS, IDENTITY)),
            recipient=AGE_RECIPIENT,
            wraps=ListOf(WRAP),
            shares=_SHARES,
            appointed=LEAF,
            sealed_by=SEALED_BY,
        ),
        (REPORTER, STAFF, "mediator"),
        "who reads it",
    ),
    Kind(
        "room.advanced",
        _HERE,
        body(
            _SEALED,
            "shares",
            "appointed",
            epoch=Count(2),
            recipient=AGE_RECIPIENT,
            wraps=ListOf(WRAP),
            shares=_SHARES,
            appointed=LEAF,
            sealed_by=SEALED_BY,
        ),
        _BOTH,
    ),
    Kind(
        "access.granted",
        _HERE,
        body(reader=PERSON, wraps=ListOf(Owned({"epoch": EPOCH}), 1)),
        _READERS,
        "who, by role, was given access",
    ),
    Kind("access.revoked", _HERE, body(reader=PERSON), (*_READERS, "steward"), "who, by role, lost access"),
    Kind(
        "report.added",
        _HERE,
        body(_SEALED, epoch=EPOCH, addition=Owned(), files=FILES, sealed_by=SEALED_BY),
        (REPORTER,),
    ),
    Kind(
        "message.posted",
        _HERE,
        body(_SEALED, epoch=EPOCH, message=Owned(), files=FILES, sealed_by=SEALED_BY),
        _BOTH,
        "the message, in the dialogue",
    ),
    Kind("note.added", _HERE, body(epoch=EPOCH, note=Owned(), files=FILES), _READERS),
    Kind("wrap.disputed", _HERE, body(epoch=EPOCH), _READERS),
    Kind("share.checked", _HERE, body(epoch=EPOCH), (HOLDER,)),
    Kind("share.disputed", _HERE, body(epoch=EPOCH), (HOLDER,)),
    Kind("mailbox.closed_to_reading", _HERE, body(sealed_by=SEALED_BY), (REPORTER,), "that it is closed"),
)
