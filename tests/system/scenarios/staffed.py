"""A served mechanism with people who come and go, and somebody outside who reads where nobody inside may."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from meyasubako.crypto.keyfile import KeyPair
from meyasubako.service.clocks import system_clock
from meyasubako.service.config import Config, IntakeSettings
from meyasubako.service.founding import Appointed, Founder, Settings, found
from tests.system.box import ANYWHERE, ORIGIN, Box
from tests.system.scenarios.holding import SMALL, Place
from tests.system.town import settled

INSIDE = ("Keiko Sato", "Omar Haddad")
OUTSIDE = "Rui Costa"
ROLES: Mapping[str, tuple[str, ...]] = {
    "Ada Berg": ("steward",),
    "Jonas Mori": ("steward",),
    **dict.fromkeys(INSIDE, ("handler:main", "intake:main")),
    "Mei Lin": ("handler:main",),
    OUTSIDE: ("outsider",),
    "Ana Silva": ("auditor",),
}


@contextmanager
def staffed(place: Path, *, waiting_hours: int = 0) -> Iterator[Place]:
    """The mechanism served, with a clock that can be set."""
    people = {name: KeyPair.generate(name) for name in ROLES}
    founders = [Founder(people[name].person(), roles) for name, roles in ROLES.items()]
    settings = Settings(
        name="Test box",
        channel_name="Main channel",
        waiting_hours=waiting_hours,
        test=True,
        appointed=Appointed(fallback=people[OUTSIDE].signing.verify_key.key_id),
    )
    config = Config(origin=ORIGIN, doors=ANYWHERE, limits=SMALL, intake=IntakeSettings(show="at_once"))
    found(place / "box", config, settings, founders, people["Ada Berg"])
    clock = place / "clock"
    clock.write_text(system_clock().isoformat(), encoding="ascii")
    with settled(Box(place / "box", people), place, test_clock=clock) as town:
        yield Place(town, clock, [])


def listed(place: Place, name: str) -> list[str]:
    """The cases that somebody is shown."""
    rows = place.facts(name, "cases", "list")["cases"]
    assert isinstance(rows, list)
    return [row["case"] for row in rows]


def good(place: Place) -> bool:
    """Whether a blind audit of everything so far finds nothing."""
    place.town.facts("log", "publish", *place.town.by("Ada Berg"))
    return place.town.facts("audit", place.town.box.directory)["good"] is True


def two(place: Place, *words: object) -> dict[str, object]:
    """A command under `people` by one steward, confirmed by the other; gives what the first one was told."""
    told = place.town.facts("people", *words, *place.town.by("Ada Berg"))
    assert told["state"] == "proposed"
    place.town.facts("people", "confirm", told["leaf"], *place.town.by("Jonas Mori"), "--yes")
    return told
