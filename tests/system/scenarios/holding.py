"""A served mechanism with custodians and people who recover, and who does what there at a command line."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from meyasubako.crypto.keyfile import KeyPair
from meyasubako.crypto.receipt import Receipt
from meyasubako.service.clocks import file_clock, system_clock
from meyasubako.service.config import Config, IntakeSettings, Limits
from meyasubako.service.founding import Appointed, Founder, Settings, found
from tests.system.box import ANYWHERE, ORIGIN, Box
from tests.system.town import Ended, Town, settled

HANDLERS = ("Keiko Sato", "Omar Haddad")
CUSTODIANS = ("Cyra Noor", "Cleo Brandt", "Cora Lindqvist")
RECOVERY = ("Rex Okafor", "Ruth Meyer", "Ria Castro")
ROLES: Mapping[str, tuple[str, ...]] = {
    "Ada Berg": ("steward",),
    "Jonas Mori": ("steward",),
    **dict.fromkeys(HANDLERS, ("handler:main", "intake:main")),
    **dict.fromkeys(CUSTODIANS, ("custodian:main",)),
    "Rex Okafor": ("recovery:main",),
    "Ruth Meyer": ("recovery:main",),
    "Ria Castro": ("outsider", "recovery:main"),
    "Ana Silva": ("auditor",),
}
WHO = "Noor Haddad, Hafenstrasse 3, IDENTITY-CANARY-4417"
SMALL = Limits(workers=1, threads=16, upload_bytes=2 * 1024 * 1024, files=3, text_characters=2000)


def found_with_holders(directory: Path) -> Box:
    """Any two of three custodians open an identity, any two of three others restore what a key opened."""
    people = {name: KeyPair.generate(name) for name in ROLES}
    founders = [Founder(people[name].person(), roles) for name, roles in ROLES.items()]

    def ids(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(people[name].signing.verify_key.key_id for name in names)

    settings = Settings(
        name="Test box",
        channel_name="Main channel",
        waiting_hours=0,
        test=True,
        appointed=Appointed(custodians=ids(CUSTODIANS), recovery=ids(RECOVERY)),
    )
    config = Config(origin=ORIGIN, doors=ANYWHERE, limits=SMALL, intake=IntakeSettings(show="at_once"))
    found(directory, config, settings, founders, people["Ada Berg"])
    return Box(directory, people)


@dataclass
class Place:
    """The town, its case, and the hand on its clock."""

    town: Town
    clock: Path
    receipts: list[str]

    def pass_days(self, days: int) -> None:
        """Let days pass for the service; people at command lines stay in today."""
        later = file_clock(self.clock)() + timedelta(days=days)
        # In one step: a process may look at any moment.
        written = self.clock.with_name("later")
        written.write_text(later.isoformat(), encoding="ascii")
        written.replace(self.clock)

    def report(self, *words: object, text: str = "Gravel in the concrete.") -> str:
        """A report by the reporter's own tool; gives the case."""
        facts = self.town.facts(*self.town.reporter("report", "--text", text, "--yes", *words))
        self.receipts.append(str(facts["receipt"]))
        return self.town.box.cases_of(self.receipts[-1:])[self.receipts[-1]]

    def identified(self) -> str:
        """A report whose reporter says who they are."""
        path = self.town.place / "who.txt"
        path.write_text(WHO)
        return self.report("--identity", path)

    def mailbox(self) -> dict[str, Any]:
        """What the last reporter sees."""
        return self.town.facts(*self.town.reporter("mailbox"), typed=self.receipts[-1] + "\n")

    def command(self, name: str, group: str, verb: str, *words: object) -> Ended:
        return self.town.command(*self.typed(name, group, verb, *words))

    def facts(self, name: str, group: str, verb: str, *words: object) -> dict[str, Any]:
        return self.town.facts(*self.typed(name, group, verb, *words))

    def typed(self, name: str, group: str, verb: str, *words: object) -> list[object]:
        return [group, verb, *words, *self.town.by(name), *self.town.sure()]

    def act(self, name: str, verb: str, *words: object, group: str = "identity") -> str:
        """One act; gives its leaf hash."""
        return str(self.facts(name, group, verb, *words)["leaf"])

    def request(self, case: str) -> str:
        """The one request of a case, as the log has it."""
        return next(iter(self.town.box.ledger().cases[case].requests))

    def receipt(self) -> Receipt:
        return Receipt.parse(self.receipts[-1])


@contextmanager
def held(place: Path) -> Iterator[Place]:
    """The mechanism served, with a clock that can be set."""
    box = found_with_holders(place / "box")
    clock = place / "clock"
    clock.write_text(system_clock().isoformat(), encoding="ascii")
    with settled(box, place, test_clock=clock) as town:
        yield Place(town, clock, [])
