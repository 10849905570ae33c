"""Roles, and who may not be whom (separation of duties).

- A steward reads no room and holds no share; an auditor has no other role; a custodian is neither intake nor
  handler on the same channel. Enforced when the roster changes, not discovered later.
- A role is written `steward`, or `intake:<channel>` where it belongs to a channel.
"""

import re
from collections.abc import Iterable

GENERAL = ("steward", "records", "auditor", "publisher", "outsider")
ON_CHANNEL = ("intake", "handler", "mediator", "custodian", "recovery")
READING = ("intake", "handler", "mediator")
# A lone steward may enrol these: they read nothing, hold nothing and decide nothing.
ALONE = ("auditor", "publisher")

_ROLE = re.compile(rf"(?:{'|'.join(GENERAL)}|(?:{'|'.join(ON_CHANNEL)}):[a-z][a-z0-9-]{{0,30}})\Z")


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


def needs_two_people(roles: Iterable[str]) -> bool:
    """Whether giving these roles takes two people."""
    return any(name(role) not in ALONE for role in roles)


def clash(roles: Iterable[str]) -> str | None:
    """The sentence that says which two of these roles one person must not have, or None."""
    held = set(roles)
    names = {name(role) for role in held}
    if "auditor" in names and len(held) > 1:
        return "an auditor has no other role"
    if "steward" in names and names & {*READING, "custodian", "recovery"}:
        return "a steward reads no room and holds no share"
    for role in held:
        if name(role) == "custodian" and held & {f"intake:{channel(role)}", f"handler:{channel(role)}"}:
            return "a custodian is neither intake nor handler on the same channel"
    return None
