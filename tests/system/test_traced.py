"""Every byte that a process writes to a file is looked at, by strace, whatever goes wrong meanwhile: uploads
break off, the disk is full, processes are killed. Nothing of what reporters write, hold or send is among it
in the clear.

The canary (`test_canary`) looks at what lies on the disk afterwards; this looks at what was ever written
there, also to files that are gone.
"""

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meyasubako.crypto.receipt import Receipt
from tests.system import canary, served
from tests.system.box import ORIGIN, Box
from tests.system.canary import Needle
from tests.system.served import Served, wait_for
from tests.system.visitor import Visitor

pytestmark = [pytest.mark.crash, pytest.mark.long]

TEXT = "The foreman keeps the passports in the red safe.\n現場監督が旅券を赤い金庫に保管しています。\n"
REPLY = "They were moved on Tuesday night.\n火曜日の夜に移されました。\n"
LOST = "This sentence was typed on a page and never sent at all.\n"
SMALL_FILE, LARGE_FILE, BROKEN_FILE = os.urandom(3_000), os.urandom(700_000), os.urandom(900_000)
CALLS = "write,writev,pwrite64,pwritev,pwritev2,sendfile,splice,tee,vmsplice,copy_file_range,mmap"
_call = re.compile(r"^\d+ +(\w+)\((.*)")
_path = re.compile(r"^\d+<([^>]*)>")
_string = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


@pytest.fixture
def traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """From now on `meyasubako serve` is traced, with everything that it starts; gives the trace."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not there: apt-get install strace")
    trace, command = tmp_path / "trace", tmp_path / "traced-meyasubako"
    command.write_text(
        "#!/bin/sh\n"
        # The tracer stays in the background, so that signals and the end are the service's own.
        f"exec {strace} -D -f -qq -y -xx -s 4000000 -e trace={CALLS} -e signal=none -o {trace} "
        f'{served.COMMAND} "$@"\n'
    )
    command.chmod(0o700)
    monkeypatch.setattr(served, "COMMAND", command)
    return trace


def written(trace: Path) -> dict[str, bytes]:
    """What was written to each regular file, in the order in which it was."""
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    with trace.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            call = _call.match(line)
            if call is None:
                continue  # the end of a call that another one interrupted
            name, arguments = call.groups()
            if name == "mmap":
                assert _harmless(arguments), line[:200]
                continue
            told = _path.match(arguments)
            path = _bytes(told[1]).decode() if told else ""
            if not path.startswith("/") or path.startswith(("/dev/", "/proc/")):
                continue
            assert name in {"write", "writev", "pwrite64", "pwritev", "pwritev2"}, line[:200]
            for data, cut in _string.findall(arguments):
                assert not cut, "the trace does not hold all of it"
                found[path].append(_bytes(data))
    return {path: b"".join(pieces) for path, pieces in found.items()}


def _harmless(arguments: str) -> bool:
    """Whether a mapping cannot write to a file; SQLite's index of its own log is the one that does.

    What processes share of memfd_create(2) has no place on any disk.
    """
    shared = "MAP_SHARED" in arguments and "PROT_WRITE" in arguments and "MAP_ANONYMOUS" not in arguments
    told = re.search(r"\d+<([^>]*)>(\(deleted\))?", arguments)
    if not shared or told is None:
        return not shared
    path = _bytes(told[1])
    return path.endswith(b"-shm") or (path.startswith(b"/memfd:") and told[2] is not None)


def _bytes(shown: str) -> bytes:
    """What strace shows byte by byte."""
    return bytes.fromhex(shown.replace("\\x", "")) if shown.startswith("\\x") else shown.encode()


def needles(receipts: list[str]) -> Iterator[Needle]:
    for what, text in {"report": TEXT, "reply": REPLY, "what was never sent": LOST}.items():
        yield from canary.of_text(what, text)
    for what, content in {"small": SMALL_FILE, "large": LARGE_FILE, "broken": BROKEN_FILE}.items():
        yield from canary.of_file(f"{what} file", content)
    for number, digits in enumerate(receipts):
        yield from canary.of_receipt(f"receipt {number}", Receipt.parse(digits), ORIGIN)


def test_nothing_in_the_clear_is_ever_written_to_a_file(
    box: Box, traced: Path, serving: Callable[[Box], Served]
) -> None:
    running = serving(box)
    receipts = []
    files = [("small.bin", SMALL_FILE), ("large.bin", LARGE_FILE)]
    with Visitor(running.doors["reporter"], "ja") as visitor:
        receipts.append(visitor.whole_visit(TEXT, files))
        visitor.come_back(receipts[0])
        visitor.press("send", text=REPLY, files=files)
        # A code that nobody was given.
        visitor.come_back("0000 " * 11 + "0003")

    with Visitor(running.doors["reporter"]) as visitor:
        drop_in_the_middle(box, visitor)
        fill_the_disk(running, visitor)
        receipts.append(visitor.finish())
        kill_in_the_middle(box, running, visitor)

    assert running.stop() == 0
    wait_for(lambda: not _open_elsewhere(traced))
    traces = written(traced)
    # It is really seen: files as they arrive, and the log.
    arrived = sum(len(data) for path, data in traces.items() if "/incoming/" in path)
    assert arrived > 2 * len(LARGE_FILE)
    assert any(path.endswith("log.db-wal") and len(data) > 100_000 for path, data in traces.items())
    assert any(b"age-encryption.org/v1" in data for path, data in traces.items() if "/incoming/" in path)
    assert canary.found_in(traces.items(), needles(receipts)) == []


def drop_in_the_middle(box: Box, visitor: Visitor) -> None:
    """A connection that breaks while a file arrives."""
    incoming = box.directory / "incoming"
    visitor.go("questions")
    visitor.press(expect="story")
    visitor.press("skip", text=LOST, expect="files")
    with visitor.sending(BROKEN_FILE, 2 * len(BROKEN_FILE)):
        wait_for(lambda: any(incoming.iterdir()))
    wait_for(lambda: not any(incoming.iterdir()))


def fill_the_disk(running: Served, visitor: Visitor) -> None:
    """No file grows any more, neither what arrives nor the log; then there is room again."""
    running.limit_files(100_000)
    visitor.press("add", files=[("broken.bin", BROKEN_FILE)])
    visitor.press(expect="review")
    running.limit_files(4096)
    visitor.press(expect="review")
    running.limit_files(None)


def kill_in_the_middle(box: Box, running: Served, visitor: Visitor) -> None:
    """The reporter's door dies while a file arrives."""
    incoming = box.directory / "incoming"
    visitor.go("questions")
    with visitor.sending(BROKEN_FILE, 2 * len(BROKEN_FILE)):
        wait_for(lambda: any(incoming.iterdir()))
        running.kill_only("meyasubako.service.door", "reporter")
    with Visitor(running.doors["reporter"]) as after:
        assert after.go("").status == 200


