"""Kill the processes that write to a store, at any moment, and look for what they had acknowledged."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from meyasubako.crypto.merkle import leaf_hashes, root_of
from meyasubako.service.store.sqlite import Store

pytestmark = pytest.mark.crash

ROOT = Path(__file__).parents[2]


def start(directory, threads, count):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.crash.store_writer", directory, str(threads), str(count)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/src{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
    )


def read_lines(process, count):
    return [process.stdout.readline().split() for _ in range(count)]


def read_rest(process):
    # The last line may have been cut off by the kill.
    return [line.split() for line in process.stdout.read().split("\n")[:-1]]


def check(store, said):
    """Everything acknowledged is there, rows and tree agree, every owned payload has its bytes."""
    rows = list(store.rows())
    assert [row.index for row in rows] == list(range(len(rows)))
    assert store.head().size == len(rows)
    leaves = leaf_hashes(row.data for row in rows)
    assert store.head().root == root_of(leaves)
    seqs = {}
    for row in rows:
        assert row.seq == seqs.get(row.stream, 0) + 1
        seqs[row.stream] = row.seq
    payloads = {each.digest: each for each in store.all_payloads()}
    store.verify()
    for _, index, stream, seq, data, digest in (words for words in said if words[0] == "event"):
        row = rows[int(index)]
        assert (row.stream, row.seq) == (stream, int(seq))
        assert hashlib.sha256(row.data).hexdigest() == data
        assert payloads[digest].leaf_index == int(index)
    published = {each.size: each.root for each in store.checkpoints()}
    for _, size, root in (words for words in said if words[0] == "published"):
        assert published[int(size)].hex() == root
    for size, root in published.items():
        assert root == root_of(leaves[:size])


@pytest.mark.parametrize("processes", [1, 2])
def test_nothing_acknowledged_is_lost_when_the_writers_are_killed(tmp_path, processes):
    Store.create(tmp_path).close()
    said = []
    for lines in (1, 40, 150, 311):
        writers = [start(tmp_path, 4, 0) for _ in range(processes)]
        for writer in writers:
            said += read_lines(writer, lines)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            said += read_rest(writer)
            assert writer.wait() == -signal.SIGKILL
            writer.stdout.close()
        with Store.open(tmp_path) as store:
            check(store, said)
    assert len([words for words in said if words[0] == "event"]) > 400


def test_a_killed_process_lets_the_others_go_on(tmp_path):
    Store.create(tmp_path).close()
    killed, going_on = start(tmp_path, 4, 0), start(tmp_path, 4, 60)
    said = read_lines(killed, 100)
    killed.send_signal(signal.SIGKILL)
    said += read_rest(killed) + read_rest(going_on)
    assert killed.wait() == -signal.SIGKILL
    assert going_on.wait() == 0
    for process in (killed, going_on):
        process.stdout.close()
    with Store.open(tmp_path) as store:
        check(store, said)


def test_two_processes_of_four_threads_share_one_log(tmp_path):
    Store.create(tmp_path).close()
    writers = [start(tmp_path, 4, 60) for _ in range(2)]
    said = [words for writer in writers for words in read_rest(writer)]
    for writer in writers:
        assert writer.wait() == 0
        writer.stdout.close()
    events = [words for words in said if words[0] == "event"]
    assert sorted(int(words[1]) for words in events) == list(range(480))
    with Store.open(tmp_path) as store:
        check(store, said)
