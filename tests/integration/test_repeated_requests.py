"""A signed request that is sent again, byte for byte, at each door, before the processes that serve it."""

import hashlib
import mmap
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from meyasubako.crypto.receipt import Receipt
from meyasubako.crypto.signing import SigningKey
from meyasubako.service.client.handler import HandlerClient
from meyasubako.service.client.reporter import ReporterClient
from meyasubako.service.clocks import system_clock
from meyasubako.service.config import Limits
from meyasubako.service.errors import PROBLEM_TYPE
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.signatures import PREFIX_FIELD, sign_request
from tests.system.box import ORIGIN, Box, found_box
from tests.system.callers import handler_door, reporter_door
from tests.system.ports import kept_port
from tests.system.served import Served, kill_and_wait, wait_for
from tests.unit.service.doors import report

NOTHING = hashlib.sha256(b"").digest()
DOORS = ("handler", "log", "reporter")


class Town(NamedTuple):
    """A served mechanism with a report in it."""

    box: Box
    served: Served
    receipt: Receipt


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    place = tmp_path_factory.mktemp("town")
    box = found_box(place / "box", Limits(workers=2, threads=4))
    mechanism = Mechanism.open(box.directory)
    receipt = report(mechanism, box).receipt
    mechanism.close()
    # Addresses that stay when it is started anew, since they are signed as well.
    settings = box.directory / "mechanism.toml"
    text = settings.read_text(encoding="utf-8")
    for door in DOORS:
        text = text.replace(f'{door} = "127.0.0.1:0"', f'{door} = "127.0.0.1:{kept_port()}"')
    settings.write_text(text)
    served = Served(box.directory, place / "served")
    served.start()
    yield Town(box, served, receipt)
    served.stop()


class Recorded(NamedTuple):
    """A signed request as it went over the wire."""

    url: str
    headers: dict[str, str]

    def send(self) -> requests.Response:
        return requests.get(self.url, headers=self.headers, timeout=60)

    def refusal(self) -> str:
        answer = self.send()
        assert answer.status_code == 401, answer.text
        return str(answer.json()["type"]).removeprefix(PROBLEM_TYPE)


def _signed(town: Town, door: str, prefix: str = "") -> Recorded:
    """A request that only the door's own caller may make."""
    key: SigningKey
    path, key = {
        "handler": ("/v1/me", town.box.people["Keiko Sato"].signing),
        "log": ("/tile/entries/000.p/1", town.box.people["Ana Silva"].signing),
        "reporter": ("/api/mailbox", town.receipt.signing_key(ORIGIN)),
    }[door]
    url = town.served.doors[door] + path
    return Recorded(url, sign_request("GET", url, NOTHING, key, system_clock(), prefix))


def _prefix(town: Town, door: str) -> str:
    """How nonces begin at a door that opened a moment ago."""
    asked = _signed(town, door)
    assert asked.refusal() == "nonce-prefix"
    return asked.send().headers[PREFIX_FIELD]


def _master(town: Town, door: str) -> int:
    (master,) = set(town.served.pids("meyasubako.service.door", door)) & set(_children(town.served.pid))
    return master


def _children(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]


def _workers(town: Town, door: str) -> list[int]:
    """The two processes that answer at a door."""
    master = _master(town, door)
    wait_for(lambda: len(_children(master)) == 2)
    return sorted(_children(master))


@contextmanager
def _only(answering: int, workers: list[int]) -> Iterator[None]:
    """Let one worker alone answer: the others stand still."""
    others = [pid for pid in workers if pid != answering]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("door", DOORS)
def test_a_request_is_taken_once_whichever_process_it_reaches_and_whoever_died(town: Town, door: str) -> None:
    prefix, (one, other) = _prefix(town, door), _workers(town, door)
    sent = _signed(town, door, prefix)
    with _only(one, [one, other]):
        assert sent.send().status_code == 200
        assert sent.refusal() == "repeated"
    with _only(other, [one, other]):
        assert sent.refusal() == "repeated"
        # With another nonce the same is taken.
        assert _signed(town, door, prefix).send().status_code == 200

    kill_and_wait([one])
    wait_for(lambda: one not in _children(_master(town, door)))
    for pid in _workers(town, door):
        with _only(pid, _workers(town, door)):
            assert sent.refusal() == "repeated"

    kill_and_wait([_master(town, door), *_workers(town, door)])
    assert sent.refusal() == "repeated"
    assert _signed(town, door, prefix).send().status_code == 200


def test_what_was_taken_before_the_service_was_started_anew_is_not_taken_again(town: Town) -> None:
    old = {door: _prefix(town, door) for door in DOORS}
    taken = {door: _signed(town, door, prefix) for door, prefix in old.items()}
    assert {door: sent.send().status_code for door, sent in taken.items()} == dict.fromkeys(DOORS, 200)
    assert town.served.stop() == 0
    before = dict(town.served.doors)
    town.served.start()
    assert town.served.doors == before
    for door in DOORS:
        assert taken[door].refusal() == "nonce-prefix"
        assert _prefix(town, door) != old[door]
        assert _signed(town, door, _prefix(town, door)).send().status_code == 200


@pytest.mark.parametrize("minutes", [-4, 0, 4])
def test_our_own_clients_pass_a_door_that_opened_a_moment_ago_whatever_their_clocks_say(
    town: Town, minutes: int
) -> None:
    off = timedelta(minutes=minutes)
    with handler_door(town.served, town.box.people["Keiko Sato"], off) as http:
        assert HandlerClient(http).me().person.key_id == town.box.key_id("Keiko Sato")
    with reporter_door(town.served, town.receipt, off) as http:
        assert ReporterClient(http).mailbox().case.state == "submitted"


def _remembered(served: Served) -> int:
    """How many of the bytes behind the heads of the supervisor's tables are not zero."""
    found = 0
    for entry in Path(f"/proc/{served.pid}/fd").iterdir():
        if str(entry.readlink()).startswith("/memfd:nonces"):
            with entry.open("rb") as memory:
                memory.seek(mmap.PAGESIZE)
                found += sum(len(part.strip(b"\0")) for part in iter(lambda: memory.read(1 << 20), b""))
    return found


def test_what_was_taken_leaves_the_memory_minutes_later_although_nobody_comes(tmp_path: Path) -> None:
    box = found_box(tmp_path / "box", Limits(workers=2, threads=4))
    clock = tmp_path / "clock"
    clock.write_text(system_clock().isoformat())
    served = Served(box.directory, tmp_path / "served", test_clock=clock)
    served.start()
    try:
        with handler_door(served, box.people["Keiko Sato"]) as http:
            HandlerClient(http).me()
        assert _remembered(served) > 0
        clock.write_text((system_clock() + timedelta(minutes=11)).isoformat())
        # The supervisor looks every minute, and when a process of its own has ended.
        served.kill_only("meyasubako.service.clock")
        wait_for(lambda: _remembered(served) == 0)
    finally:
        served.stop()
