"""Who is given shares of a room's key: custodians of an identity, recovery holders of everything else.

- Any k of the people appointed together open an epoch; fewer learn nothing (formats, section 10).
- Nobody holds a share of a case from which the reporter left them out, or from which they were taken off; nor
  does a key that took the place of such a key. Where fewer than k are left, there are no shares.
- Recovery needs somebody from outside among its holders: insiders alone never open what others read.
- A custodian reads no case whose identity they hold a share of.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from meyasubako.domain.channels import Channel
from meyasubako.domain.kinds import IDENTITY
from meyasubako.domain.people import Mechanism
from meyasubako.domain.rooms import Room, present

# Rooms that recovery opens again. A request for an identity is read by its custodians, who keep it.
RECOVERABLE: Final = frozenset({"report", "dialogue", "team", "mediation", "respondent"})
FEWEST: Final = 2


@dataclass(frozen=True, slots=True)
class Holding:
    """Who gets a share of a new epoch (key id to recipient), how many open it, which leaf appointed them."""

    people: Mapping[str, str]
    threshold: int
    leaf: str


def appointed(mechanism: Mechanism, channel: Channel, room: str) -> Holding | None:
    """Those of the people appointed for a room of this name who may act now; None where nobody is appointed.

    Fewer than `threshold` may be left: then nobody is given a share, see `holding`.
    """
    named = channel.custodians if room == IDENTITY else channel.recovery if room in RECOVERABLE else None
    last = mechanism.last_marker
    if named is None or last is None:
        return None
    usable = (mechanism.usable(person, last.slot) for person in sorted(named.people))
    return Holding({each.key_id: each.recipient for each in usable if each}, named.threshold, named.leaf)


def holding(
    mechanism: Mechanism, channel: Channel, room: str, without: Collection[str] = ()
) -> Holding | None:
    """Exactly those who get a share of a new epoch: nobody in `without`, and nobody at all where too few are
    left; None where nobody is appointed.
    """
    found = appointed(mechanism, channel, room)
    if found is None:
        return None
    left = {
        person: recipient
        for person, recipient in found.people.items()
        if not stands_for(mechanism, person, without)
    }
    if len(left) < max(FEWEST, found.threshold) or not _enough(mechanism, room, left):
        left = {}
    return Holding(left, found.threshold, found.leaf)


def _enough(mechanism: Mechanism, room: str, people: Collection[str]) -> bool:
    return room == IDENTITY or any(mechanism.people[person].has("outsider") for person in people)


def identity_offered(mechanism: Mechanism, channel: Channel, without: Collection[str] = ()) -> Holding | None:
    """Who would hold shares of what a reporter tells of themselves; None where it is not offered.

    `without` are the people whom the reporter left out, and those who read the report.
    """
    found = holding(mechanism, channel, IDENTITY, without)
    return found if found and found.people else None


def stands_for(mechanism: Mechanism, person: str, others: Collection[str]) -> bool:
    """Whether this key, or one that it took the place of, is among the others."""
    while person:
        if person in others:
            return True
        known = mechanism.people.get(person)
        person = known.replaces if known else ""
    return False


def left_out(room: Room, mechanism: Mechanism) -> frozenset[str]:
    """Who holds no share of this room's coming epochs: was left out when it was opened, or taken off since.

    Follows from the room's own stream and the mechanism's public one alone.
    """
    first = mechanism.appointments.get(room.appointed[0])
    given = {share.holder for share in room.shares if share.epoch == 1}
    return (frozenset(first.people) - given if first else frozenset()) | room.revoked


def next_holding(room: Room, mechanism: Mechanism) -> Holding | None:
    """Who gets a share of the room's next epoch."""
    channel = mechanism.channels[room.channel]
    return holding(mechanism, channel, room.name, left_out(room, mechanism))


def holders_of(room: Room, epoch: int) -> frozenset[str]:
    """The key ids of those who were given a share of this epoch."""
    return frozenset(share.holder for share in room.shares if share.epoch == epoch)


def threshold_of(room: Room, epoch: int, mechanism: Mechanism) -> int:
    """How many shares open this epoch; 0 where there are none."""
    named = mechanism.appointments.get(room.appointed[epoch - 1])
    return named.threshold if named and holders_of(room, epoch) else 0


def shared_epochs(room: Room) -> tuple[int, ...]:
    """The epochs of which there are shares."""
    return tuple(sorted({share.epoch for share in room.shares}))


def holds_share(room: Room | None, person: str) -> bool:
    """Whether the person holds a share of any epoch of this room."""
    return room is not None and any(share.holder == person for share in room.shares)


def readers_now(room: Room | None, mechanism: Mechanism) -> frozenset[str]:
    """Who of the staff reads a room that may not exist."""
    return present(room, mechanism) - {room.reporter} if room else frozenset()
