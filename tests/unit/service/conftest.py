from collections.abc import Iterator
from pathlib import Path

import pytest

from meyasubako.service.config import Limits
from meyasubako.service.mechanism import Mechanism
from tests.system.box import Box, found_box

LIMITS = Limits(workers=1, threads=4, upload_bytes=300_000)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return found_box(tmp_path / "box", LIMITS)


@pytest.fixture
def mechanism(box: Box) -> Iterator[Mechanism]:
    opened = Mechanism.open(box.directory)
    yield opened
    opened.close()
