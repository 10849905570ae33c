"""Large files on their way to a real service, over connections that break and a service that is killed."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridIdentity
from meyasubako.service.client import uploading
from meyasubako.service.client.http import Http
from meyasubako.service.client.uploading import PART
from meyasubako.service.config import Limits
from meyasubako.service.errors import RefusedError, UnreachableError
from tests.system.box import Box, found_box
from tests.system.callers import desk
from tests.system.cutting import Cut, CuttingProxy
from tests.system.served import MEGABYTE, Served, run

LIMITS = Limits(workers=1, threads=8, upload_bytes=3 * 1024**3)
SIZE = 3 * PART + 100_000
ROOM = HybridIdentity.generate()
GIGABYTE = 1024 * MEGABYTE
LARGE = [64 * MEGABYTE, pytest.param(2 * GIGABYTE, marks=pytest.mark.long)]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Box, Served]]:
    """A mechanism for one test, which may kill it."""
    box = found_box(tmp_path / "box", LIMITS)
    served = Served(box.directory, tmp_path / "served")
    served.start()
    yield box, served
    assert served.stop() == 0, served.printed()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Box, Served]]:
    place = tmp_path_factory.mktemp("uploads")
    box = found_box(place / "box", LIMITS)
    served = Served(box.directory, place / "served")
    served.start()
    yield box, served
    assert served.stop() == 0, served.printed()
    assert served.complaints() == []


def proxied(served: Served, *cuts: Cut) -> CuttingProxy:
    return CuttingProxy(lambda: served.doors["reporter"], list(cuts))


def sent(address: str, sealed: bytes, wait: Callable[[float], None] = lambda _: None) -> None:
    with Http(address) as http:
        uploading.upload(http, "/api/uploads", [sealed], len(sealed), wait)


def assert_stored(box: Box, sealed: bytes) -> None:
    """The digest was counted by the store, over the bytes that arrived."""
    assert hashlib.sha256(sealed).hexdigest() in box.contents().objects


CUTS = {
    "in the first part": [Cut(PART // 2)],
    "before the first byte": [Cut(0)],
    "in the second part, twice": [Cut(PART + PART // 2), Cut(PART // 2), Cut(100)],
    "before an answer": [Cut(0, answers=True)],
    "in the second answer": [Cut(1100, answers=True), Cut(0, answers=True)],
    "in one part after another": [Cut(PART + PART // 3), Cut(PART + PART // 3)],
}


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
def test_a_file_arrives_whole_over_connections_that_break(
    shared: tuple[Box, Served], cuts: list[Cut]
) -> None:
    box, served = shared
    sealed, proxy = age.seal(os.urandom(SIZE), ROOM.recipient), proxied(served, *cuts)
    with proxy.listening() as address:
        sent(address, sealed)
    assert proxy.broken == len(cuts)
    assert_stored(box, sealed)


# Answers are about 700 bytes long, the first one 775.
KILLS = {
    "in the third part": (2 * PART + 5000, False),
    "in the second answer": (1100, True),
    "in the last answer": (2240, True),
}


@pytest.mark.parametrize(("after", "answers"), KILLS.values(), ids=KILLS)
def test_a_file_arrives_whole_at_a_service_that_is_killed_and_started_again(
    own: tuple[Box, Served], after: int, *, answers: bool
) -> None:
    box, served = own
    sealed = age.seal(os.urandom(SIZE), ROOM.recipient)

    def start_again(_: float) -> None:
        if served.starts == 1:
            served.start()

    proxy = proxied(served, Cut(after, answers=answers, then=served.kill))
    with proxy.listening() as address:
        sent(address, sealed, start_again)
    assert (proxy.broken, served.starts) == (1, 2)
    assert_stored(box, sealed)


def test_a_service_that_stays_away_is_given_up(shared: tuple[Box, Served]) -> None:
    _, served = shared
    waited: list[float] = []
    proxy = CuttingProxy(lambda: served.doors["reporter"], [Cut(PART * 2)] + [Cut(0)] * 50)
    with proxy.listening() as address, pytest.raises(UnreachableError):
        sent(address, age.seal(bytes(SIZE), ROOM.recipient), waited.append)
    assert 120 < sum(waited) < 600


def test_what_is_refused_is_not_tried_again(shared: tuple[Box, Served]) -> None:
    waited: list[float] = []
    with pytest.raises(RefusedError, match="post-quantum"):
        sent(shared[1].doors["reporter"], b"in the clear" * 1000, waited.append)
    assert waited == []


def test_a_report_with_a_large_file_arrives_by_command_although_connections_break(
    shared: tuple[Box, Served], tmp_path: Path
) -> None:
    box, served = shared
    film, content = tmp_path / "film.mp4", os.urandom(PART + 50_000)
    film.write_bytes(content)
    # The list of readers comes over a connection of its own.
    proxy = proxied(served, Cut(PART // 2))
    with proxy.listening() as address:
        done = run("report", "--first-use", "--at", address, "--file", film, "--json", typed="A film.")
    assert done.returncode == 0, done.stderr
    assert proxy.broken == 1
    (case,) = box.opened("Keiko Sato")
    kept = tmp_path / "kept.mp4"
    (report,) = desk(box, served, "Keiko Sato").open(case).report
    assert report.document is not None
    desk(box, served, "Keiko Sato").save(case, report.document.files[0].digest, kept)
    assert kept.read_bytes() == content


@pytest.mark.parametrize("size", LARGE)
def test_memory_does_not_grow_with_the_file(shared: tuple[Box, Served], size: int) -> None:
    _, served = shared
    chunk = os.urandom(MEGABYTE)
    workers = served.pids("-m", "meyasubako.service.door", "reporter")

    def sealed() -> Iterator[bytes]:
        """The beginning of a sealed file, and then anything: nobody but its reader can tell."""
        yield age.seal(b"", ROOM.recipient)[: age.HYBRID_HEADER_SIZE]
        for _ in range(size // MEGABYTE):
            yield chunk

    with Http(served.doors["reporter"]) as http:
        uploading.upload(http, "/api/uploads", sealed(), age.HYBRID_HEADER_SIZE + size)
    assert max(peak(pid) for pid in workers) < 120 * MEGABYTE


def peak(pid: int) -> int:
    """The most memory that a process ever had, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024
