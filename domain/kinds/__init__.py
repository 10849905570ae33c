"""The closed, versioned schemas of event bodies.

- `(kind, v)` names one schema for ever; a changed body is a new version, old ones stay readable.
- A kind belongs to one sort of stream; the kinds in `OPENING` are the only first events a stream can have.
- Reporters' events carry `sealed_by`, a claim about where the sealing happened.
- Each sort of stream has a module: `mechanism`, `cases`, `rooms`.
"""

from collections.abc import Mapping
from typing import Final

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain.errors import BadEventError
from meyasubako.domain.kinds import cases, mechanism, rooms
from meyasubako.domain.kinds.cases import CLASSES, MOVED_TO, PATHS
from meyasubako.domain.kinds.kind import (
    CASE,
    COVERS,
    MECHANISM,
    READS,
    REPORTER,
    ROOM,
    THE_SERVICE,
    Kind,
)
from meyasubako.domain.kinds.rooms import IDENTITY, ROOMS
from meyasubako.domain.schema import Payload

__all__ = [
    "CASE",
    "CLASSES",
    "COVERS",
    "IDENTITY",
    "KINDS",
    "MECHANISM",
    "MOVED_TO",
    "OPENING",
    "OWNING",
    "PATHS",
    "READS",
    "REPORTERS",
    "ROOM",
    "ROOMS",
    "SERVICE",
    "Kind",
    "check_body",
    "owned",
    "schema",
]

KINDS: Final[Mapping[tuple[str, int], Kind]] = {
    (kind.name, kind.version): kind for kind in (*mechanism.KINDS, *cases.KINDS, *rooms.KINDS)
}

OPENING: Final[Mapping[str, str]] = {
    "mechanism.founded": MECHANISM,
    "cover.written": COVERS,
    "report.submitted": CASE,
    "room.opened": ROOM,
    "payload.fetched": READS,
}
# How the payloads are found that an event of a kind owns; kinds that own none are not here.
_OWNED: Final = {named: kind.body.payloads for named, kind in KINDS.items() if kind.body.owning}
# The kinds of events that may own payloads.
OWNING: Final = frozenset(name for name, _ in _OWNED)
REPORTERS: Final = frozenset(kind.name for kind in KINDS.values() if REPORTER in kind.by)
SERVICE: Final = frozenset(kind.name for kind in KINDS.values() if THE_SERVICE in kind.by)


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
        if not schema(proposed, v).takes_two:
            raise BadEventError(f"{proposed} is not an act that is proposed first")
        # The act itself will carry the proposal's leaf hash besides; any value of its form stands in for it.
        check_body(proposed, v, {**inner, "proposal": "0" * 64} if isinstance(inner, dict) else inner)


def owned(kind: str, version: int, body: Mapping[str, JsonValue]) -> tuple[Payload, ...]:
    """The payloads that this event names as its own; a proposal owns nothing."""
    named = _OWNED.get((kind, version))
    return named(body) if named is not None else ()
