"""The canonical bytes of events as regular expressions, compiled from the closed schemas.

- What matches is an event: canonical JSON, each field of its form, the body in its kind's schema. So one look
  at the bytes tells of nearly every event what reading it field by field tells, at a fraction of the time.
- What does not match may still be one (a number of sixteen digits, the 29th of February, a proposal): then
  `envelope` reads it field by field, and that is also where what is wrong gets its name.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from meyasubako.domain import kinds
from meyasubako.domain.kinds import Kind
from meyasubako.domain.schema import (
    BASE64_64,
    HEX64,
    KEY_ID,
    MAX_COUNT,
    UUID4,
    Count,
    Day,
    Field,
    Flag,
    ListOf,
    OneOf,
    Owned,
    Pattern,
    Record,
    Setting,
)

# Strings are printable ASCII without the quote and the backslash, so nothing in them is escaped.
_CHARACTER: Final = r"[ !#-\[\]-~]"
# Days that every year has.
_MONTH_AND_DAY: Final = (
    "(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_DAY: Final = f'"(?!0000)[0-9]{{4}}-{_MONTH_AND_DAY}"'
_KIND: Final = b'"kind":"'


def match(data: bytes) -> re.Match[bytes] | None:
    """The match of an event's bytes, groups `stream`, `seq` and `kind`; None where only reading tells."""
    # In an event nothing after its own kind holds these bytes: strings hold no quote.
    place = data.rfind(_KIND) + len(_KIND)
    key = data[place : data.find(b'"', place)], data[data.rfind(b":") + 1 : -1]
    known = _KNOWN.get(key)
    if known is None:
        return None
    compiled = _compiled.get(key)
    if compiled is None:
        compiled = _compiled[key] = re.compile(_event(known))
    return compiled.fullmatch(data)


def _event(kind: Kind) -> bytes:
    body = _spelled(kind.body)
    if body is None:
        return rb"(?!)"  # matches nothing
    # The first event of a stream has no prev; every other one has.
    seq = f"(?P<seq>(?(prev){_number(2, MAX_COUNT)}|1))"
    spelled = (
        rf'\{{"at":{_DAY},"body":{body},"by":"{_form(KEY_ID)}","kind":"(?P<kind>{re.escape(kind.name)})",'
        rf'"log":"{_CHARACTER}+","prev":"(?P<prev>{_form(HEX64)})?","seq":{seq},"sig":"{_form(BASE64_64)}",'
        rf'"stream":"(?P<stream>{_form(UUID4)})","v":{kind.version}\}}'
    )
    return spelled.encode("ascii")


def _form(form: re.Pattern[str]) -> str:
    return form.pattern.removesuffix(r"\Z")


def _spelled(value: Field) -> str | None:
    """An expression for canonical bytes that fit the field; None where there is none to give."""
    match value:
        case Pattern(form):
            return f'"{_form(form)}"'
        case Count(low, high):
            return _number(low, high)
        case Flag():
            return "(?:true|false)"
        case OneOf(words):
            return f'"(?:{"|".join(map(re.escape, words))})"'
        case Day():
            return _DAY
        case Setting(longest):
            return f'"{_CHARACTER}{{1,{longest}}}"'
        case Owned():
            return _record(value.record)
        case Record():
            return _record(value)
        case ListOf(item, least, most):
            return _list(_spelled(item), least, most)
        case _:
            return None


def _number(low: int, high: int) -> str | None:
    """Numbers from a single digit on, with as many digits as none that is too great has."""
    digits = len(str(high + 1)) - 1
    if low > 9 or digits < 1:
        return None
    more = f"|[1-9][0-9]{{1,{digits - 1}}}" if digits > 1 else ""
    return f"(?:[{low}-9]{more})"


def _list(item: str | None, least: int, most: int) -> str | None:
    if item is None or most < 1:
        return None
    some = f"{item}(?:,{item}){{{max(least, 1) - 1},{most - 1}}}"
    return rf"\[{some}\]" if least else rf"\[(?:{some})?\]"


def _record(record: Record) -> str | None:
    members = list(_members(record))
    if any(spelled is None for _, spelled in members):
        return None
    first = next((place for place, (name, _) in enumerate(members) if name not in record.optional), None)
    if first is None:
        return None if members else r"\{\}"
    # Commas stand before the first field that is always there, and after it.
    before = "".join(f'(?:"{name}":{spelled},)?' for name, spelled in members[:first])
    name, spelled = members[first]
    return rf'\{{{before}"{name}":{spelled}{_after(members[first + 1 :], record.optional)}\}}'


def _after(members: Iterable[tuple[str, str | None]], optional: frozenset[str]) -> str:
    return "".join(
        f'(?:,"{name}":{spelled})?' if name in optional else f',"{name}":{spelled}'
        for name, spelled in members
    )


def _members(record: Record) -> Iterator[tuple[str, str | None]]:
    for name, each in sorted(record.fields.items()):
        yield name, _spelled(each)


_KNOWN: Final = {
    (name.encode(), str(version).encode()): kind for (name, version), kind in kinds.KINDS.items()
}
_compiled: dict[tuple[bytes, bytes], re.Pattern[bytes]] = {}
