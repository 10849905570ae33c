import fcntl
from contextlib import suppress

import pytest

from meyasubako.service.store.locks import FileLock
from tests.unit.service.store.made import together


def test_threads_and_holders_of_the_same_file_take_turns(tmp_path):
    path = tmp_path / "lock"
    inside, most = [], []

    def enter(lock):
        for _ in range(50):
            with lock:
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    one, other = FileLock(path), FileLock(path)
    together([lambda: enter(one), lambda: enter(one), lambda: enter(other)])
    assert set(most) == {1}
    one.close()
    other.close()


def test_the_lock_is_held_against_other_processes_and_let_go_after_an_error(tmp_path):
    path = tmp_path / "lock"
    lock = FileLock(path)
    with path.open("w") as other:
        with suppress(KeyError), lock:
            with pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            raise KeyError
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    lock.close()
    lock.close()


def test_a_lock_that_cannot_be_had_leaves_the_turn_free(tmp_path):
    lock = FileLock(tmp_path / "missing" / "lock")
    for _ in range(2):
        with pytest.raises(FileNotFoundError), lock:
            pass
