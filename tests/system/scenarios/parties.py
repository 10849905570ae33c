"""A served mechanism with a mediator and somebody who answers for the organisation; whole days can pass."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from meyasubako.crypto.keyfile import KeyPair
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain.case import Case
from meyasubako.service.client.desk import Desk
from meyasubako.service.client.handler import HandlerClient
from meyasubako.service.client.mailbox import Letters
from meyasubako.service.clocks import system_clock
from meyasubako.service.config import Config, IntakeSettings
from meyasubako.service.founding import Appointed, Founder, Settings, found
from tests.system import callers
from tests.system.box import ANYWHERE, ORIGIN, Box
from tests.system.scenarios.holding import SMALL
from tests.system.served import Served
from tests.system.visitor import Visitor

KEIKO, OMAR, MIA, REX, ADA = "Keiko Sato", "Omar Haddad", "Mia Brun", "Rex Ota", "Ada Berg"
ROLES: Mapping[str, tuple[str, ...]] = {
    ADA: ("steward",),
    "Jonas Mori": ("steward",),
    KEIKO: ("handler:main", "intake:main"),
    OMAR: ("handler:main", "intake:main"),
    "Mei Lin": ("handler:main",),
    MIA: ("mediator:main",),
    REX: ("respondent:main",),
    "Ruth Meyer": ("recovery:main",),
    "Ria Castro": ("outsider", "recovery:main"),
    "Ana Silva": ("auditor",),
}


@dataclass
class Parties:
    """The box, served, and how many days have passed for everybody."""

    box: Box
    served: Served
    clock: Path
    days: int = 0

    @property
    def today(self) -> date:
        """Everybody's day."""
        return (system_clock() + self.off).date()

    @property
    def off(self) -> timedelta:
        return timedelta(days=self.days)

    def pass_days(self, days: int) -> None:
        """Let whole days pass, and close the slot."""
        self.days += days
        written = self.clock.with_name("later")
        written.write_text((system_clock() + self.off).isoformat(), encoding="ascii")
        written.replace(self.clock)
        self.publish()

    def publish(self) -> None:
        """Close the slot on a steward's word."""
        HandlerClient(callers.handler_door(self.served, self.box.people[ADA], self.off)).publish()

    def desk(self, name: str) -> Desk:
        """Somebody's desk today."""
        return callers.desk(self.box, self.served, name, self.off)

    def letters(self, receipt: str) -> Letters:
        """A reporter's own tool today."""
        return callers.letters(self.served, Receipt.parse(receipt), self.off)

    def report(self, text: str, *left_out: str) -> tuple[str, str]:
        """A report in a browser without scripts; gives receipt and case."""
        with Visitor(self.served.doors["reporter"]) as visitor:
            receipt = visitor.report(text, excluded=[self.box.key_id(name) for name in left_out])
        return receipt, self.box.cases_of([receipt])[receipt]

    def case(self, case: str) -> Case:
        """What the log knows of a case."""
        return self.box.ledger().cases[case]

    def ahead(self, days: int = 30) -> date:
        """A date to promise."""
        return self.today + timedelta(days=days)


@contextmanager
def parties(place: Path) -> Iterator[Parties]:
    """The mechanism, served with a clock that can be set."""
    people = {name: KeyPair.generate(name) for name in ROLES}
    founders = [Founder(people[name].person(), roles) for name, roles in ROLES.items()]
    holders = [people[name].signing.verify_key.key_id for name in ("Ruth Meyer", "Ria Castro")]
    settings = Settings(
        name="Test box",
        channel_name="Main channel",
        waiting_hours=0,
        test=True,
        appointed=Appointed(recovery=tuple(holders)),
    )
    config = Config(origin=ORIGIN, doors=ANYWHERE, limits=SMALL, intake=IntakeSettings(show="at_once"))
    found(place / "box", config, settings, founders, people[ADA])
    clock = place / "clock"
    clock.write_text(system_clock().isoformat(), encoding="ascii")
    served = Served(place / "box", place / "served", clock)
    served.start()
    try:
        yield Parties(Box(place / "box", people), served, clock)
    finally:
        assert served.stop() == 0, served.printed()
