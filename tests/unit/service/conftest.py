import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from meyasubako.service.cli.audit_view import facts
from meyasubako.service.config import Limits
from meyasubako.service.inspection import Demands, audit
from meyasubako.service.inspection.pack import pack
from meyasubako.service.mechanism import Mechanism
from tests.system.box import Box, found_box
from tests.system.lived import Lived, found_lived

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


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """A mechanism that has lived, which nobody changes."""
    return found_lived(tmp_path_factory.mktemp("original") / "box")


@pytest.fixture
def lived(original: Lived, tmp_path: Path) -> Lived:
    """The same mechanism, to do to it what one likes."""
    return original.copied(tmp_path / "box")


@pytest.fixture(scope="module")
def ended(original: Lived, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state in which an audit of the original ended."""
    path = tmp_path_factory.mktemp("ended") / "state"
    assert audit(original.directory, Demands(state=path)).good
    return path


@pytest.fixture
def state(ended: Path, tmp_path: Path) -> Path:
    """The same, of one's own: a good audit writes to it."""
    return Path(shutil.copy(ended, tmp_path / "state"))


@pytest.fixture(scope="module")
def genuine(original: Lived, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evidence pack of the original."""
    today = date.today()  # noqa: DTZ011  the machine's, as an auditor's
    result, out = audit(original.directory), tmp_path_factory.mktemp("packs") / "pack"
    pack(result, original.directory, out, facts(result, today), today)
    return out


@pytest.fixture
def packed(genuine: Path, tmp_path: Path) -> Path:
    """The same pack, to do to it what one likes."""
    return Path(shutil.copytree(genuine, tmp_path / "pack"))
