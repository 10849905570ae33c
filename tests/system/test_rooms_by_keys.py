"""Who can open what, tried with real keys over every byte that is stored: a key opens all that it can, the
room keys found in there open all that they can, and so on to the end. Nothing here asks the rules.

The attempts use what the database holds and a person's own keys; the server's keys are given to everybody.
"""

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.errors import CryptoError
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import acts
from meyasubako.domain.envelope import Event
from meyasubako.service.client import access, life
from meyasubako.service.client.casefile import CaseFile
from meyasubako.service.clocks import system_clock
from tests.system.box import ORIGIN, Box
from tests.system.callers import desk
from tests.system.served import Served
from tests.system.visitor import Visitor

KEIKO, OMAR = "Keiko Sato", "Omar Haddad"


@dataclass(frozen=True)
class Told:
    """A case of its own for each test, all of whose words are found nowhere else."""

    box: Box
    served: Served
    receipt: str
    case: str
    report: str
    file: str

    def words(self, what: str) -> str:
        """Words of this case."""
        return f"{what} in case {self.case}."


def opens(box: Box, *identities: HybridIdentity) -> str:
    """All plain bytes that these keys lead to in the whole database, as text."""
    with box.looked_into() as mechanism:
        sealed = {}
        for payload in mechanism.store.all_payloads():
            with mechanism.store.open_payload(payload.digest) as file:
                sealed[payload.digest] = file.read()
    plain: list[str] = []
    keys = list(identities)
    while keys:
        key = keys.pop()
        for digest, data in list(sealed.items()):
            try:
                opened = age.unseal(data, key)
            except CryptoError:
                continue
            del sealed[digest]
            plain.append(opened.decode("utf-8", "replace"))
            keys += room_keys(plain[-1])
    return "\n".join(plain)


def room_keys(opened: str) -> list[HybridIdentity]:
    lines = (line for line in opened.splitlines() if line.startswith("AGE-SECRET-KEY-PQ-1"))
    return [HybridIdentity.parse(line) for line in lines]


def by(box: Box, name: str) -> str:
    return opens(box, box.people[name].identity)


def assert_opens(opened: str, can: Iterable[str], cannot: Iterable[str]) -> None:
    for text in can:
        assert text in opened
    for text in cannot:
        assert text not in opened


@pytest.fixture
def told(shared: tuple[Box, Served], request: pytest.FixtureRequest) -> Told:
    """A report from which the test may leave somebody out."""
    box, served = shared
    excluded = [box.key_id(name) for name in getattr(request, "param", ())]
    mark = secrets.token_hex(16)
    file = f"A line of the file of report {mark}.\n" * 10_000
    with Visitor(served.doors["reporter"]) as visitor:
        receipt = visitor.report(f"Report {mark}.", [("file.txt", file.encode())], excluded=excluded)
    return Told(box, served, receipt, box.cases_of([receipt])[receipt], f"Report {mark}.", file)


@pytest.mark.parametrize("told", [(OMAR,)], indirect=True)
def test_somebody_who_was_excluded_opens_nothing_with_their_key_and_all_of_the_database(told: Told) -> None:
    question, note = told.words("A question"), told.words("A note")
    at_work = desk(told.box, told.served, KEIKO)
    life.acknowledge(at_work, told.case, question, system_clock().date() + timedelta(days=7))
    at_work.note(told.case, note)
    everything = [told.report, told.file, question, note]
    assert_opens(by(told.box, KEIKO), everything, [])
    assert_opens(by(told.box, OMAR), [], everything)


def test_nobody_who_is_not_assigned_opens_anything(told: Told) -> None:
    desk(told.box, told.served, KEIKO).say(told.case, told.words("A question"))
    for name in ("Ada Berg", "Jonas Mori", "Ana Silva"):
        assert by(told.box, name) == ""


