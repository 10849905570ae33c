"""Witnesses as they are served, each in its own process group on a loopback port, killed and started again at
will; and a mechanism that has them, with a clock that a test turns.
"""

import concurrent.futures
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from meyasubako.crypto.note import NoteKey
from meyasubako.domain.acts import Request
from meyasubako.domain.envelope import Head
from meyasubako.service.clock import ClockState, tick
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.witness.founding import found
from meyasubako.service.witness.memory import Memory
from meyasubako.service.witnessed import seen
from meyasubako.service.witnessing import policy_at
from tests.system.ports import kept_port

_SERVE = (
    "import sys, pathlib; from meyasubako.service.witness.server import serve;"
    " serve(pathlib.Path(sys.argv[1]), '127.0.0.1:' + sys.argv[2])"
)


class ServedWitness:
    """A new witness's directory, and the processes that serve it, all of them at the same address."""

    def __init__(self, directory: Path, name: str, *logs):
        self.directory = directory
        self.vkeys = found(directory, name)
        self.process: subprocess.Popen[str] | None = None
        self._port = kept_port()
        self.url = ""
        memory = Memory.open(directory)
        for log in logs:
            for vkey in log.vkeys:
                memory.admit(log.origin, NoteKey.parse(vkey))
        memory.close()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(self.directory), str(self._port)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        line = self.process.stdout.readline()
        assert line.startswith("witness  http://"), line
        self.url = line.split()[1]
        return self

    def kill(self):
        """`kill -9` of the whole group, at once."""
        self._end(signal.SIGKILL)

    def stop(self):
        self._end(signal.SIGTERM)

    def _end(self, number):
        if self.process is None:
            return
        os.killpg(self.process.pid, number)
        self.process.wait(30)
        self.process.stdout.close()
        self.process = None


def refusal_of(directory: Path) -> str:
    """What `serve` says when it refuses to start."""
    ended = subprocess.run(
        [sys.executable, "-c", _SERVE, str(directory), "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert ended.stdout == ""
    return ended.stderr


class Logged:
    """A mechanism as a witness is to admit it."""

    def __init__(self, mechanism):
        self.origin = mechanism.config.origin
        self.vkeys = mechanism.ledger().mechanism.log_keys


def by_two_stewards(box, mechanism, kind, body):
    """An act that one steward proposes and the other does."""
    stream = mechanism.ledger().mechanism.stream
    leaf = None
    for name in ("Ada Berg", "Jonas Mori"):
        head = mechanism.ledger().head(stream)
        signing = box.people[name].signing
        request = Request(
            mechanism.config.origin, signing, mechanism.clock(), {stream: Head(head.seq, head.leaf)}
        )
        if leaf is None:
            leaf = request.add("act.proposed", stream, {"kind": kind, "v": 1, "body": body}).leaf
        else:
            request.add(kind, stream, {**body, "proposal": leaf})
        mechanism.accept([event.data for event in request.events], {})


def admit(box, mechanism, witnesses):
    """Put a policy into force by which any of the witnesses is enough; they are called w0, w1, …"""
    log = mechanism.ledger().mechanism.log_keys[0]
    lines = [f"log {log}", *(f"witness w{n} {w.vkeys[0]} {w.url}" for n, w in enumerate(witnesses))]
    lines += ["group any any " + " ".join(f"w{n}" for n in range(len(witnesses))), "quorum any"]
    by_two_stewards(box, mechanism, "witness.admitted", {"policy": lines})


class Clocked:
    """A mechanism and its clock, which a test turns, and whose witnesses it waits for where it says so."""

    def __init__(self, mechanism: Mechanism):
        self.mechanism = mechanism
        self.now = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
        mechanism.clock = lambda: self.now
        self.start()

    def start(self):
        """The clock's process was killed, and is a new one now."""
        self.state = ClockState(published=self.now)

    def tick(self, later=timedelta(0)):
        """One tick; whether witnesses are being asked after it."""
        self.now += later
        tick(self.mechanism, self.state)
        return self.state.asking.running is not None

    def settle(self, later=timedelta(0)):
        """One tick, and another one when all witnesses that it asked have answered; whether it asked any."""
        asked = self.tick(later)
        if asked:
            _, future = self.state.asking.running
            concurrent.futures.wait([future])
            self.tick()
        return asked

    def close_slot(self):
        """Go on into the next slot; the witnesses are asked for the checkpoint of this one, once."""
        self.settle(timedelta(days=1))

    @property
    def size(self):
        """How large the tree of the newest checkpoint is."""
        return self.mechanism.store.published().size

    @property
    def cosigned(self):
        """Who has cosigned the newest checkpoint, by the names of the policy at its size."""
        return seen(self.mechanism.store.published().note, policy_at(self.mechanism, self.size)).cosigned

    @property
    def put_down(self):
        """Who was ever put down as away, and the last slot for which that was."""
        return dict(self.mechanism.ledger().mechanism.away)
