"""Who is missing, in plain words: what a mechanism needs to keep what it promises, and has not got."""

from collections.abc import Iterator

from meyasubako.domain import holders
from meyasubako.domain.people import Channel, Mechanism


def missing(mechanism: Mechanism) -> Iterator[str]:
    """What is missing for a full set-up, a sentence each, by the roster as the newest marker leaves it."""
    stewards, outsiders = _holding(mechanism, "steward"), _holding(mechanism, "outsider")
    if stewards + outsiders < 2:
        yield "nobody can be the second person beside the one steward: enrol another steward, or an outsider"
    elif stewards == 1:
        yield "there is one steward: if that key is lost, nobody can change the mechanism any more"
    if not _holding(mechanism, "auditor"):
        yield "nobody audits: enrol an auditor, better from outside"
    if not _holding(mechanism, "records"):
        yield "nobody keeps records: holds and erasure need a person with the role records"
    for channel in mechanism.channels.values():
        if channel.open:
            for sentence in _on(mechanism, channel):
                yield f"{channel.channel}: {sentence}"


def _on(mechanism: Mechanism, channel: Channel) -> Iterator[str]:
    last = mechanism.last_marker
    slot, name = last.slot if last else 0, channel.channel
    fallback = mechanism.fallback(name, slot)
    if channel.letterbox:
        if fallback is None:
            yield "this is a letterbox, and nobody outside reads it: nothing can be reported"
        yield "a letterbox: what comes in is read outside; with people of your own, open it to them"
        return
    readers = len(mechanism.intake(name, slot))
    if readers == 0:
        yield "nobody reads what is reported: enrol people with the role intake, or make it a letterbox"
    elif readers == 1:
        yield "one person reads what is reported: enrol a second, for whoever must leave that one out"
    if fallback is None:
        yield "nobody outside reads where everybody inside is left out: appoint a fallback (role outsider)"
    yield from identity_missing(mechanism, channel)
    if not holders.holding(mechanism, channel, "report"):
        yield (
            "nobody can recover what a lost key closed: appoint at least two people (role recovery), one "
            "of them an outsider"
        )
    if not any(profile.deadlines for profile in channel.profiles.values()):
        yield "no profile with deadlines is adopted: seven days for the acknowledgement is all that counts"


def identity_missing(mechanism: Mechanism, channel: Channel) -> Iterator[str]:
    """Why reporters on this channel are not offered to leave their name; nothing where they are."""
    if holders.identity_offered(mechanism, channel):
        return
    there = _holding(mechanism, f"custodian:{channel.channel}")
    if there < 2:
        number = {0: "no custodian", 1: "one custodian"}[there]
        yield f"this channel has {number}; an identity block needs two, outside the handling team"
    else:
        yield f"there are {there} custodians, and too few of them are appointed and past their waiting time"


def _holding(mechanism: Mechanism, role: str) -> int:
    return sum(person.active and role in person.roles for person in mechanism.people.values())
