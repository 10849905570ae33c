from collections.abc import Iterator
from pathlib import Path

import pytest

from meyasubako.service.config import Limits
from meyasubako.service.mechanism import Mechanism
from tests.system.box import Box, found_box

LIMITS = Limits(workers=1, threads=4, upload_bytes=300_000)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Box:
    """A mechanism as it was founded, which nobody opens."""
    return found_box(tmp_path_factory.mktemp("founded") / "box", LIMITS)


@pytest.fixture
def box(founded: Box, tmp_path: Path) -> Box:
    return founded.copied(tmp_path / "box")


@pytest.fixture
def mechanism(box: Box) -> Iterator[Mechanism]:
    opened = Mechanism.open(box.directory)
    yield opened
    opened.close()
