"""Founding a mechanism: the only act that is written locally and not sent through a door.

One batch: `mechanism.founded` and the first cards, channel and covers signed by the first steward and the
service key, ending with the first slot marker; then the first checkpoint. Its leaf 0 is what the poster's
fingerprint is made of.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from meyasubako.crypto import canonical
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.keyfile import KeyPair, Person
from meyasubako.domain.acts import Request
from meyasubako.domain.envelope import Event
from meyasubako.domain.profiles import ProfileFile
from meyasubako.domain.sealing import Sealed, sealed
from meyasubako.service.clocks import Clock, system_clock
from meyasubako.service.config import NO_ABUSE_LIMITS, Abuse, Config
from meyasubako.service.errors import ConfigError
from meyasubako.service.keys import ServerKeys
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.store.sqlite import Store

_SALT = 16


@dataclass(frozen=True, slots=True)
class Founder:
    """Somebody who is on the roster from the first day, with their roles (`steward`, `intake:main`, …)."""

    person: Person
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Appointed:
    """Who of the founders holds shares or stands outside from the first day, by key id, and what counts.

    `profiles` are files with their text. Whatever is empty is appointed later, by two people.
    """

    custodians: tuple[str, ...] = ()
    recovery: tuple[str, ...] = ()
    threshold: int = 2
    fallback: str = ""
    letterbox: bool = False
    profiles: tuple[tuple[ProfileFile, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What leaf 0 fixes for ever, and the first channel. Durations in hours, `step` in entries a slot."""

    name: str
    channel_name: str
    languages: tuple[str, ...] = ("en", "ja")
    channel: str = "main"
    draw: int = 0
    slot_hours: int = 24
    step: int = 64
    waiting_hours: int = 24
    test: bool = False
    questionnaire: Mapping[str, JsonValue] | None = None
    appointed: Appointed = Appointed()
    # The last tree of a log that this one goes on from under a new origin, since that one could not go on.
    predecessor: Checkpoint | None = None


def card(fields: Mapping[str, JsonValue]) -> Sealed:
    """A public text that a mechanism publishes, salted so that its digest tells nothing once it is erased."""
    return sealed(canonical.encode_document({**fields, "salt": os.urandom(_SALT).hex(), "v": 1}))


def _reference(published: Sealed) -> dict[str, JsonValue]:
    return {"ref": published.digest}


def found(
    directory: Path,
    config: Config,
    settings: Settings,
    founders: Sequence[Founder],
    steward: KeyPair,
    *,
    clock: Clock = system_clock,
) -> Event:
    """Found a mechanism in a new directory; gives leaf 0. Nothing is left behind where it fails."""
    if directory.exists() and any(directory.iterdir()):
        raise ConfigError(f"{directory} is not empty: a mechanism is founded in a new directory")
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    try:
        return _found(directory, config, settings, founders, steward, clock)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def _found(
    directory: Path,
    config: Config,
    settings: Settings,
    founders: Sequence[Founder],
    steward: KeyPair,
    clock: Clock,
) -> Event:
    if settings.test and config.abuse == Abuse():
        # Trials are visited by programs that are quicker than people.
        config = msgspec.structs.replace(config, abuse=NO_ABUSE_LIMITS)
    config.write(directory)
    keys = ServerKeys.create(directory, config.origin)
    mechanism = Mechanism(directory, config, keys, Store.create(directory), clock)
    try:
        request = Request(config.origin, steward.signing, clock())
        stream = mechanism.fresh_id()
        _write_founding(request, stream, settings, founders, keys)
        mechanism.begin(request.events, request.payloads)
        return request.events[0]
    finally:
        mechanism.close()


def _write_founding(
    request: Request, stream: str, settings: Settings, founders: Sequence[Founder], keys: ServerKeys
) -> None:
    name = card({"kind": "mechanism", "name": settings.name})
    channel = card({"kind": "channel", "name": settings.channel_name})
    questionnaire = card({"kind": "questionnaire", **(settings.questionnaire or {"id": "standard"})})
    people = [(founder, card({"kind": "person", "name": founder.person.name})) for founder in founders]
    rows: list[JsonValue] = [
        {
            "card": _reference(shown),
            "key": founder.person.key.text,
            "recipient": founder.person.recipient.text,
            "proof": founder.person.proof,
            "roles": list[JsonValue](sorted(founder.roles)),
        }
        for founder, shown in people
    ]
    body: dict[str, JsonValue] = {
        "card": _reference(name),
        "people": rows,
        "log_keys": [signer.key.text for signer in keys.log],
        "promise_key": keys.promise.key.text,
        "service_key": keys.service.verify_key.text,
        "slot_hours": settings.slot_hours,
        "step": settings.step,
        "waiting_hours": settings.waiting_hours,
        "witness_policy": [],
        "test": settings.test,
    }
    before = settings.predecessor
    if before is not None:
        if before.origin == request.log:
            raise ConfigError("a log that goes on from another one has an origin of its own")
        body["predecessor"] = {"origin": before.origin, "size": before.size, "root": before.root.hex()}
    request.add("mechanism.founded", stream, body)
    for each in (name, *(shown for _, shown in people), channel, questionnaire):
        request.add("card.published", stream, {"card": each.reference}, [each])
    opened: dict[str, JsonValue] = {
        "channel": settings.channel,
        "card": _reference(channel),
        "questionnaire": _reference(questionnaire),
        "draw": settings.draw,
        "languages": list[JsonValue](settings.languages),
    }
    request.add("channel.opened", stream, opened)
    _appoint(request, stream, settings.channel, opened, settings.appointed)


def _appoint(
    request: Request, stream: str, channel: str, opened: Mapping[str, JsonValue], appointed: Appointed
) -> None:
    """Who stands outside, who holds shares, which profiles count: all before the first marker."""
    if appointed.fallback:
        request.add("fallback.appointed", stream, {"channel": channel, "person": appointed.fallback})
    if appointed.letterbox:
        request.add("channel.changed", stream, {**opened, "letterbox": True})
    for kind, people in (
        ("custodians.appointed", appointed.custodians),
        ("recovery.appointed", appointed.recovery),
    ):
        if people:
            holders: dict[str, JsonValue] = {
                "channel": channel,
                "people": list[JsonValue](people),
                "threshold": appointed.threshold,
            }
            request.add(kind, stream, holders)
    for profile, text in appointed.profiles:
        shown = card({"kind": "profile", "name": profile.title, "text": text})
        request.add("card.published", stream, {"card": shown.reference}, [shown])
        request.add("profile.adopted", stream, profile.body(channel, shown.digest))
