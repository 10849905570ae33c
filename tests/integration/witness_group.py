"""A witness as it is served: its own process group, on a loopback port, killed and started again at will."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from meyasubako.crypto.note import NoteKey
from meyasubako.service.witness.founding import found
from meyasubako.service.witness.memory import Memory

_SERVE = (
    "import sys, pathlib; from meyasubako.service.witness.server import serve;"
    " serve(pathlib.Path(sys.argv[1]), '127.0.0.1:0')"
)


class ServedWitness:
    """A new witness's directory, and the processes that serve it."""

    def __init__(self, directory: Path, name: str, *logs):
        self.directory = directory
        self.vkeys = found(directory, name)
        self.process: subprocess.Popen[str] | None = None
        self.url = ""
        memory = Memory.open(directory)
        for log in logs:
            for vkey in log.vkeys:
                memory.admit(log.origin, NoteKey.parse(vkey))
        memory.close()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(self.directory)],
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
        [sys.executable, "-c", _SERVE, str(directory)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert ended.stdout == ""
    return ended.stderr
