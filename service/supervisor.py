"""`meyasubako serve`: binds the doors' sockets, starts one process a door and the clock, and keeps them
running.

Rules upheld here:

- It refuses to start on a directory of a newer format, on keys that others can read, on a log that is older
  than its published checkpoint or does not extend it, and beside another one on the same directory.
- It alone binds sockets (port 0 is allowed) and says where; a door that dies is started again on the same
  socket.
- The form key is drawn here and lives in memory only: each process of the reporter's door gets it by a pipe.
- So do the tables of signed requests that were taken, one a door. They are made here, so that no process that
  dies takes one with it, and emptied from here, so that nothing stays in them where nobody comes.
- Processes inherit a small environment, in which nothing of ours or of our libraries is configured.
- No process dumps core, no file it makes is readable by others, and none outlives the supervisor.
"""

import http.client
import json
import os
import resource
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

from meyasubako.crypto.checkpoint import open_checkpoint
from meyasubako.crypto.cosignature import parse_verifier
from meyasubako.crypto.errors import BadNoteError
from meyasubako.domain import envelope, people
from meyasubako.service.clocks import Clock, file_clock, system_clock
from meyasubako.service.config import Config, parse_address
from meyasubako.service.errors import ConfigError, LogMismatchError, StartError
from meyasubako.service.exclusive import only_one
from meyasubako.service.faults import LOGGER
from meyasubako.service.keys import refuse_open
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.nonces import Nonces
from meyasubako.service.process import DOORS, FORM_KEY_SIZE, GRACE_SECONDS
from meyasubako.service.store.erasure_keys import FOLDER as ERASURE_KEYS

LOCK_NAME: Final = "serve.lock"
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = GRACE_SECONDS + 5.0
BACKLOG: Final = 512
# A process that ends sooner than this after its start is given more and more time before the next try.
SETTLED_SECONDS: Final = 10.0
LONGEST_PAUSE_SECONDS: Final = 30.0
# How often what was taken, and could not be repeated any more, is forgotten.
FORGET_SECONDS: Final = 60.0
CLOCK: Final = "clock"

_STOP: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
_SIGNALS: Final = _STOP | {signal.SIGCHLD}
_ENVIRONMENT: Final = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "PATH", "TMPDIR", "TZ")


def serve(
    directory: Path, *, test_clock: Path | None = None, as_json: bool = False, out: TextIO | None = None
) -> None:
    """Serve a mechanism until SIGTERM or SIGINT.

    Writes the doors' addresses to `out` (standard output), and "ready" when all of them answer: as lines for
    people, or as two JSON objects. Raises `ConfigError`, `KeysError`, `LogMismatchError`,
    `AlreadyRunningError` or `StartError` if it cannot start; nothing is left running then.
    """
    out = out or sys.stdout
    directory = directory.resolve()
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    config = Config.load(directory)
    with ExitStack() as stack:
        stack.enter_context(only_one(directory / LOCK_NAME, "meyasubako serve"))
        _check_log(directory, config, test_clock)
        sockets = {door: stack.enter_context(_bind(door, getattr(config.doors, door))) for door in DOORS}
        _say_addresses(sockets, out, as_json=as_json)
        stack.enter_context(_signals_blocked())
        supervisor = _Supervisor(directory, sockets, test_clock)
        try:
            supervisor.start()
            _say(json.dumps({"ready": True}) if as_json else "ready", out)
            supervisor.watch()
        finally:
            supervisor.stop()


@dataclass(slots=True)
class _Child:
    """A process that is to run: how often it failed at once, and when it may be tried again."""

    name: str
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = 0.0
    due: float = 0.0


