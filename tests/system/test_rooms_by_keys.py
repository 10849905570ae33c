"""Who can open what, tried with real keys over every byte that is stored: a key opens all that it can, the
room keys found in there open all that they can, and so on to the end. Nothing here asks the rules.

The attempts use what the database holds and a person's own keys; the server's keys are given to everybody.
"""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.errors import CryptoError
from meyasubako.crypto.receipt import Receipt
from meyasubako.service.clocks import system_clock
from tests.system.box import ORIGIN, Box
from tests.system.callers import desk
from tests.system.served import Served
from tests.system.visitor import Visitor

Shared = tuple[Box, Served]
KEIKO, OMAR = "Keiko Sato", "Omar Haddad"
REPORT, QUESTION, NOTE, LATER = "The report.", "The question.", "The note.", "Written later."
FILE = b"The content of the file, which is long enough to be told from other bytes." * 5_000


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
def report(box: Box, serving, request: pytest.FixtureRequest) -> tuple[Box, Served, str, str]:
    """A report from which the test may leave somebody out; its receipt and its case."""
    served = serving(box)
    excluded = [box.key_id(name) for name in getattr(request, "param", ())]
    with Visitor(served.doors["reporter"]) as visitor:
        receipt = visitor.report(REPORT, [("file.txt", FILE)], excluded=excluded)
    return box, served, receipt, box.cases_of([receipt])[receipt]


@pytest.mark.parametrize("report", [(OMAR,)], indirect=True)
def test_somebody_who_was_excluded_opens_nothing_with_their_key_and_all_of_the_database(report) -> None:
    box, served, _, case = report
    at_work = desk(box, served, KEIKO)
    at_work.acknowledge(case, QUESTION, system_clock().date() + timedelta(days=7))
    at_work.note(case, NOTE)
    assert_opens(by(box, KEIKO), [REPORT, FILE.decode(), QUESTION, NOTE], [])
    assert by(box, OMAR) == ""


def test_nobody_who_is_not_assigned_opens_anything(report) -> None:
    box, served, _, case = report
    desk(box, served, KEIKO).say(case, QUESTION)
    for name in ("Ada Berg", "Jonas Mori", "Ana Silva"):
        assert by(box, name) == ""


def test_somebody_whose_access_was_revoked_opens_what_was_written_before_and_nothing_since(report) -> None:
    box, served, receipt, case = report
    at_work, omar = desk(box, served, KEIKO), box.key_id(OMAR)
    at_work.note(case, NOTE)
    at_work.revoke(case, omar)
    at_work.say(case, LATER)
    at_work.note(case, f"{LATER} For the team.")
    with Visitor(served.doors["reporter"]) as visitor:
        visitor.come_back(receipt)
        visitor.press("send", text=f"{LATER} By the reporter.", files=[("file.txt", FILE[::-1])])
    assert_opens(by(box, OMAR), [REPORT, FILE.decode(), NOTE], [LATER, FILE[::-1].decode()])
    assert_opens(by(box, KEIKO), [REPORT, NOTE, LATER, FILE[::-1].decode()], [])
    ledger = box.ledger()
    assert all(omar not in ledger.rooms[room].readers for room in ledger.cases[case].rooms.values())


@pytest.mark.parametrize("report", [(OMAR,)], indirect=True)
def test_somebody_who_was_given_access_opens_everything_that_their_colleague_opens(report) -> None:
    box, served, _, case = report
    at_work = desk(box, served, KEIKO)
    at_work.note(case, NOTE)
    assert by(box, OMAR) == ""
    at_work.grant(case, box.key_id(OMAR))
    assert sorted(by(box, OMAR)) == sorted(by(box, KEIKO))


def test_the_receipt_opens_the_dialogue_and_not_the_report_nor_the_team_room(report) -> None:
    box, served, receipt, case = report
    at_work = desk(box, served, KEIKO)
    at_work.say(case, QUESTION)
    at_work.note(case, NOTE)
    with Visitor(served.doors["reporter"]) as visitor:
        visitor.come_back(receipt)
        visitor.press("send", text=LATER)
    key = Receipt.parse(receipt)
    opened = opens(box, key.identity(ORIGIN), HybridIdentity.from_seed(key.signing_key(ORIGIN).reveal_seed()))
    assert_opens(opened, [QUESTION, LATER], [REPORT, FILE.decode(), NOTE])


def test_the_server_opens_nothing_with_every_key_that_it_has(report) -> None:
    box, _, _, _ = report
    seeds = []
    for path in (box.directory / "keys").iterdir():
        data = path.read_bytes()
        seeds += [data[start : start + 32] for start in range(max(1, len(data) - 31))]
    assert opens(box, *(HybridIdentity.from_seed(seed) for seed in {s for s in seeds if len(s) == 32})) == ""