def _open_elsewhere(trace: Path) -> bool:
    """Whether the tracer still writes the trace."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if any(link.resolve() == trace for link in (process / "fd").iterdir()):
                    return True
            except OSError:
                continue
    return False


def test_the_trace_is_read_as_it_is_written(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_text(
        '12 write(3</tmp/a>, "\\x73\\x65\\x63"..., 3) = 3\n'.replace("...", "")
        + '12 writev(3</tmp/a>, [{iov_base="\\x72\\x65", iov_len=2}, {iov_base="\\x74", iov_len=1}], 2) = 3\n'
        + '13 pwrite64(4<\\x2f\\x74\\x6d\\x70\\x2f\\x62>(deleted), "\\x78", 1, 0 <unfinished ...>\n'
        + "13 <... pwrite64 resumed>) = 1\n"
        + '12 write(5<socket:[7]>, "\\x79", 1) = 1\n'
        + "12 mmap(NULL, 9, PROT_READ|PROT_WRITE, MAP_SHARED, 9</tmp/log.db-shm>, 0) = 0x7f\n"
    )
    assert written(trace) == {"/tmp/a": b"secret", "/tmp/b": b"x"}  # noqa: S108 (no file of that name is used)
    trace.write_text("12 mmap(NULL, 9, PROT_READ|PROT_WRITE, MAP_SHARED, 9</tmp/plain>, 0) = 0x7f\n")
    with pytest.raises(AssertionError):
        written(trace)
