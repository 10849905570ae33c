"""What the tests of the whole share: mechanisms founded with real keys, and served by real processes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meyasubako.service.config import Limits
from tests.system.box import Box, found_box
from tests.system.served import Served

# Enough for every test here, and quick to start on a small machine.
SMALL = Limits(workers=1, threads=16, upload_bytes=2 * 1024 * 1024, files=3, text_characters=2000)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A mechanism of its own for this test, not served."""
    return found_box(tmp_path / "box", SMALL)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[[Box], Served]]:
    """Serves boxes until the test ends."""
    running: list[Served] = []

    def serve(box: Box) -> Served:
        served = Served(box.directory, tmp_path / f"served{len(running)}")
        running.append(served)
        served.start()
        return served

    yield serve
    for served in running:
        assert served.stop() == 0, served.printed()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Box, Served]]:
    """One served mechanism for the tests of a module, each of which leaves it as it was or adds cases."""
    place = tmp_path_factory.mktemp("shared")
    box = found_box(place / "box", SMALL)
    served = Served(box.directory, place / "served")
    served.start()
    yield box, served
    assert served.stop() == 0, served.printed()


@contextmanager
def nothing_changes(shared: tuple[Box, Served]) -> Iterator[None]:
    """Rows, payloads, objects and incoming files are the same afterwards; nothing is printed."""
    box, served = shared
    before, printed = box.contents(), served.printed()
    yield
    assert box.contents() == before
    assert served.printed() == printed
