"""Closed schemas for event bodies.

- Every field is checked by value, not only by type; an unknown or missing field is refused.
- A payload reference `{"sha256", "size"}` names a digest as the event's own; `{"ref"}` mentions one.
- Nothing here accepts free text: `Setting` is for the mechanism's own stream only.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain.errors import BadEventError

HEX64 = re.compile(r"[0-9a-f]{64}\Z")
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
KEY_ID = re.compile(r"[A-Za-z0-9_-]{43}\Z")
BASE64_32 = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\Z")
# The last letter's trailing bits are zero: a signature has one spelling.
BASE64_64 = re.compile(r"[A-Za-z0-9+/]{85}[AQgw]==\Z")
RECIPIENT = re.compile(r"age1pq1[02-9ac-hj-np-z]{1952}\Z")
CHANNEL = re.compile(r"[a-z][a-z0-9-]{0,30}\Z")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}\Z")
MAX_COUNT = 2**53 - 1


class Payload(msgspec.Struct, frozen=True):
    """A payload that an event names as its own: SHA-256 and sealed size, and the field's name."""

    digest: str
    size: int
    use: str


class Field(ABC):
    """One field of a body."""

    @abstractmethod
    def check(self, value: JsonValue, path: str) -> None:
        """Raise BadEventError with the field's path unless the value fits."""


def _refuse(path: str, wanted: str) -> BadEventError:
    return BadEventError(f"field {path} must be {wanted}")


@dataclass(frozen=True, slots=True)
class Pattern(Field):
    """A string of one exact form."""

    pattern: re.Pattern[str]
    wanted: str

    def check(self, value: JsonValue, path: str) -> None:
        if not isinstance(value, str) or not self.pattern.match(value):
            raise _refuse(path, self.wanted)


@dataclass(frozen=True, slots=True)
class Count(Field):
    """A non-negative integer within bounds."""

    low: int = 0
    high: int = MAX_COUNT

    def check(self, value: JsonValue, path: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise _refuse(path, f"an integer from {self.low} to {self.high}")


@dataclass(frozen=True, slots=True)
class Flag(Field):
    """True or false."""

    def check(self, value: JsonValue, path: str) -> None:
        if not isinstance(value, bool):
            raise _refuse(path, "true or false")


@dataclass(frozen=True, slots=True)
class OneOf(Field):
    """One of a closed list of words."""

    words: tuple[str, ...]

    def check(self, value: JsonValue, path: str) -> None:
        if value not in self.words:
            raise _refuse(path, "one of " + ", ".join(self.words))


@dataclass(frozen=True, slots=True)
class Day(Field):
    """A UTC day, YYYY-MM-DD."""

    def check(self, value: JsonValue, path: str) -> None:
        try:
            good = isinstance(value, str) and date.fromisoformat(value).isoformat() == value
        except ValueError:
            good = False
        if not good:
            raise _refuse(path, "a day, YYYY-MM-DD")


@dataclass(frozen=True, slots=True)
class Setting(Field):
    """A setting or the name of a log, in the mechanism's stream only (the alphabet is the envelope's)."""

    longest: int = 4096

    def check(self, value: JsonValue, path: str) -> None:
        if not isinstance(value, str) or not 0 < len(value) <= self.longest:
            raise _refuse(path, f"a text of 1 to {self.longest} characters")


@dataclass(frozen=True, slots=True)
class Record(Field):
    """An object with exactly these fields; those in `optional` may be absent."""

    fields: Mapping[str, Field]
    optional: frozenset[str] = frozenset()
    # The fields that name payloads, and whether each is a list of them.
    owning: tuple[tuple[str, bool], ...] = field(init=False)

    def __post_init__(self) -> None:
        if any(isinstance(each, Record) and each.owning for each in map(_item, self.fields.values())):
            raise TypeError("payloads are named by a body itself, not by objects in it")
        owning = [
            (name, isinstance(each, ListOf))
            for name, each in self.fields.items()
            if isinstance(_item(each), Owned)
        ]
        object.__setattr__(self, "owning", tuple(owning))

    def check(self, value: JsonValue, path: str) -> None:
        if not isinstance(value, dict):
            raise _refuse(path, "an object")
        if value.keys() != self.fields.keys():
            self._check_names(value, path)
        for name, item in value.items():
            self.fields[name].check(item, f"{path}.{name}")

    def _check_names(self, value: Mapping[str, JsonValue], path: str) -> None:
        unknown = value.keys() - self.fields.keys()
        missing = self.fields.keys() - self.optional - value.keys()
        if unknown:
            raise BadEventError(f"unknown field {path}.{min(unknown)}")
        if missing:
            raise BadEventError(f"missing field {path}.{min(missing)}")

    def payloads(self, body: Mapping[str, Any]) -> tuple[Payload, ...]:
        """The payloads that a body which fits names as its event's own; `use` is the field's name."""
        return tuple(
            [
                Payload(each["sha256"], each["size"], name)
                for name, many in self.owning
                if (named := body.get(name))
                for each in (named if many else (named,))
            ]
        )


@dataclass(frozen=True, slots=True)
class Owned(Field):
    """`{"sha256", "size"}` and, where named, more fields: a payload that the event names as its own."""

    also: Mapping[str, Field] = field(default_factory=dict)
    record: Record = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "record", Record({"sha256": DIGEST, "size": Count(1), **self.also}))

    def check(self, value: JsonValue, path: str) -> None:
        self.record.check(value, path)


@dataclass(frozen=True, slots=True)
class ListOf(Field):
    """A list of between `least` and `most` items of one form."""

    item: Field
    least: int = 0
    most: int = 64

    def check(self, value: JsonValue, path: str) -> None:
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            raise _refuse(path, f"a list of {self.least} to {self.most} items")
        for number, item in enumerate(value):
            self.item.check(item, f"{path}[{number}]")


@dataclass(frozen=True, slots=True)
class AnyBody(Field):
    """A body that the proposed kind's own schema checks, see `kinds.check_body`."""

    def check(self, value: JsonValue, path: str) -> None:
        if not isinstance(value, dict):
            raise _refuse(path, "an object")


def _item(each: Field) -> Field:
    return each.item if isinstance(each, ListOf) else each


DIGEST = Pattern(HEX64, "64 lower-case hex digits")
LEAF = Pattern(HEX64, "a leaf hash in 64 lower-case hex digits")
STREAM = Pattern(UUID4, "a random UUID")
PERSON = Pattern(KEY_ID, "a key id")
PUBLIC_KEY = Pattern(BASE64_32, "a public key of 32 bytes in base64")
SIGNATURE = Pattern(BASE64_64, "a signature of 64 bytes in base64")
AGE_RECIPIENT = Pattern(RECIPIENT, "an age1pq1 recipient")
CHANNEL_ID = Pattern(CHANNEL, "a channel's id")
LANGUAGE_TAG = Pattern(LANGUAGE, "a language tag")
REFERENCE = Record({"ref": DIGEST})
