"""When a mechanism's clock asks its witnesses: until the newest checkpoint has all that it can get."""

import concurrent.futures
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest

from meyasubako.service import clock, rotation
from meyasubako.service.config import Limits
from meyasubako.service.witnessing import LONGEST_PAUSE
from tests.integration.witness_group import Logged, ServedWitness, admit, by_two_stewards
from tests.system.box import found_box
from tests.system.served import wait_for

MINUTE = timedelta(minutes=1)


class SilentWitness:
    """A fake of a witness: its address takes connections, and nothing ever answers."""

    def __init__(self, vkeys):
        self.vkeys = vkeys
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._taken = []

    def wait_until_asked(self):
        self._taken.append(self._listener.accept()[0])

    def end(self):
        for connection in (*self._taken, self._listener):
            connection.close()


@pytest.fixture
def box(tmp_path):
    return found_box(tmp_path / "box", Limits())


@pytest.fixture
def witness(tmp_path, mechanism):
    served = ServedWitness(tmp_path / "witness", "witness.example.org", Logged(mechanism)).start()
    yield served
    served.stop()


@pytest.fixture
def silent(tmp_path, mechanism):
    made = SilentWitness(ServedWitness(tmp_path / "silent", "silent.example.org").vkeys)
    yield made
    made.end()


def test_a_witness_that_was_away_when_the_slot_closed_is_asked_again_within_the_slot(box, clocked, witness):
    admit(box, clocked.mechanism, [witness])
    witness.kill()
    clocked.close_slot()
    assert clocked.cosigned == ()
    size = clocked.size
    witness.start()
    assert not clocked.tick(timedelta(seconds=30))
    assert clocked.settle(timedelta(seconds=30))
    assert (clocked.cosigned, clocked.size) == (("w0",), size)
    # Nothing is missing any more, so nobody is asked again.
    assert not clocked.tick(timedelta(hours=1))


def test_pauses_grow_up_to_a_bound_and_begin_anew_with_each_slot(box, clocked, witness):
    admit(box, clocked.mechanism, [witness])
    witness.kill()
    for _ in range(2):
        clocked.close_slot()
        assert [minute for minute in range(1, 41) if clocked.settle(MINUTE)] == [1, 3, 7, 15, 25, 35]
    assert clocked.state.asking.pause == LONGEST_PAUSE


def test_a_time_that_went_back_makes_no_pause_longer(box, clocked, witness):
    admit(box, clocked.mechanism, [witness])
    witness.kill()
    clocked.close_slot()
    assert clocked.settle(-MINUTE)


def test_a_checkpoint_that_was_published_before_the_clock_started_is_asked_for_at_its_start(
    box, clocked, witness
):
    admit(box, clocked.mechanism, [witness])
    clocked.mechanism.publish()
    size = clocked.size
    assert clocked.cosigned == ()
    clocked.start()
    assert clocked.settle()
    assert (clocked.cosigned, clocked.size) == (("w0",), size)


def test_a_log_key_that_was_replaced_right_behind_the_marker_is_not_taken_for_that_of_its_checkpoint(
    box, clocked, witness
):
    admit(box, clocked.mechanism, [witness])
    clocked.mechanism.publish()
    keys = rotation.draw(box.directory, "log")
    by_two_stewards(box, clocked.mechanism, "key.rotated", {"of": "log", "keys": list(keys)})
    assert clocked.settle()
    assert clocked.cosigned == ("w0",)


def test_a_policy_that_was_changed_right_behind_the_marker_is_not_that_of_its_checkpoint(
    box, clocked, witness, silent
):
    admit(box, clocked.mechanism, [witness])
    clocked.mechanism.publish()
    admit(box, clocked.mechanism, [silent])
    assert clocked.settle()
    assert clocked.cosigned == ("w0",)


def test_a_witness_that_hangs_holds_up_neither_ticks_nor_slots(box, clocked, silent):
    admit(box, clocked.mechanism, [silent])
    assert clocked.tick(timedelta(days=1))
    silent.wait_until_asked()
    asked, future = clocked.state.asking.running
    size = clocked.size
    clock.request_publication(box.directory)
    assert clocked.tick()
    assert clocked.size == size + 64
    assert (asked.published.size, future.done()) == (size, False)
    silent.end()
    concurrent.futures.wait([future])
    # The checkpoint that came meanwhile is asked for as soon as the witness before has ended.
    assert clocked.tick()
    assert clocked.state.asking.running[0].published.size == size + 64


def test_whatever_goes_wrong_with_a_checkpoint_the_clock_goes_on(box, clocked, witness, caplog):
    admit(box, clocked.mechanism, [witness])
    clocked.close_slot()
    with closing(sqlite3.connect(box.directory / "log.db")) as connection, connection:
        (note,) = connection.execute("SELECT note FROM checkpoints ORDER BY size DESC").fetchone()
        head, line = note.rstrip(b"\n").rsplit(b" ", 1)
        damaged = head + b" " + line[:20] + (b"A" if line[20:21] != b"A" else b"B") + line[21:] + b"\n"
        connection.execute("UPDATE checkpoints SET note = ? WHERE note = ?", (damaged, note))
    clocked.start()
    assert clocked.settle()
    assert "BadNoteError" in caplog.text
    clocked.close_slot()
    assert clocked.cosigned == ("w0",)


@contextmanager
def clock_process(directory):
    """The clock as `serve` runs it."""
    command = [sys.executable, "-P", "-m", "meyasubako.service.clock", directory, "--supervisor"]
    process = subprocess.Popen([*map(str, command), str(os.getpid())])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_clocks_process_asks_at_its_start_and_ends_while_a_witness_hangs(box, mechanism, witness, silent):
    admit(box, mechanism, [witness])
    mechanism.publish()
    with clock_process(box.directory):
        wait_for(lambda: b"witness.example.org" in mechanism.store.published().note)
    admit(box, mechanism, [silent])
    mechanism.publish()
    with clock_process(box.directory) as process:
        silent.wait_until_asked()
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
