"""The envelope of every event: one canonical JSON object, signed, bound to its stream's previous leaf.

- Exactly the fields at, body, by, kind, log, prev, seq, sig, stream, v; at most 32 KiB; RFC 8785.
- The bytes that are stored are the bytes that are hashed: an `Event` carries them along.
- Reading checks form only. Whether the signature fits, and whether the act is allowed, are `rules`.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any, cast

import msgspec

from meyasubako.crypto import canonical, merkle, signing
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.errors import BadSignatureError, NotCanonicalError
from meyasubako.domain import kinds, spelling
from meyasubako.domain.errors import BadEventError
from meyasubako.domain.schema import BASE64_64, HEX64, KEY_ID, UUID4, Payload

MAX_EVENT = 32 * 1024
MAX_BATCH = 8
_FIELDS = frozenset({"at", "body", "by", "kind", "log", "prev", "seq", "sig", "stream", "v"})
_KIND = re.compile(r"[a-z]+\.[a-z_]+\Z")
_TEXTS = {"by": KEY_ID, "kind": _KIND, "prev": HEX64, "sig": BASE64_64, "stream": UUID4}
# All five in one look: no form allows the character between them.
_TOGETHER = re.compile("\n".join(form.pattern.removesuffix(r"\Z") for form in _TEXTS.values()) + r"\Z")
_FOUNDING_PREV = "0" * 64
Texts = tuple[str, str, str, str, str]


class Event(msgspec.Struct, frozen=True):
    """One event as read: its fields, its exact bytes, and its leaf hash in hex."""

    at: date
    body: Mapping[str, JsonValue]
    by: str
    kind: str
    log: str
    prev: str
    seq: int
    sig: str
    stream: str
    v: int
    data: bytes
    leaf: str

    def payloads(self) -> tuple[Payload, ...]:
        """The payloads that this event names as its own."""
        return kinds.owned(self.kind, self.v, self.body)

    def text(self, name: str) -> str:
        """A text field of the body, which the schema has checked.

        Some other value where a replay folds an event in a stream that its kind does not belong to.
        """
        return str(self.body[name])

    def number(self, name: str) -> int:
        """An integer field of the body, which the schema has checked."""
        return self.body[name]  # type: ignore[return-value]  # a conversion would be a call an event

    def texts(self, name: str) -> list[str]:
        """A list of texts in the body, which the schema has checked."""
        return self.body[name]  # type: ignore[return-value]  # a conversion would be a call an event

    def records(self, name: str) -> tuple[dict[str, JsonValue], ...]:
        """A list of objects in the body, which the schema has checked; empty where the field is absent."""
        items = self.body.get(name)
        return tuple(item for item in items if isinstance(item, dict)) if isinstance(items, list) else ()


def _texts(fields: Mapping[str, JsonValue], first: bool) -> Texts:
    """by, kind, prev, sig and stream, each of its form; the first event of a stream has an empty prev."""
    by, kind, prev, sig, stream = (fields[name] for name in _TEXTS)
    if first and prev != "":
        raise BadEventError("the first event of a stream has an empty prev")
    values = (by, kind, _FOUNDING_PREV if first else prev, sig, stream)
    if not all(type(value) is str for value in values) or not _TOGETHER.match(
        "\n".join(cast("Texts", values))
    ):
        wrong = (name for name, form in _TEXTS.items() if not form.match(str(fields[name])))
        raise BadEventError(f"field {next(wrong, 'prev')} is malformed")
    return cast("Texts", (by, kind, prev, sig, stream))


def _count(fields: Mapping[str, JsonValue], name: str) -> int:
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadEventError(f"field {name} must be a positive integer")
    return value


@lru_cache(maxsize=4096)
def _day(value: str) -> date:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = None
    if day is None or day.isoformat() != value:
        raise BadEventError("field at must be a day, YYYY-MM-DD")
    return day


def read(data: bytes, leaf: bytes | None = None) -> Event:
    """Read one event from its exact bytes; BadEventError names what is wrong.

    `leaf` is the leaf hash of these bytes, if the caller has computed it already.
    """
    if len(data) > MAX_EVENT:
        raise BadEventError(f"an event is at most {MAX_EVENT} bytes")
    leaf = leaf or merkle.leaf_hash(data)
    return recall(data, leaf.hex()) if spelling.match(data) else read_by_fields(data, leaf)


def check(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Stream, seq and kind, as written, of bytes that `read` accepts; BadEventError as there."""
    found = spelling.match(data) if len(data) <= MAX_EVENT else None
    if found:
        return found["stream"], found["seq"], found["kind"]
    event = read(data)
    return event.stream.encode(), b"%d" % event.seq, event.kind.encode()


def read_by_fields(data: bytes, leaf: bytes) -> Event:
    """As `read`, field by field: what is wrong gets its name, and what no expression spells is read."""
    try:
        fields = canonical.decode(data)
    except NotCanonicalError as error:
        raise BadEventError(str(error)) from None
    if fields.keys() != _FIELDS:
        raise BadEventError("an event has exactly the fields " + ", ".join(sorted(_FIELDS)))
    log, body, seq, version = fields["log"], fields["body"], _count(fields, "seq"), _count(fields, "v")
    if not isinstance(log, str) or not log:
        raise BadEventError("field log must be the log's origin")
    if not isinstance(body, dict):
        raise BadEventError("field body must be an object")
    by, kind, prev, sig, stream = _texts(fields, seq == 1)
    kinds.check_body(kind, version, body)
    day = _day(str(fields["at"]))
    return Event(day, body, by, kind, log, prev, seq, sig, stream, version, data, leaf.hex())


def verify(event: Event, key: signing.VerifyKey) -> None:
    """Verify the event's signature under the key; BadSignatureError otherwise."""
    if event.by != key.key_id:
        raise BadSignatureError("the event names another key than the one it is verified with")
    signing.verify_encoded(event.data, key)


class _Envelope(msgspec.Struct):
    at: date
    body: dict[str, Any]
    by: str
    kind: str
    log: str
    prev: str
    seq: int
    sig: str
    stream: str
    v: int


_recalled = msgspec.json.Decoder(_Envelope)


def recall(data: bytes, leaf: str) -> Event:
    """The event of bytes that `read` has accepted before, with its leaf hash: at a fraction of the time."""
    found = _recalled.decode(data)
    return Event(
        found.at, found.body, found.by, found.kind, found.log, found.prev, found.seq,
        found.sig, found.stream, found.v, data, leaf,
    )  # fmt: skip


class Head(msgspec.Struct, frozen=True):
    """The end of a stream: how many events it has, and the last one's leaf hash in hex."""

    seq: int = 0
    leaf: str = ""


def write(
    kind: str,
    body: Mapping[str, JsonValue],
    *,
    at: date,
    log: str,
    stream: str,
    head: Head,
    key: signing.SigningKey,
    version: int = 1,
) -> Event:
    """Sign the next event of a stream. What is written is read back, so nobody signs a malformed event."""
    fields: dict[str, JsonValue] = {
        "at": at.isoformat(),
        "body": dict(body),
        "by": key.verify_key.key_id,
        "kind": kind,
        "log": log,
        "prev": head.leaf,
        "seq": head.seq + 1,
        "stream": stream,
        "v": version,
    }
    return read(signing.sign_event(fields, key))
