"""Roles, and who may not be whom (separation of duties).

- A steward reads no room and holds no share, and is not the outsider who watches stewards; an auditor and a
  respondent have no other role; a custodian is nothing that reads on the same channel; whoever speaks for a
  reporter decides nothing there. Enforced when the roster changes, not discovered later.
- A role is written `steward`, or `intake:<channel>` where it belongs to a channel.
- Roles that are given for single cases read nothing by themselves: a room is granted to them, or not.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Final

GENERAL = ("steward", "records", "auditor", "publisher", "outsider")
ON_CHANNEL = ("intake", "handler", "mediator", "custodian", "recovery")
IN_CASES = ("panel", "translator", "representative", "respondent")
EVERY = (*GENERAL, *ON_CHANNEL, *IN_CASES)
READING = ("intake", "handler", "mediator", *IN_CASES)
HOLDING = ("custodian", "recovery")
# A lone steward may enrol these: they read nothing, hold nothing and decide nothing.
ALONE = ("auditor", "publisher")
# Whoever has one of these has no other role.
_ONLY: Final = ("auditor", "respondent")

_ROLE = re.compile(
    rf"(?:{'|'.join(GENERAL)}|(?:{'|'.join((*ON_CHANNEL, *IN_CASES))}):[a-z][a-z0-9-]{{0,30}})\Z"
)


def is_role(text: str) -> bool:
    """Whether the text is a role as it stands in events and in the roster."""
    return bool(_ROLE.match(text))


def name(role: str) -> str:
    """The role without its channel.

    >>> name("intake:main")
    'intake'
    """
    return role.partition(":")[0]


def channel(role: str) -> str:
    """The channel of a role, or an empty text for one that belongs to the whole mechanism."""
    return role.partition(":")[2]


def reads(roles: Iterable[str]) -> bool:
    """Whether somebody with these roles may be given a room to read."""
    return any(name(role) in READING for role in roles)


def waits(roles: Iterable[str]) -> bool:
    """Whether somebody who is given these roles later waits like a new reader."""
    return any(name(role) in (*READING, *HOLDING) for role in roles)


def needs_two_people(roles: Iterable[str]) -> bool:
    """Whether giving these roles takes two people."""
    return any(name(role) not in ALONE for role in roles)


def clash(roles: Iterable[str]) -> str | None:
    """The sentence that says which two of these roles one person must not have, or None."""
    for one, other in combinations(sorted(set(roles)), 2):
        sentence = _between(one, other) or _between(other, one)
        if sentence:
            return sentence
    return None


def _between(one: str, other: str) -> str | None:
    """Why whoever has the first role must not have the second; asked both ways."""
    first, second, together = name(one), name(other), channel(one) == channel(other)
    if first in _ONLY and first != second:
        return f"{'an' if first == 'auditor' else 'a'} {first} has no other role"
    if first == "steward" and second in (*READING, *HOLDING):
        return "a steward reads no room and holds no share"
    if first == "steward" and second == "outsider":
        return "an outsider is the second person beside a steward, so nobody is both"
    if first == "custodian" and second in ("intake", "handler") and together:
        return "a custodian is neither intake nor handler on the same channel"
    if first == "custodian" and second in READING and together:
        return "a custodian reads nothing on the same channel, whose reporters' identities they hold"
    if first == "representative" and second in (*READING, *HOLDING) and together and first != second:
        return "a representative speaks for a reporter, and has no office on the same channel"
    return None


def table() -> Iterator[str]:
    """Role by role, as a Markdown table, who may be both: yes, no, or on another channel only."""
    yield f"| | {' | '.join(EVERY)} |"
    yield f"| --- |{' --- |' * len(EVERY)}"
    for row in EVERY:
        yield f"| **{row}** | {' | '.join(_cell(row, column) for column in EVERY)} |"


def _cell(row: str, column: str) -> str:
    if row == column:
        return "·"
    here = clash([_spelled(row, "main"), _spelled(column, "main")])
    if here is None:
        return "yes"
    return "no" if clash([_spelled(row, "main"), _spelled(column, "other")]) else "elsewhere"


def _spelled(role: str, on: str) -> str:
    return role if role in GENERAL else f"{role}:{on}"
