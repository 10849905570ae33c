"""One case of the demonstration: each person's acts over the real doors, and what is checked of each.

- Whoever reads compares with what was written: a step that does not do what it should ends the demonstration.
- The picture and its copy lie in a private folder that is gone at the end.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from meyasubako.crypto.keyfile import KeyPair
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain.people import Mechanism
from meyasubako.service import demo_cast as cast
from meyasubako.service.client import life, roster, sealed_report
from meyasubako.service.client.desk import Desk
from meyasubako.service.client.files import LocalFile
from meyasubako.service.client.handler import HandlerClient
from meyasubako.service.client.http import Http
from meyasubako.service.client.mailbox import Letters
from meyasubako.service.client.reporter import ReporterClient
from meyasubako.service.client.sealed_report import Offer, Words
from meyasubako.service.clocks import system_clock
from meyasubako.service.demo_cast import ANA, DAN, KEIKO, OMAR, Part
from meyasubako.service.demo_teller import Teller
from meyasubako.service.errors import ServiceError
from meyasubako.service.inspection import audit


class DemoError(ServiceError):
    """The demonstration did not come out as it should."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the doors are."""

    reporter: str
    handler: str
    log: str


@dataclass(frozen=True, slots=True)
class Case:
    """A served mechanism, its people's keys, and a folder for what reporter and handlers open."""

    teller: Teller
    directory: Path
    private: Path
    keys: dict[Part, KeyPair]
    fingerprint: str
    doors: Addresses

    def run(self) -> None:
        """The whole case, from the report to its end."""
        receipt, offer = self._report()
        case = self._read()
        self._answer(case)
        self._return(receipt, offer)
        self._team(case)
        self._close(case)
        self._last_look(receipt, offer)

    def _desk(self, part: Part) -> Desk:
        log = Http(self.doors.log)

        def people() -> Mechanism:
            today = system_clock().date()
            return roster.verify(roster.from_log(log), today, fingerprint=self.fingerprint).mechanism

        client = HandlerClient(Http(self.doors.handler, key=self.keys[part].signing))
        return Desk(client, self.keys[part], people, verified=True)

    def _report(self) -> tuple[Receipt, Offer]:
        client = ReporterClient(Http(self.doors.reporter))
        offer = sealed_report.look(
            client, fingerprint=self.fingerprint, log=roster.from_log(Http(self.doors.log))
        )
        readers = " and ".join(offer.readers("main").values())
        self.teller.step(
            "A reporter",
            "reporter",
            f"compares the fingerprint with the poster, verifies the list of readers against the public log, "
            f"and sees who would read: {readers}.",
            "that somebody asked, from some address. With Tor it sees Tor's; it keeps none.",
        )
        picture = self.private / cast.PICTURE_NAME
        picture.write_bytes(cast.picture())
        file = LocalFile.at(picture)
        with self.teller.bar("sealing and sending the picture", file.size) as progress:
            prepared = sealed_report.prepare(client, offer, Words(cast.REPORT), [file], progress=progress)
            sealed_report.send(client, prepared)
        own = [payload for event in prepared.request.events for payload in event.payloads()]
        kinds = ", ".join(event.kind for event in prepared.request.events)
        self.teller.step(
            "A reporter",
            "reporter",
            f"seals the report and a picture of {file.size / 1e6:.1f} MB on their own machine, sends them, "
            "and writes down twelve groups of four digits: the receipt.",
            f"{len(prepared.request.events)} signed entries ({kinds}), {len(own)} sealed payloads of "
            f"{sum(payload.size for payload in own):,} bytes, the day, for whom. No word, no picture, "
            "no receipt.",
            quote=cast.REPORT,
        )
        return prepared.receipt, offer

    def _read(self) -> str:
        desk = self._desk(KEIKO)
        files = desk.cases()
        _expect(len(files) == 1, "the report is not on the desk")
        case = files[0].case.stream
        opened = desk.open(case)
        document = opened.report[0].document
        _expect(
            document is not None and document.text == cast.REPORT,
            "the report does not read as it was written",
        )
        copy = self.private / "keikos-copy.png"
        sent = document.files[0] if document else None
        _expect(sent is not None, "the picture is missing")
        desk.save(case, sent.digest if sent else "", copy)
        same = copy.read_bytes() == (self.private / cast.PICTURE_NAME).read_bytes()
        _expect(same, "the picture is not the one that was sent")
        self.teller.step(
            KEIKO.name,
            "handler",
            "finds a new case, fetches the sealed bytes and opens them on her machine: the same words, the "
            "same picture, byte for byte.",
            "that Keiko fetched these, signed by her. It gave out no byte before that was in the log.",
            case=case,
            picture_sha256=hashlib.sha256(copy.read_bytes()).hexdigest(),
        )
        copy.unlink()
        return case

    def _answer(self, case: str) -> None:
        desk = self._desk(KEIKO)
        life.acknowledge(desk, case, cast.THANKS, system_clock().date() + timedelta(days=30))
        desk.say(case, cast.QUESTION)
        self.teller.step(
            KEIKO.name,
            "handler",
            "acknowledges within the seven days that the law gives her, and asks a question.",
            "case.acknowledged with the next date, two sealed messages. Not a word of them.",
            quote=f"{cast.THANKS}\n{cast.QUESTION}",
        )

    def _letters(self, receipt: Receipt, offer: Offer) -> Letters:
        key = receipt.signing_key(offer.verified.mechanism.origin)
        return Letters(ReporterClient(Http(self.doors.reporter, key=key)), receipt, offer.verified)

    def _return(self, receipt: Receipt, offer: Offer) -> None:
        letters = self._letters(receipt, offer)
        texts = [each.document.text for each in letters.visit().messages if each.document]
        _expect(texts == [cast.THANKS, cast.QUESTION], "the mailbox does not hold what was written")
        letters.say(cast.REPLY)
        self.teller.step(
            "The reporter",
            "reporter",
            "comes back with the receipt, reads both messages and answers. The receipt opens the "
            "conversation only: whoever steals it does not read the report.",
            "a request signed by a key that only the receipt yields, and one sealed message. The visit is "
            "not kept.",
            quote=cast.REPLY,
        )

    def _team(self, case: str) -> None:
        self._desk(KEIKO).note(case, cast.NOTE_BY_KEIKO)
        omar = self._desk(OMAR)
        notes = [each.document.text for each in omar.open(case).team if each.document]
        _expect(notes == [cast.NOTE_BY_KEIKO], "the note does not read as it was written")
        omar.note(case, cast.NOTE_BY_OMAR)
        self.teller.step(
            "Keiko, Omar",
            "handler",
            "talk about it in the team room, which the reporter never reads.",
            "a new room for these two, two sealed notes, what Omar fetched.",
            quote=f"{cast.NOTE_BY_KEIKO}\n{cast.NOTE_BY_OMAR}",
        )

    def _close(self, case: str) -> None:
        desk = self._desk(KEIKO)
        life.move(desk, case, "screening", system_clock().date() + timedelta(days=60))
        life.close(desk, case, "decided", cast.OUTCOME)
        self.teller.step(
            KEIKO.name,
            "handler",
            "moves the case to screening, decides it, and tells the reporter what came of it.",
            "case.moved, case.closed with the class “decided”. What was found, and why, is sealed.",
            quote=cast.OUTCOME,
        )

    def _last_look(self, receipt: Receipt, offer: Offer) -> None:
        visit = self._letters(receipt, offer).visit()
        last = visit.messages[-1].document
        _expect(
            visit.case.state == "closed" and last is not None, "the mailbox does not show that it is closed"
        )
        self.teller.step(
            "The reporter",
            "reporter",
            "looks once more: the case is closed, with the reasons.",
            "a signed request. No count of visits, no time.",
        )

    def check(self) -> None:
        """Publish and audit."""
        HandlerClient(Http(self.doors.handler, key=self.keys[DAN].signing)).publish()
        result = audit(self.directory, fingerprint=self.fingerprint)
        self.teller.step(
            DAN.name,
            "steward",
            f"has the log published: a signed checkpoint over {result.size} entries, most of them padding, "
            "so that their number does not tell how much came in.",
            "everything that is public anyway.",
            size=result.size,
            root=result.root,
        )
        _expect(
            result.good,
            "the audit found something: " + "; ".join(each.sentence for each in result.findings[:1]),
        )
        counted = result.summary
        self.teller.step(
            ANA.name,
            "auditor",
            f"audits without any key: {result.entries} entries, every hash, every signature, every rule, "
            f"{counted['payloads']} payloads, all where they should be. Nothing was changed, removed or "
            "forged.",
            "nothing. She needs the files only, no key and no server.",
            findings=len(result.findings),
        )


def _expect(good: bool, otherwise: str) -> None:
    if not good:
        raise DemoError(f"the demonstration failed: {otherwise}")