def test_somebody_whose_access_was_revoked_opens_what_was_written_before_and_nothing_since(
    told: Told,
) -> None:
    note, later, answer = told.words("A note"), told.words("A later question"), told.words("An answer")
    file = told.words("The file of the answer") * 5_000
    at_work, omar = desk(told.box, told.served, KEIKO), told.box.key_id(OMAR)
    at_work.note(told.case, note)
    access.revoke(at_work, told.case, omar)
    at_work.say(told.case, later)
    at_work.note(told.case, later)
    with Visitor(told.served.doors["reporter"]) as visitor:
        visitor.come_back(told.receipt)
        visitor.press("send", text=answer, files=[("file.txt", file.encode())])
    assert_opens(by(told.box, OMAR), [told.report, told.file, note], [later, answer, file])
    assert_opens(by(told.box, KEIKO), [told.report, told.file, note, later, answer, file], [])
    ledger = told.box.ledger()
    assert all(omar not in ledger.rooms[room].readers for room in ledger.cases[told.case].rooms.values())


@pytest.mark.parametrize("told", [(OMAR,)], indirect=True)
def test_somebody_who_was_given_access_opens_everything_that_their_colleague_opens(told: Told) -> None:
    note = told.words("A note")
    everything = [told.report, told.file, note]
    at_work = desk(told.box, told.served, KEIKO)
    at_work.note(told.case, note)
    assert_opens(by(told.box, OMAR), [], everything)
    access.grant(at_work, told.case, told.box.key_id(OMAR))
    assert_opens(by(told.box, OMAR), everything, [])


def test_the_receipt_opens_the_dialogue_and_not_the_report_nor_the_team_room(told: Told) -> None:
    question, note, answer = told.words("A question"), told.words("A note"), told.words("An answer")
    at_work = desk(told.box, told.served, KEIKO)
    at_work.say(told.case, question)
    at_work.note(told.case, note)
    with Visitor(told.served.doors["reporter"]) as visitor:
        visitor.come_back(told.receipt)
        visitor.press("send", text=answer)
    key = Receipt.parse(told.receipt)
    other = HybridIdentity.from_seed(key.signing_key(ORIGIN).reveal_seed())
    opened = opens(told.box, key.identity(ORIGIN), other)
    assert_opens(opened, [question, answer], [told.report, told.file, note])


def test_the_server_opens_nothing_with_every_key_that_it_has(told: Told) -> None:
    seeds = set[bytes]()
    for path in (told.box.directory / "keys").iterdir():
        text = path.read_text().strip()
        secret = base64.b64decode(text.split("+", 4)[-1] if text.startswith("PRIVATE+KEY+") else text)
        seeds |= {secret[start : start + 32] for start in range(max(1, len(secret) - 31))}
    assert len(seeds) >= 4
    assert opens(told.box, *(HybridIdentity.from_seed(seed) for seed in seeds)) == ""


@pytest.mark.parametrize("told", [(OMAR,)], indirect=True)
def test_a_key_that_opens_nothing_is_disputed_by_whoever_was_given_it(told: Told) -> None:
    at_work, omar = desk(told.box, told.served, KEIKO), told.box.people[OMAR]

    def build(file: CaseFile, request: acts.Request) -> Event:
        for room in file.rooms.values():
            wrong = [HybridIdentity.generate() for _ in range(room.epoch)]
            acts.grant(request, room, wrong, told.box.key_id(OMAR), omar.identity.recipient)
        return request.add("handler.assigned", file.case.stream, {"person": told.box.key_id(OMAR)})

    at_work.act(told.case, build)
    opened = desk(told.box, told.served, OMAR).open(told.case)
    assert set(opened.disputed) == {"report", "dialogue"}
    assert all(part.document is None for part in opened.report)
    ledger = told.box.ledger()
    disputed = {name for name, room in ledger.cases[told.case].rooms.items() if ledger.rooms[room].disputed}
    assert disputed == {"report", "dialogue"}
    desk(told.box, told.served, OMAR).open(told.case)
    assert told.box.findings() == []
