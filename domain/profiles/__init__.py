"""Profiles: a law, or a mechanism's own word, as days with their sources, read from TOML.

- Every number names where it is from, when somebody looked there last, and whether it was found there
  (`verified`) or is only remembered (`unverified`). What is not verified is confirmed by counsel first.
- Where a law counts in months, the days here are the fewest that so many months can have: never too late.
- The files beside this one are the profiles that come with the software; a mechanism may write its own.
- A file may be a stranger's: it is read whole or refused.
"""

import tomllib
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final, Literal

import msgspec

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain.errors import BadProfileError

LIMIT: Final = 64 * 1024
Status = Literal["verified", "unverified"]
_Line = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
_Days = Annotated[int, msgspec.Meta(ge=1, le=366 * 50)]


class Deadline(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Within how many days something is due: `acknowledge` and `notice` from receipt, `feedback` after."""

    step: Literal["acknowledge", "feedback", "notice"]
    days: _Days
    working: bool = False
    extended: _Days | None = None
    source: _Line
    reviewed_on: date
    status: Status
    note: str = ""


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long something is kept after what began its time: at least, at most, in days."""

    item: Literal["report", "identity", "audio"]
    trigger: Literal["submitted", "closed", "closing_year_ended"]
    least: _Days | None = None
    most: _Days | None = None
    source: _Line
    reviewed_on: date
    status: Status
    note: str = ""


class ProfileFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One profile as a file holds it."""

    name: _Name
    title: _Line
    jurisdiction: _Line
    note: str = ""
    deadline: tuple[Deadline, ...] = ()
    retention: tuple[Retention, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether every number was found where it is said to stand."""
        statuses = {*(row.status for row in self.deadline), *(row.status for row in self.retention)}
        return statuses == {"verified"}

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
    if not found.deadline and not found.retention:
        raise BadProfileError("a profile gives at least one deadline, or says how long something is kept")
    if any(row.least is None and row.most is None for row in found.retention):
        raise BadProfileError("a retention rule says at least, at most, or both")
    return found
