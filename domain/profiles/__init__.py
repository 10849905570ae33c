"""Profiles: a law, or a mechanism's own word, as days and bodies outside with their sources, read from TOML.

- Every number and every body outside names where it is from, when somebody looked there last, and whether it
  was found there (`verified`) or is only remembered (`unverified`). What is not verified is confirmed by
  counsel first.
- A body outside is an authority or another place to which anybody may turn instead of the mechanism, or
  besides. Its addresses are plain text that cannot look like something else: no sign that turns the direction
  of writing, no letter of another script in a web address, nothing after it that could tell who asks.
- Where a law counts in months, the days here are the fewest that so many months can have: never too late.
- The files beside this one are the profiles that come with the software; a mechanism may write its own.
- A file may be a stranger's: it is read whole or refused.
"""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Final, Literal, get_args

import msgspec

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain.errors import BadProfileError

LIMIT: Final = 64 * 1024
Status = Literal["verified", "unverified"]
_Line = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
_Days = Annotated[int, msgspec.Meta(ge=1, le=366 * 50)]
# What a body outside is for, in the order in which a reporter is shown it.
Purpose = Literal[
    "emergency",
    "labour",
    "human_rights",
    "breaches",
    "legal_advice",
    "migrants",
    "data_protection",
    "finance",
    "business",
]
PURPOSES: Final[tuple[str, ...]] = get_args(Purpose)
# Neither control characters nor those that turn the direction of writing; what joins letters may stay.
_Shown = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=120,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]+\Z",
    ),
]
_Tag = Annotated[str, msgspec.Meta(max_length=35, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")]
_Phone = Annotated[str, msgspec.Meta(max_length=32, pattern=r"^[0-9+#*]([0-9 ()/#*-]*[0-9#*])?\Z")]
_Web = Annotated[
    str, msgspec.Meta(max_length=120, pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9._~%/+-]*)?\Z")
]


class Sourced(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every row says: where it is from, when somebody looked there, and whether it was found."""

    source: _Line
    reviewed_on: date
    status: Status
    note: str = ""


class Deadline(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Within how many days something is due: `acknowledge` and `notice` from receipt, `feedback` after."""

    step: Literal["acknowledge", "feedback", "notice"]
    days: _Days
    working: bool = False
    extended: _Days | None = None


class Retention(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long something is kept after what began its time: at least, at most, in days."""

    item: Literal["report", "identity", "audio"]
    trigger: Literal["submitted", "closed", "closing_year_ended"]
    least: _Days | None = None
    most: _Days | None = None


class Outside(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A body outside: its name as it writes it and in English, what it is for, and where it is reached.

    `languages` are those in which somebody there answers, as far as is known. A web address has no scheme.
    """

    name: _Shown
    language: _Tag
    english: _Shown
    purpose: Purpose
    phone: _Phone | None = None
    web: _Web | None = None
    post: _Shown | None = None
    languages: Annotated[tuple[_Tag, ...], msgspec.Meta(max_length=32)] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it is reached, as text."""
        return tuple(each for each in (self.phone, self.web, self.post) if each)


class ProfileFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One profile as a file holds it."""

    name: _Name
    title: _Line
    jurisdiction: _Line
    note: str = ""
    deadline: tuple[Deadline, ...] = ()
    retention: tuple[Retention, ...] = ()
    # Few: a reporter in a hurry reads the list on a phone.
    outside: Annotated[tuple[Outside, ...], msgspec.Meta(max_length=8)] = ()

    @property
    def verified(self) -> bool:
        """Whether every number and address was found where it is said to stand."""
        rows: tuple[Sourced, ...] = (*self.deadline, *self.retention, *self.outside)
        return all(row.status == "verified" for row in rows)

    def body(self, channel: str, card: str = "") -> dict[str, JsonValue]:
        """The body of the `profile.adopted` by which a channel takes it; `card` is the published file's."""
        found: dict[str, JsonValue] = {
            "channel": channel,
            "profile": self.name,
            "deadlines": [
                _without_none(
                    {"step": row.step, "days": row.days, "working": row.working}, extended=row.extended
                )
                for row in self.deadline
            ],
            "retention": [
                _without_none({"item": row.item, "trigger": row.trigger}, least=row.least, most=row.most)
                for row in self.retention
            ],
        }
        return {**found, "card": {"ref": card}} if card else found


def _without_none(row: Mapping[str, JsonValue], **optional: int | None) -> dict[str, JsonValue]:
    return {**row, **{name: value for name, value in optional.items() if value is not None}}


def parse(text: str) -> ProfileFile:
    """Read a profile; BadProfileError says what is wrong."""
    if len(text) > LIMIT:
        raise BadProfileError(f"a profile has at most {LIMIT} characters")
    try:
        found = msgspec.convert(tomllib.loads(text), ProfileFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise BadProfileError(f"this is no profile: {error}") from None
    if not (found.deadline or found.retention or found.outside):
        raise BadProfileError(
            "a profile gives at least one deadline, says how long something is kept, or names a body outside"
        )
    if any(row.least is None and row.most is None for row in found.retention):
        raise BadProfileError("a retention rule says at least, at most, or both")
    if not all(body.addresses for body in found.outside):
        raise BadProfileError("a body outside is reached by phone, web or post: give at least one of them")
    return found


def by_purpose(adopted: Iterable[ProfileFile]) -> tuple[tuple[str, tuple[Outside, ...]], ...]:
    """The bodies outside that these profiles name, each once, under what they are for.

    Where two profiles name the same body, what the first says of it counts.
    """
    known: dict[str, Outside] = {}
    for profile in adopted:
        for body in profile.outside:
            known.setdefault(body.name, body)
    found = ((each, tuple(body for body in known.values() if body.purpose == each)) for each in PURPOSES)
    return tuple((purpose, bodies) for purpose, bodies in found if bodies)
