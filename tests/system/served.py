"""`meyasubako serve` as a process group of its own, to be asked, stopped and killed."""

import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

COMMAND = Path(sys.executable).with_name("meyasubako")
MEGABYTE = 1024 * 1024


class NotServedError(Exception):
    """It ended before it was ready: with which status, and what it printed."""


class Served:
    """One mechanism being served. Each start has fresh ports; `log` holds everything that was printed."""

    def __init__(self, directory: Path, place: Path, test_clock: Path | None = None) -> None:
        """`place` is a new folder; a test mechanism may take its time from the file `test_clock`."""
        self.directory = directory
        self.clock = [] if test_clock is None else ["--test-clock", test_clock]
        self.temporary = place / "temporary"
        self.temporary.mkdir(parents=True)
        self.log = place / "printed.log"
        self.doors: dict[str, str] = {}
        self.starts = 0
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start and return when every door answers."""
        with self.log.open("a") as printed:
            self._process = subprocess.Popen(
                [COMMAND, "serve", self.directory, *self.clock, "--json"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=printed,
                text=True,
                env=environment(self.temporary),
                start_new_session=True,
            )
            assert self._process.stdout is not None
            told: dict[str, object] = {}
            while not told.get("ready"):
                line = self._process.stdout.readline()
                if not line:
                    raise NotServedError(self._end(), self.printed())
                printed.write(line)
                told |= json.loads(line)
        doors = told["doors"]
        assert isinstance(doors, dict)
        self.doors = doors
        self.starts += 1

    def kill(self) -> None:
        """`kill -9` of the whole group; returns when the last of its processes is gone."""
        assert self._process is not None
        kill_and_wait(self.pids())
        self._end()

    def stop(self) -> int:
        """Ask it to end as an operator would; gives the exit status."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        return self._end()

    @property
    def pid(self) -> int:
        """The supervisor's process id, which is its group's too."""
        assert self._process is not None
        return self._process.pid

    def limit_files(self, size: int | None) -> None:
        """Let no process write a file beyond so many bytes: to a program that is a disk that is full.

        But for the clock, which may write a cover at any moment, and would say that it cannot.
        """
        for pid in {*self._group()} - {*self.pids("meyasubako.service.clock")}:
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))

    def pids(self, *words: str) -> list[int]:
        """The processes whose command line has all these words; all of them without words."""
        return [pid for pid in self._group() if set(words) <= set(command_line(pid))]

    def kill_only(self, *words: str) -> None:
        """`kill -9` of some of the processes; returns when they are gone."""
        kill_and_wait(self.pids(*words))

    def printed(self) -> str:
        """What all processes have printed so far."""
        return self.log.read_text()

    def complaints(self) -> list[str]:
        """Every printed line but the addresses and "ready"."""
        return [line for line in self.printed().splitlines() if not line.startswith(('{"doors"', '{"ready"'))]

    def _end(self) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        status = self._process.wait()
        with self.log.open("a") as printed:
            printed.write(self._process.stdout.read())
        self._process.stdout.close()
        self._process = None
        return status

    def _group(self) -> Iterator[int]:
        assert self._process is not None
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if os.getpgid(int(entry.name)) == self._process.pid:
                        yield int(entry.name)
                except ProcessLookupError:
                    continue


def kill_and_wait(pids: list[int]) -> None:
    """`kill -9` all of these at once; returns when the last of them is gone."""
    handles = [os.pidfd_open(pid) for pid in pids]
    for handle in handles:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    wait_for_end(handles)


def wait_for_end(handles: list[int]) -> None:
    """Wait for the processes of these handles to end, and close the handles."""
    for handle in handles:
        select.select([handle], [], [])
        os.close(handle)


def command_line(pid: int) -> list[str]:
    """The words of a process's command line; none for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def wait_for(condition: Callable[[], bool]) -> None:
    """Look again and again until it is so; a minute is given up on."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it has not come to that"
        time.sleep(0.02)


def environment(temporary: Path) -> dict[str, str]:
    """An environment without anything of ours, with a temporary directory that can be searched afterwards."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {**kept, "HOME": str(temporary), "TMPDIR": str(temporary)}


def run(*words: object, typed: str = "", temporary: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """One command to its end."""
    return subprocess.run(
        [COMMAND, *map(str, words)],
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        env=environment(temporary or Path("/dev/null/nowhere")),
    )
