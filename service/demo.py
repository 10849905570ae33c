"""The demonstration: a mechanism with five people, and one whole case through its real doors.

- Every step goes over HTTP to the processes that `serve` runs; each person acts with keys of their own, as
  they would from a machine of their own.
- The mechanism says in its first entry that it is a test. Its people's key files lie beside it, under one
  pass phrase that everybody knows.
- Nothing that stays holds the report's text, the picture, the receipt or a bare secret key.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from meyasubako.crypto.keyfile import WORK_FACTOR, KeyPair, digest_fingerprint, write_keyfile
from meyasubako.service import demo_cast as cast
from meyasubako.service.config import Config, Doors, IntakeSettings, Limits
from meyasubako.service.demo_case import Addresses, Case
from meyasubako.service.demo_cast import ANA, CAST, DAN, EVA, KEIKO, OMAR, Part
from meyasubako.service.demo_teller import Teller
from meyasubako.service.errors import StartError
from meyasubako.service.founding import Founder, Settings, found

_STOP_SECONDS: Final = 20.0


def run(directory: Path | None, *, once: bool, as_json: bool, work_factor: int = WORK_FACTOR) -> None:
    """Show one whole case; then, unless `once`, serve until Ctrl-C.

    The mechanism is founded in `directory` and stays there, its people's key files in a folder beside it;
    without one both live in a temporary folder. Raises DemoError where a step does not do what it should.
    """
    teller = Teller(as_json=as_json)
    with ExitStack() as stack:
        stack.enter_context(_stopped_by_signals())
        if directory is None:
            directory = _temporary(stack, "meyasubako-demo-") / "box"
        people = directory.with_name(f"{directory.name}-people")
        teller.title("One case, from the slot of the box to the auditor's table", f"in {directory}")
        keys = _make_keys(teller, people, work_factor)
        fingerprint = _found(teller, directory, keys)
        with teller.waiting("Three doors open, each a process of its own …"):
            process, doors = stack.enter_context(_served(directory))
        private = _temporary(stack, "meyasubako-demo-private-")
        case = Case(teller, directory, private, keys, fingerprint, doors)
        case.run()
        case.check()
        teller.end(directory)
        if not once:
            _stay(teller, process, doors, directory, people, fingerprint)


def _temporary(stack: ExitStack, prefix: str) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))


def _make_keys(teller: Teller, people: Path, work_factor: int) -> dict[Part, KeyPair]:
    people.mkdir(parents=True, mode=0o700)
    keys = {part: KeyPair.generate(part.name) for part in CAST}

    def write(part: Part) -> None:
        data = write_keyfile(keys[part], part.name, cast.PASSPHRASE, work_factor)
        path = people / part.file
        path.touch(mode=0o600)
        path.write_bytes(data)
        (people / f"{part.file}.pub").write_text(f"{keys[part].person().public_line()}\n", encoding="utf-8")

    # Two at a time: a pass phrase costs a quarter of a gigabyte of memory while it is stretched.
    waiting = teller.waiting("Five people make their keys; a pass phrase is slow on purpose …")
    with waiting, ThreadPoolExecutor(2) as pool:
        list(pool.map(write, CAST))
    teller.step(
        "Five people",
        "steward",
        "each make a key file on their own machine, under a pass phrase, and hand out one public line.",
        "nothing: it does not exist yet. It will never see a secret key of theirs.",
    )
    return keys


def _found(teller: Teller, directory: Path, keys: dict[Part, KeyPair]) -> str:
    anywhere = "127.0.0.1:0"
    config = Config(
        # Each demonstration is a mechanism of its own, also to somebody who remembers an earlier one.
        origin=f"{cast.ORIGIN}/{secrets.token_hex(4)}",
        doors=Doors(reporter=anywhere, handler=anywhere, log=anywhere),
        limits=Limits(workers=1, threads=16),
        intake=IntakeSettings(show="at_once"),
    )
    settings = Settings(name=cast.NAME, channel_name=cast.NAME, waiting_hours=0, test=True)
    founders = [Founder(keys[part].person(), part.roles) for part in CAST]
    leaf = found(directory, config, settings, founders, keys[DAN]).leaf
    fingerprint = digest_fingerprint(bytes.fromhex(leaf))
    teller.step(
        DAN.name,
        "steward",
        f"founds the mechanism “{cast.NAME}”, with {EVA.name} as second steward, {KEIKO.name} and "
        f"{OMAR.name} to read reports, {ANA.name} to audit. The poster gets its fingerprint: {fingerprint}",
        "five names and public keys, signed by Dan in the log's first entry.",
        fingerprint=fingerprint,
    )
    return fingerprint


@contextmanager
def _served(directory: Path) -> Iterator[tuple[subprocess.Popen[str], Addresses]]:
    command = [sys.executable, "-P", "-m", "meyasubako.service.cli.main", "serve", str(directory), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own command
        try:
            lines = [process.stdout.readline() if process.stdout else "" for _ in range(2)]
            if not all(lines):
                raise StartError("the mechanism could not be served; the line above says why")
            yield process, Addresses(**json.loads(lines[0])["doors"])
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """End by SIGTERM as by Ctrl-C, so that nothing is left running or lying about.

    SIGINT too is set here: a shell that starts us in the background would have us ignore it.
    """

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    former = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)


def _stay(
    teller: Teller,
    process: subprocess.Popen[str],
    doors: Addresses,
    directory: Path,
    people: Path,
    fingerprint: str,
) -> None:
    key, command = people / KEIKO.file, _command()
    # Whoever reads the page may press Ctrl-C at once.
    with suppress(KeyboardInterrupt):
        teller.fact_or_page(
            {
                "doors": {"reporter": doors.reporter, "handler": doors.handler, "log": doors.log},
                "people": str(people),
            },
            f"""[bold]Open in a browser[/]
  the reporter's site   [bold]{doors.reporter}[/]
  the log's page        [bold]{doors.log}[/]

[bold]Write a report there, then read it as Keiko[/], in another terminal
  [dim]pass phrase[/]  {cast.PASSPHRASE}
  {command} cases list --at {doors.handler} --log {doors.log} --as {key} --fingerprint "{fingerprint}"

[bold]Check it as anybody[/]
  {command} audit {directory}

[dim]Ctrl-C stops it.[/]""",
        )
        process.wait()
        raise StartError("the mechanism stopped by itself; the lines above say why")
    teller.say("\nStopped.")


def _command() -> str:
    """The command as it is typed here: by its name where the shell finds it, else by its path."""
    found = shutil.which("meyasubako")
    here = Path(sys.argv[0])
    if found is not None and Path(found).resolve() == here.resolve():
        return "meyasubako"
    return os.path.relpath(here)
