"""A served mechanism whose cases grow old: its time comes from a file, its people's clocks read the same."""

import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

from meyasubako.crypto.age import HybridRecipient
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.keyfile import KeyPair
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import acts, profiles, reading
from meyasubako.domain.acts import Request
from meyasubako.domain.envelope import read
from meyasubako.domain.people import Mechanism
from meyasubako.service.client import roster, sealed_report
from meyasubako.service.client.handler import HandlerClient
from meyasubako.service.client.http import Http
from meyasubako.service.client.mailbox import Letters
from meyasubako.service.client.records import Records
from meyasubako.service.client.reporter import ReporterClient
from meyasubako.service.client.sealed_report import Prepared, Words
from meyasubako.service.client.stewardship import Stewardship
from meyasubako.service.clocks import file_clock
from meyasubako.service.config import Config, IntakeSettings
from meyasubako.service.founding import Founder, Settings, found
from meyasubako.service.store.errors import StoreError
from tests.system.box import ANYWHERE, HANDLER, ORIGIN, Box
from tests.system.served import Served

ROLES = {
    "Ada Berg": ("steward",),
    "Jonas Mori": ("steward",),
    "Keiko Sato": HANDLER,
    "Omar Haddad": HANDLER,
    "Rex Okafor": ("records",),
    "Ana Silva": ("auditor",),
}
BEGIN = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Archive:
    """The box served, and the file with its time."""

    box: Box
    served: Served
    clock: Path

    def pass_days(self, days: int) -> date:
        """Let days pass, and close the slot; gives the new day."""
        now = file_clock(self.clock)() + timedelta(days=days)
        self.clock.write_text(now.isoformat(), encoding="ascii")
        self.client("Ada Berg").publish()
        return now.date()

    @property
    def now(self) -> Callable[[], datetime]:
        """What everybody's clock says."""
        return file_clock(self.clock)

    def client(self, name: str) -> HandlerClient:
        """Somebody at the handlers' door."""
        key = self.box.people[name].signing
        return HandlerClient(Http(self.served.doors["handler"], key=key, clock=self.now))

    def roster(self) -> Mechanism:
        """The people, verified by the log."""
        log = roster.from_log(Http(self.served.doors["log"]))
        return roster.verify(log, self.now().date()).mechanism

    def records(self, name: str) -> Records:
        """Somebody's part in keeping the records."""
        pair = self.box.people[name]
        return Records(self.client(name), pair, self.roster, verified=True, clock=self.now)

    def adopt(self, name: str) -> None:
        """Two stewards adopt a profile for the channel."""
        file = Path(profiles.__file__).with_name(f"{name}.toml")
        self.agree("profile.adopted", profiles.parse(file.read_text(encoding="utf-8")).body("main"))

    def agree(self, kind: str, body: Mapping[str, JsonValue]) -> None:
        """Two stewards do something to the mechanism."""
        one, other = (
            Stewardship(self.client(each), self.box.people[each], self.now)
            for each in ("Ada Berg", "Jonas Mori")
        )
        other.confirm(one.propose(kind, body).leaf)

    def report(self, text: str) -> str:
        """A report by a reporter's own tool; gives its case."""
        return self.reported(text).case

    def reported(self, text: str) -> Prepared:
        """A report by a reporter's own tool, with the receipt."""
        client = ReporterClient(Http(self.served.doors["reporter"]))
        offer = sealed_report.look(client, clock=self.now)
        made = sealed_report.prepare(client, offer, Words(text), clock=self.now)
        sealed_report.send(client, made)
        return made

    def letters(self, receipt: Receipt) -> Letters:
        """A reporter's correspondence by their own tool."""
        site = self.served.doors["reporter"]
        verified = sealed_report.look(ReporterClient(Http(site)), clock=self.now).verified
        signed = Http(site, key=receipt.signing_key(ORIGIN), clock=self.now)
        return Letters(ReporterClient(signed), receipt, verified, self.now)

    def write(
        self, name: str, case: str, room: str, text: str, then: Callable[[Request, str], object]
    ) -> None:
        """Write a text in a room of the case, and in the same request what `then` adds, given its leaf."""
        ledger, pair = self.box.ledger(), self.box.people[name]
        request = Request(ORIGIN, pair.signing, self.now(), dict(ledger.heads))
        found = ledger.cases[case]
        if room == "team":
            staff = ("Keiko Sato", "Omar Haddad")
            opened = acts.NewRoom(str(uuid.uuid4()), acts.HybridIdentity.generate())
            readers = {self.box.key_id(each): self.box.people[each].identity.recipient for each in staff}
            acts.open_room(request, opened, case=case, name="team", readers=readers)
            epoch, stream, kind = acts.Epoch(1, opened.recipient), opened.stream, "note.added"
        else:
            stream, kind = found.rooms[room], "message.posted"
            reporter = HybridRecipient.parse(found.reporter_recipient)
            epoch = acts.current_epoch(request, ledger.rooms[stream], ledger.mechanism, reporter)
        leaf = acts.post(request, kind, stream, epoch, {"text": text, "v": 1}).leaf
        then(request, leaf)
        self.client(name).post(request.events, request.payloads)

    def close(self, case: str, text: str) -> None:
        """A handler ends the case, and tells the reporter."""

        def ended(request: Request, message: str) -> None:
            request.add("case.closed", case, {"class": "ended", "message": message})

        self.write("Keiko Sato", case, "dialogue", text, ended)

    def copy(self, place: Path, *, without: tuple[str, ...] = ()) -> Box:
        """What a thief of the disk has: everything in the directory but what is named."""
        shutil.copytree(self.box.directory, place, ignore=shutil.ignore_patterns(*without))
        return Box(place, self.box.people)


def opened(box: Box, case: str, name: str = "Keiko Sato") -> tuple[str, ...]:
    """What somebody opens of a case's report with their key file and what lies in a directory."""
    pair = box.people[name]
    with box.looked_into() as mechanism:
        ledger, store = mechanism.ledger(), mechanism.store

        def fetch(digest: str) -> bytes:
            with store.open_payload(digest) as file:
                return file.read()

        room = ledger.rooms[ledger.cases[case].rooms["report"]]
        try:
            keys = reading.epoch_keys(room, box.key_id(name), pair.identity, fetch)
            events = [read(row.data) for row in store.stream(case)]
            found = reading.open_texts(events, keys, fetch)
        except StoreError:
            return ()
    return tuple(each.document.text for each in found if each.document)


@contextmanager
def archived(place: Path, show: Literal["hour", "at_once"] = "at_once") -> Iterator[Archive]:
    """An archive in a folder, which must end well; `show` says when what reporters write appears."""
    clock = place / "clock"
    clock.write_text(BEGIN.isoformat(), encoding="ascii")
    people = {name: KeyPair.generate(name) for name in ROLES}
    founders = [Founder(people[name].person(), roles) for name, roles in ROLES.items()]
    config = Config(origin=ORIGIN, doors=ANYWHERE, intake=IntakeSettings(show=show))
    told = Settings(name="Archive", channel_name="Main", waiting_hours=0, test=True)
    found(place / "box", config, told, founders, people["Ada Berg"], clock=file_clock(clock))
    served = Served(place / "box", place / "served", clock)
    served.start()
    try:
        yield Archive(Box(place / "box", people), served, clock)
    finally:
        assert served.stop() == 0, served.printed()
