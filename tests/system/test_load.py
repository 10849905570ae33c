"""Eight visitors do all there is to do on the reporter's site at once, before two worker processes: they
report, come back, write and leave. Nothing may fail, and nothing that was acknowledged may be lost: not even
when everything is killed in the middle.

No test here says how fast it has to be; each prints how many reports went in.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
import requests

from tests.system.box import Box, found_box
from tests.system.conftest import SMALL
from tests.system.served import Served, run
from tests.system.visitor import UnexpectedPageError, Visitor

CLIENTS = 8
TWO_WORKERS = msgspec.structs.replace(SMALL, workers=2)
# How long the clients go on: shortly in every test run, and for a minute in `make test-long`.
SHORT, LONG = 3.0, 60.0
durations = pytest.mark.parametrize("seconds", [SHORT, pytest.param(LONG, marks=pytest.mark.long)])


@dataclass
class Crowd:
    """Clients that send report after report until time is up, and what came back to them."""

    served: Served
    seconds: float
    acknowledged: dict[str, str] = field(default_factory=dict)
    interrupted: int = 0
    # Set while the service answers; whoever was cut off waits for it.
    answering: threading.Event = field(default_factory=threading.Event)

    def submit(self, beside: "Callable[[Crowd], None]" = lambda _: None) -> None:
        """Let every client work, and do something beside them; raises the first error of any client."""
        self.answering.set()
        end = time.monotonic() + self.seconds
        with ThreadPoolExecutor(CLIENTS) as threads:
            running = [threads.submit(self._client, number, end) for number in range(CLIENTS)]
            beside(self)
            for client in running:
                client.result()

    def _client(self, number: int, end: float) -> None:
        sent = 0
        while time.monotonic() < end:
            self.answering.wait()
            starts = self.served.starts
            sent += 1
            text = f"Report {sent} of client {number}"
            try:
                with Visitor(self.served.doors["reporter"], "en" if number % 2 else "ja") as visitor:
                    receipt = visitor.whole_visit(text, _files(sent))
            except (requests.RequestException, UnexpectedPageError):
                # Allowed to a visit that was under way when everything was killed, and to no other.
                if self.answering.is_set() and self.served.starts == starts:
                    raise
                self.interrupted += 1
            else:
                self.acknowledged[receipt] = text


def _files(sent: int) -> list[tuple[str, bytes]]:
    """Some reports bring a small file, some one that is too large for the table."""
    if sent % 10 == 0:
        return [("large.bin", bytes(300_000))]
    return [("small.bin", bytes(2_000))] if sent % 3 == 0 else []


def _assert_kept(box: Box, crowd: Crowd) -> None:
    """Each acknowledged report is in the log, under its receipt, and opens with a handler's own key."""
    assert len(crowd.acknowledged) > CLIENTS
    cases, texts = box.cases_of(crowd.acknowledged), box.texts("Keiko Sato")
    # What they told first; their answers to the questions stand below it.
    assert {receipt: texts[case][0].splitlines()[0] for receipt, case in cases.items()} == crowd.acknowledged
    audited = run("audit", box.directory)
    assert audited.returncode == 0, audited.stdout
    print(f"{len(crowd.acknowledged)} reports in {crowd.seconds} s, {crowd.interrupted} interrupted")  # noqa: T201 (pytest -s shows it)


@durations
def test_eight_clients_submit_at_once_without_an_error_and_all_of_it_is_in_the_log(
    tmp_path: Path, serving: Callable[[Box], Served], seconds: float
) -> None:
    box = found_box(tmp_path / "box", TWO_WORKERS)
    served = serving(box)
    crowd = Crowd(served, seconds)
    crowd.submit()
    _assert_kept(box, crowd)
    assert crowd.interrupted == 0
    assert len(box.ledger().cases) == len(crowd.acknowledged)
    assert box.contents().arriving == frozenset()
    assert served.complaints() == []


@pytest.mark.crash
@durations
def test_nothing_acknowledged_is_lost_when_everything_is_killed_in_the_middle_and_started_again(
    tmp_path: Path, serving: Callable[[Box], Served], seconds: float
) -> None:
    box = found_box(tmp_path / "box", TWO_WORKERS)
    served = serving(box)
    middle = time.monotonic() + seconds / 2

    def kill_in_the_middle(crowd: Crowd) -> None:
        while time.monotonic() < middle or len(crowd.acknowledged) <= CLIENTS:
            time.sleep(0.01)
        crowd.answering.clear()
        served.kill()
        served.start()
        crowd.answering.set()

    crowd = Crowd(served, seconds)
    crowd.submit(kill_in_the_middle)
    _assert_kept(box, crowd)
    # What was written when the answer was lost may be in the log besides: at most one a client.
    assert len(box.ledger().cases) - len(crowd.acknowledged) <= CLIENTS
    assert served.starts == 2
    assert served.complaints() == []
