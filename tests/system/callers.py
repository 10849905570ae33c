"""The box's people at its doors: handlers at their desks, reporters with their own tool."""

from datetime import timedelta

from meyasubako.crypto.keyfile import KeyPair
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain.people import Mechanism
from meyasubako.service.client import roster, sealed_report
from meyasubako.service.client.desk import Desk
from meyasubako.service.client.handler import HandlerClient
from meyasubako.service.client.http import Http
from meyasubako.service.client.mailbox import Letters
from meyasubako.service.client.reporter import ReporterClient
from meyasubako.service.client.sealed_report import Prepared, Words
from meyasubako.service.clocks import Clock, system_clock
from tests.system.box import ORIGIN, Box
from tests.system.served import Served

ON_TIME = timedelta()


def clock_off_by(difference: timedelta) -> Clock:
    """A clock that is wrong by so much."""
    return lambda: system_clock() + difference


def handler_door(served: Served, pair: KeyPair, off: timedelta = ON_TIME) -> Http:
    """The handlers' door, each request signed by this person, whose clock may be wrong."""
    return Http(served.doors["handler"], key=pair.signing, clock=clock_off_by(off))


def desk(box: Box, served: Served, name: str, off: timedelta = ON_TIME) -> Desk:
    """Somebody's desk, with the readers verified by the log; its clock may be wrong."""
    log, clock = roster.from_log(Http(served.doors["log"])), clock_off_by(off)
    people = HandlerClient(handler_door(served, box.people[name], off))

    def verified() -> Mechanism:
        return roster.verify(log, clock().date()).mechanism

    return Desk(people, box.people[name], verified, verified=True, clock=clock)


def reporter_door(served: Served, receipt: Receipt | None = None, off: timedelta = ON_TIME) -> Http:
    """The reporters' door for programs, signed by a receipt's key if there is one."""
    key = receipt.signing_key(ORIGIN) if receipt else None
    return Http(served.doors["reporter"], key=key, clock=clock_off_by(off))


def prepared(served: Served, text: str = "Sealed at home.", off: timedelta = ON_TIME) -> Prepared:
    """A report sealed by the reporter's own tool and not sent yet."""
    client = ReporterClient(reporter_door(served))
    offer = sealed_report.look(client)
    return sealed_report.prepare(client, offer, Words(text), clock=clock_off_by(off))


def letters(served: Served, receipt: Receipt, off: timedelta = ON_TIME) -> Letters:
    """A reporter's correspondence by their own tool, which reads by a list of any age."""
    clock = clock_off_by(off)
    verified = sealed_report.look(
        ReporterClient(reporter_door(served)), clock=clock, accept_stale=True
    ).verified
    return Letters(ReporterClient(reporter_door(served, receipt, off)), receipt, verified, clock)