@dataclass(slots=True)
class _Supervisor:
    """The processes of one mechanism. It is not threaded: signals are waited for, not handled."""

    directory: Path
    sockets: dict[str, socket.socket]
    test_clock: Path | None
    children: list[_Child] = field(default_factory=list)
    form_key: bytes = field(default_factory=lambda: secrets.token_bytes(FORM_KEY_SIZE), repr=False)
    nonces: dict[str, Nonces] = field(init=False)
    _clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self._clock = file_clock(self.test_clock) if self.test_clock else system_clock
        self.nonces = {door: Nonces.begin(self._clock()) for door in self.sockets}

    def start(self) -> None:
        """Start everything and return when all doors answer; `StartError` if one does not."""
        self.children = [_Child(name) for name in (CLOCK, *self.sockets)]
        for child in self.children:
            self._spawn(child)
        deadline = time.monotonic() + START_SECONDS
        for name, listener in self.sockets.items():
            while not _answers(listener):
                self._refuse_early_end()
                if signal.sigtimedwait(_STOP, 0) is not None:
                    raise StartError("stopped before all doors answered")
                if time.monotonic() > deadline:
                    raise StartError(f"the {name} door does not answer")
        self._refuse_early_end()

    def watch(self) -> None:
        """Start again whatever ends, until a signal says to stop."""
        while True:
            now = time.monotonic()
            for child in self.children:
                if child.process is not None and child.process.poll() is not None:
                    self._bury(child, now)
                if child.process is None and child.due <= now:
                    self._spawn(child)
            self._forget()
            waiting = [child.due - now for child in self.children if child.process is None]
            arrived = signal.sigtimedwait(_SIGNALS, max(0.0, min(waiting, default=FORGET_SECONDS)))
            if arrived is not None and arrived.si_signo in _STOP:
                return

    def stop(self) -> None:
        """End every process: asked first, forced after a while."""
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _forget(self) -> None:
        # A test clock may be just being set.
        with suppress(ConfigError):
            now = self._clock()
            for taken in self.nonces.values():
                taken.forget(now)

    def _bury(self, child: _Child, now: float) -> None:
        quick = now - child.started < SETTLED_SECONDS
        child.pause = min(LONGEST_PAUSE_SECONDS, child.pause * 2 or 1.0) if quick else 0.0
        child.due = now + child.pause
        status = child.process.returncode if child.process else None
        LOGGER.warning("%s ended with status %s and is started again", child.name, status)
        child.process = None

    def _refuse_early_end(self) -> None:
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                raise StartError(
                    f"{child.name} ended with status {child.process.returncode}; see the errors above"
                )

    def _spawn(self, child: _Child) -> None:
        child.started = time.monotonic()
        command = [sys.executable, "-P", "-m"]
        tail = [str(self.directory), "--supervisor", str(os.getpid())]
        if self.test_clock is not None:
            tail += ["--test-clock", str(self.test_clock.resolve())]
        if child.name == CLOCK:
            child.process = _run([*command, "meyasubako.service.clock", *tail], ())
            return
        descriptors = (self.sockets[child.name].fileno(), self.nonces[child.name].descriptor)
        named = ["--socket", str(descriptors[0]), "--nonces", str(descriptors[1])]
        command += ["meyasubako.service.door", child.name, *tail, *named]
        if child.name != "reporter":
            child.process = _run(command, descriptors)
            return
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb"), os.fdopen(writing, "wb") as pipe:
            # 32 bytes fit a pipe's buffer, so this never waits for the reader.
            pipe.write(self.form_key)
            pipe.flush()
            child.process = _run([*command, "--form-key", str(reading)], (*descriptors, reading))


def _run(command: list[str], descriptors: tuple[int, ...]) -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        command, pass_fds=descriptors, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )


def _check_log(directory: Path, config: Config, test_clock: Path | None) -> None:
    """Refuse a log that its published checkpoint is ahead of, or that is not signed as it says itself.

    Opening the mechanism compares the tree with the checkpoint that is kept outside of the database.
    """
    mechanism = Mechanism.open(directory, test_clock=test_clock)
    try:
        published = mechanism.store.published()
        if published is None:
            raise LogMismatchError("the log has no published checkpoint: the founding was not completed")
        then = people.Mechanism()
        for row in mechanism.store.stream(mechanism.ledger().mechanism.stream):
            if row.index < published.size:
                then = people.fold(then, envelope.read(row.data), row.index)
        open_checkpoint(published.note, config.origin, [parse_verifier(key) for key in then.log_keys])
        if mechanism.keys.log[0].key.name != config.origin:
            raise LogMismatchError("the keys in this directory are another log's")
        refuse_open(directory / ERASURE_KEYS)
        # A directory that was put back by hand may hold again what the log says was erased.
        mechanism.destroy(again=True)
    except BadNoteError as error:
        raise LogMismatchError(
            "the published checkpoint is not signed by the keys that the log names"
        ) from error
    finally:
        mechanism.close()


@contextmanager
def _signals_blocked() -> Iterator[None]:
    former = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _bind(door: str, address: str) -> socket.socket:
    host, port = parse_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise StartError(f"the {door} door cannot listen on {address}: {error.strerror}") from error


def _say_addresses(sockets: dict[str, socket.socket], out: TextIO, *, as_json: bool) -> None:
    addresses = {door: _url(listener) for door, listener in sockets.items()}
    if as_json:
        _say(json.dumps({"doors": addresses}), out)
        return
    for door, address in addresses.items():
        _say(f"{door:9}{address}", out)


def _say(line: str, out: TextIO) -> None:
    out.write(line + "\n")
    out.flush()


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _answers(listener: socket.socket) -> bool:
    """Whether the door gives an HTTP answer, whichever, within a second."""
    host, port = listener.getsockname()[:2]
    connection = http.client.HTTPConnection(host, port, timeout=1.0)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        connection.close()
