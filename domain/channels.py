"""Channels folded from the mechanism's stream: what they ask, who holds shares, which laws give their days.

- A letterbox collects for somebody outside: what is reported there is sealed to the fallback alone.
- The people named here are key ids. A key that takes the place of another is appointed anew, by two people.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain.envelope import Event


@dataclass(frozen=True, slots=True)
class Holders:
    """Who is given shares of new epochs, how many of them open one, and which leaf appointed them."""

    people: tuple[str, ...]
    threshold: int
    leaf: str = ""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Within how many days something is due, and to how many it may be extended (0: not)."""

    step: str
    days: int
    working: bool = False
    extended: int = 0


@dataclass(frozen=True, slots=True)
class Retention:
    """How long something is kept after what began its time: at least, at most (0: no bound), in days."""

    item: str
    trigger: str
    least: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """A law, or a mechanism's own word, as the days that it gives.

    `card` holds its sources and whom it names outside, if published.
    """

    name: str
    deadlines: tuple[Deadline, ...] = ()
    retention: tuple[Retention, ...] = ()
    card: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """One intake channel: its cards, its languages, and how many readers are drawn (0 means all)."""

    channel: str
    card: str
    questionnaire: str
    draw: int
    languages: tuple[str, ...]
    fallback: str | None = None
    letterbox: bool = False
    open: bool = True
    custodians: Holders | None = None
    recovery: Holders | None = None
    profiles: Mapping[str, Profile] = field(default_factory=dict)


Channels = Mapping[str, Channel]


def reference(value: JsonValue) -> str:
    """The digest that a reference to a card names; empty for anything else."""
    return str(value["ref"]) if isinstance(value, dict) else ""


def listed(value: JsonValue) -> tuple[str, ...]:
    """A list of texts in a body, which the schema has checked."""
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def without(channels: Channels, person: str, role: str) -> Channels:
    """The channels after somebody lost a role: with it goes what they were appointed to by it."""

    def left(held: Holders | None, by: str) -> Holders | None:
        if held is None or role != by:
            return held
        return replace(held, people=tuple(each for each in held.people if each != person))

    return {
        name: replace(
            channel,
            fallback=None if (role, channel.fallback) == ("outsider", person) else channel.fallback,
            custodians=left(channel.custodians, f"custodian:{name}"),
            recovery=left(channel.recovery, f"recovery:{name}"),
        )
        for name, channel in channels.items()
    }


def _opened(known: Channel | None, event: Event) -> Channel:
    asked = Channel(
        channel=event.text("channel"),
        card=reference(event.body["card"]),
        questionnaire=reference(event.body["questionnaire"]),
        draw=event.number("draw"),
        languages=listed(event.body["languages"]),
        letterbox=event.body.get("letterbox") is True,
    )
    if known is None:
        return asked
    return replace(
        known,
        card=asked.card,
        questionnaire=asked.questionnaire,
        draw=asked.draw,
        languages=asked.languages,
        letterbox=asked.letterbox,
    )


def _shut(channel: Channel, _: Event) -> Channel:
    return replace(channel, open=False)


def _number(row: Mapping[str, JsonValue], name: str) -> int:
    return int(str(row.get(name, 0)))


def _adopted(channel: Channel, event: Event) -> Channel:
    profile = Profile(
        event.text("profile"),
        tuple(
            Deadline(str(row["step"]), _number(row, "days"), row["working"] is True, _number(row, "extended"))
            for row in event.records("deadlines")
        ),
        tuple(
            Retention(str(row["item"]), str(row["trigger"]), _number(row, "least"), _number(row, "most"))
            for row in event.records("retention")
        ),
        reference(event.body.get("card", "")),
    )
    others = {name: each for name, each in channel.profiles.items() if name != profile.name}
    if not (profile.deadlines or profile.retention or profile.card):
        return replace(channel, profiles=others)  # adopted empty, it counts no longer
    return replace(channel, profiles={**others, profile.name: profile})


def holders(event: Event) -> Holders:
    """The people that a `custodians.appointed` or `recovery.appointed` appoints."""
    return Holders(listed(event.body["people"]), event.number("threshold"), event.leaf)


def _guarded(channel: Channel, event: Event) -> Channel:
    return replace(channel, custodians=holders(event))


def _recovered(channel: Channel, event: Event) -> Channel:
    return replace(channel, recovery=holders(event))


def _fallen_back(channel: Channel, event: Event) -> Channel:
    return replace(channel, fallback=event.text("person"))


_FOLDS: Mapping[str, Callable[[Channel, Event], Channel]] = {
    "channel.changed": _opened,
    "channel.closed": _shut,
    "profile.adopted": _adopted,
    "custodians.appointed": _guarded,
    "recovery.appointed": _recovered,
    "fallback.appointed": _fallen_back,
}
KINDS = frozenset({"channel.opened", *_FOLDS})
APPOINTMENTS = frozenset({"custodians.appointed", "recovery.appointed"})


def fold(channels: Channels, event: Event) -> Channels:
    """The channels after one more event about one of them, which the rules have allowed."""
    name = event.text("channel")
    if event.kind == "channel.opened":
        return {**channels, name: _opened(channels.get(name), event)}
    return {**channels, name: _FOLDS[event.kind](channels[name], event)}
