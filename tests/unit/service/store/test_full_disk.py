"""A process whose files may not grow further, as on a full disk or beyond a quota."""

import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from meyasubako.service.store.errors import StoreFullError
from meyasubako.service.store.port import SMALL_PAYLOAD
from meyasubako.service.store.sqlite import Store
from tests.unit.service.store.made import append_some, event, new_stream, payload, upload

ROOT = Path(__file__).parents[4]


def fill(store):
    """Append until there is no room; gives how many were acknowledged."""
    acknowledged = 0
    with suppress(StoreFullError):
        while True:
            sealed, reference = payload(SMALL_PAYLOAD)
            store.append([event(new_stream(), 1, owns=[reference])], {reference[0]: sealed}, {})
            acknowledged += 1
    return acknowledged


def run_out_of_room(directory):
    """Runs in a process of its own: appends and uploads until there is no room, then with room again."""
    with Store.open(directory) as store:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
        acknowledged = fill(store)
        with pytest.raises(StoreFullError):
            upload(store, bytes(2 << 20))
        assert list((directory / "incoming").iterdir()) == []
        assert store.head().size == acknowledged == len(list(store.all_payloads()))
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        append_some(store, 5)
        assert store.head().size == len(list(store.rows())) == acknowledged + 5
    sys.stdout.write(str(acknowledged))


def test_a_process_without_room_says_so_and_goes_on_when_there_is_room_again(tmp_path):
    Store.create(tmp_path).close()
    child = subprocess.run(
        [sys.executable, "-m", "tests.unit.service.store.test_full_disk", tmp_path],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}/src:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    assert 0 < int(child.stdout) < 8
    with Store.open(tmp_path) as store:
        assert store.head().size == int(child.stdout) + 5


if __name__ == "__main__":
    run_out_of_room(Path(sys.argv[1]))
