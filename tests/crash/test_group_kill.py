"""The whole group of processes is killed at random moments while reports come in and slots close."""

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
import requests

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.merkle import leaf_hashes, root_of
from meyasubako.crypto.note import Note
from meyasubako.service import clock
from meyasubako.service.store.sqlite import Store
from tests.system.box import found_box
from tests.system.conftest import SMALL
from tests.system.served import Served, run
from tests.system.visitor import UnexpectedPageError, Visitor

pytestmark = pytest.mark.crash

# `KILLS=5 make test-crash` while working on it.
KILLS = int(os.environ.get("KILLS", "100"))
CLIENTS = 4
LONGEST = 1.0


class Load:
    """Clients that report without end; whoever is cut off by a kill waits until the doors answer again."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.acknowledged: dict[str, str] = {}
        self.answering = threading.Event()
        self.over = False

    def client(self, number: int) -> None:
        sent = 0
        while not self.over:
            self.answering.wait()
            starts = self.served.starts
            sent += 1
            text = f"Report {sent} of client {number}"
            try:
                with Visitor(self.served.doors["reporter"], "en") as visitor:
                    receipt = visitor.report(text, [("a.bin", bytes(sent % 3 * 100_000 + 1))])
            except (requests.RequestException, UnexpectedPageError):
                if self.answering.is_set() and self.served.starts == starts:
                    raise
            else:
                self.acknowledged[receipt] = text


def _published(directory: Path) -> tuple[int, bytes]:
    tree = Checkpoint.parse(Note.parse((directory / "checkpoint").read_bytes()).text)
    return tree.size, tree.root


def _rows_and_head_agree(directory: Path) -> None:
    store = Store.open(directory, read_only=True)
    try:
        head = store.head()
        entries = [row.data for row in store.rows(0, head.size)]
        assert len(entries) == head.size
        assert root_of(leaf_hashes(entries)) == head.root
    finally:
        store.close()


def test_nothing_acknowledged_is_lost_and_no_two_checkpoints_disagree(tmp_path: Path) -> None:
    box = found_box(tmp_path / "box", msgspec.structs.replace(SMALL, workers=2))
    served = Served(box.directory, tmp_path / "served")
    load, seen = Load(served), {_published(box.directory)}
    served.start()
    load.answering.set()
    with ThreadPoolExecutor(CLIENTS) as threads:
        running = [threads.submit(load.client, number) for number in range(CLIENTS)]
        try:
            for _ in range(KILLS):
                moment = time.monotonic() + random.uniform(0, LONGEST)
                clock.request_publication(box.directory)
                while time.monotonic() < moment:
                    seen.add(_published(box.directory))
                    time.sleep(0.005)
                load.answering.clear()
                served.kill()
                seen.add(_published(box.directory))
                _rows_and_head_agree(box.directory)
                served.start()
                load.answering.set()
        finally:
            load.over = True
            load.answering.set()
        for client in running:
            client.result()
    assert served.stop() == 0
    cases, texts = box.cases_of(load.acknowledged), box.texts("Keiko Sato")
    assert {receipt: texts[case] for receipt, case in cases.items()} == {
        receipt: (text,) for receipt, text in load.acknowledged.items()
    }
    with box.looked_into() as mechanism:
        leaves = leaf_hashes(row.data for row in mechanism.store.rows())
    for size, root in seen:
        assert root_of(leaves[:size]) == root, f"the checkpoint of {size} entries is of another history"
    audited = run("audit", box.directory)
    assert audited.returncode == 0, audited.stdout
    print(f"{KILLS} kills, {len(load.acknowledged)} reports, {len(seen)} checkpoints")  # noqa: T201 (pytest -s shows it)
