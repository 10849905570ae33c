import pytest

from meyasubako.crypto.note import NoteKey
from meyasubako.service.witness.founding import found
from meyasubako.service.witness.protocol import Witness
from tests.unit.service.witness.made_log import MadeLog, entries


@pytest.fixture
def log():
    return MadeLog(entries=entries(300))


@pytest.fixture
def directory(tmp_path, log):
    """A new witness that has admitted the log."""
    folder = tmp_path / "witness"
    found(folder, "witness.example.org/w")
    witness = Witness.open(folder)
    for vkey in log.vkeys:
        witness.memory.admit(log.origin, NoteKey.parse(vkey))
    witness.memory.close()
    return folder


@pytest.fixture
def witness(directory):
    opened = Witness.open(directory)
    yield opened
    opened.memory.close()
