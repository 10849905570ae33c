"""Somebody who comes back to their mailbox and only reads leaves nothing behind: no byte in any file, no new
time on one, no line in what is printed. Times of access are held to it too: what a returning reporter makes
the service read is what any visitor of the first page makes it read.

The clock's process writes covers at moments of its own; it stands still while we look.
"""

import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import reading
from meyasubako.service.client.reporter import ReporterClient
from meyasubako.service.mechanism import Mechanism
from tests.integration.reporter_box import answer
from tests.system.box import Box
from tests.system.callers import reporter_door
from tests.system.served import Served
from tests.system.visitor import Visitor

NOBODYS = "0000 " * 11 + "0003"
LARGE = os.urandom(300_000)
# Long ago, so that a file system that keeps times of access only now and then keeps each of ours.
LONG_AGO_NS = 1_500_000_000 * 10**9


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that a file says of itself, but for the time at which it was read."""

    size: int
    mode: int
    inode: int
    changed_ns: int
    attributes_ns: int
    digest: str


def look(folders: tuple[Path, ...]) -> dict[str, Trace]:
    """Every file and folder as it is now; looking at them leaves no time behind."""
    found = {}
    for path in sorted(each for folder in folders for each in (folder, *folder.rglob("*"))):
        if path.is_socket():
            continue
        told = path.stat()
        digest = _digest(path) if path.is_file() else ""
        found[str(path)] = Trace(
            told.st_size, told.st_mode, told.st_ino, told.st_mtime_ns, told.st_ctime_ns, digest
        )
    return found


def _digest(path: Path) -> str:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOATIME), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def changed(before: dict[str, Trace], after: dict[str, Trace]) -> list[str]:
    """Each file that came, went or is not as it was, by name and by what differs."""
    lines = [f"{path} came" for path in after.keys() - before.keys()]
    lines += [f"{path} went" for path in before.keys() - after.keys()]
    for path in before.keys() & after.keys():
        was, now = before[path], after[path]
        lines += (
            [f"{path}: {name}" for name in Trace.__slots__ if getattr(was, name) != getattr(now, name)]
            if was != now
            else []
        )
    return sorted(lines)


def forget_reading(folder: Path) -> None:
    """Set every file's time of access back; other times stay."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, ns=(LONG_AGO_NS, path.stat().st_mtime_ns))


def read_since(folder: Path) -> set[str]:
    """The files that were read since then, as far as the file system keeps it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)) for path in files if path.stat().st_atime_ns != LONG_AGO_NS}


@contextmanager
def clock_stands_still(served: Served) -> Iterator[None]:
    pids = served.pids("meyasubako.service.clock")
    assert len(pids) == 1
    os.kill(pids[0], signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pids[0], signal.SIGCONT)


def come_back_by_command(served: Served, receipt: str) -> None:
    """The same by somebody's own tool, whose requests are signed and taken once."""
    with reporter_door(served, Receipt.parse(receipt)) as http:
        client = ReporterClient(http)
        dialogue = next(room for room in client.mailbox().rooms if room.room == "dialogue")
        client.payload(reading.text_digest(dialogue.read()[-1]))
        client.proof()


def come_back(visitor: Visitor, receipt: str) -> None:
    """Everything that somebody who only reads can do on the site."""
    assert visitor.come_back(receipt).where == "mailbox"
    page = visitor.page
    assert "Yes. In which month?" in page.body
    reading = next(form for form in page.forms if form.action.endswith("/answers/file"))
    digest = page.body.partition('name="get" value="')[2].partition('"')[0]
    assert visitor.send(reading, {"get": digest}).content == LARGE
    assert b"meyasubako/promise" in visitor.send(reading, {"get": "proof"}).content
    assert visitor.come_back(NOBODYS).where == "door"
    visitor.go("answers")
    visitor.leave()


@pytest.mark.parametrize("visits", [3, pytest.param(300, marks=pytest.mark.long)])
def test_whoever_comes_back_and_only_reads_leaves_nothing_behind(
    box: Box, serving: Callable[[Box], Served], visits: int
) -> None:
    served = serving(box)
    with Visitor(served.doors["reporter"]) as visitor:
        receipt = visitor.report("The alarm is switched off.", [("film.mov", LARGE)])
        visitor.come_back(receipt)
        visitor.press("send", text="Is anybody there?", files=[("large.bin", LARGE)], expect="mailbox")
    mechanism = Mechanism.open(box.directory)
    answer(mechanism, box, "Keiko Sato", "Yes. In which month?")
    mechanism.close()
    # Anew, so that nothing is remembered of that mailbox.
    assert served.stop() == 0
    served.start()
    folders = (box.directory, served.temporary)
    with clock_stands_still(served):
        forget_reading(box.directory)
        with Visitor(served.doors["reporter"]) as visitor:
            assert visitor.go("").status == 200
        anybody = read_since(box.directory)
        forget_reading(box.directory)
        before, printed = look(folders), served.printed()
        for _ in range(visits):
            with Visitor(served.doors["reporter"]) as visitor:
                come_back(visitor, receipt)
            come_back_by_command(served, receipt)
        reporter = read_since(box.directory)
        assert changed(before, look(folders)) == []
        assert served.printed() == printed
        assert sorted(reporter - anybody) == []


def test_a_trace_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"one")
    before = look((tmp_path,))
    assert changed(before, look((tmp_path,))) == []
    forget_reading(tmp_path)
    assert any("attributes_ns" in line for line in changed(before, look((tmp_path,))))
    file.write_bytes(b"two")
    assert {line.rpartition(": ")[2] for line in changed(before, look((tmp_path,)))} >= {
        "changed_ns",
        "digest",
    }
    (tmp_path / "more").touch()
    assert f"{tmp_path / 'more'} came" in changed(before, look((tmp_path,)))
