import os
import shutil
import sqlite3
import threading

import pytest

from meyasubako.crypto.cosignature import Cosigner
from meyasubako.service.witness import journal
from meyasubako.service.witness.errors import (
    MemoryLostError,
    NoWitnessError,
    SizeConflictError,
    UnknownLogError,
    WitnessError,
    WitnessExistsError,
    WitnessNameError,
)
from meyasubako.service.witness.founding import found
from meyasubako.service.witness.journal import Seen
from meyasubako.service.witness.memory import MAX_REFUSED, Memory
from tests.unit.service.witness.made_log import MadeLog, entries


def _now():
    import time

    return int(time.time())


def _seen(size, fill=1, origin="a"):
    return Seen(origin, size, bytes([fill]) * 32, _now())


@pytest.fixture
def memory(directory):
    opened = Memory.open(directory)
    yield opened
    opened.close()


def _at(memory, origin="a"):
    last = memory.last(origin)
    return last.seen if last else None


def test_a_tree_is_replaced_only_by_whoever_saw_it(memory, directory):
    first, second = _seen(1), _seen(2)
    memory.advance(None, first, b"one")
    for stale in (None, _seen(1, 9)):
        with pytest.raises(SizeConflictError) as refused:
            memory.advance(stale, second, b"two")
        assert refused.value.size == 1
    memory.advance(first, second, b"two")
    assert Memory.open(directory).last("a").seen == second
    assert (directory / journal.FILE_NAME).read_bytes() == first.line + second.line


def test_the_same_tree_with_other_signatures_replaces_the_note_alone(memory, directory):
    first = _seen(1)
    memory.advance(None, first, b"one")
    again = Seen("a", 1, first.root, first.time + 1000)
    memory.advance(first, again, b"one, signed again")
    assert memory.last("a").note == b"one, signed again"
    assert _at(memory) == first
    assert (directory / journal.FILE_NAME).read_bytes() == first.line


def test_of_many_threads_one_wins(directory):
    won = []

    def race(fill):
        memory = Memory.open(directory)
        try:
            memory.advance(None, _seen(5, fill), b"")
            won.append(fill)
        except SizeConflictError:
            pass
        memory.close()

    threads = [threading.Thread(target=race, args=(fill,)) for fill in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [_at(Memory.open(directory)).root[0]] == won


def _refuses(directory):
    with pytest.raises(MemoryLostError):
        Memory.open(directory)


def _grown(directory):
    """A backup of one tree, and a witness that has gone on since."""
    memory = Memory.open(directory)
    first = _seen(1)
    memory.advance(None, first, b"one")
    backup = shutil.copytree(directory, directory.with_name("backup"))
    memory.advance(first, _seen(2), b"two")
    memory.close()
    return backup


def test_a_whole_directory_that_is_put_back_is_refused(directory):
    backup = _grown(directory)
    shutil.rmtree(directory)
    shutil.copytree(backup, directory)
    _refuses(directory)


def test_a_journal_that_is_put_back_is_refused(directory):
    backup = _grown(directory)
    shutil.copy2(backup / "journal", directory / "journal")
    _refuses(directory)


def test_a_database_that_is_put_back_loses_nothing(directory):
    backup = _grown(directory)
    shutil.copy2(backup / "witness.db", directory / "witness.db")
    # It looks as after a crash between the two records, and the newer one counts.
    memory = Memory.open(directory)
    assert _at(memory).size == 2
    memory.advance(_at(memory), _seen(3), b"three")
    shutil.copy2(backup / "witness.db", directory / "witness.db")
    _refuses(directory)


def test_records_that_are_overwritten_in_place_are_refused(directory):
    backup = _grown(directory)
    for name in ("witness.db", "journal"):
        with (directory / name).open("r+b") as file:
            file.write((backup / name).read_bytes())
            file.truncate()
        os.utime(directory / name, ns=(0, (backup / name).stat().st_mtime_ns))
    _refuses(directory)


def test_a_running_witness_notices_records_that_are_put_back(directory):
    backup = _grown(directory)
    memory = Memory.open(directory)
    last = _at(memory)
    for name in ("witness.db", "journal"):
        shutil.copy2(backup / name, directory / name)
    # Not even what it remembers is shown, since showing it is signing it.
    for _ in range(2):
        with pytest.raises(MemoryLostError):
            memory.last("a")
        for before in (None, _seen(1), last):
            with pytest.raises(MemoryLostError):
                memory.advance(before, _seen(3), b"three")


def test_a_changed_removed_or_longer_journal_is_refused(directory):
    memory = Memory.open(directory)
    first, second = _seen(1), _seen(2)
    memory.advance(None, first, b"one")
    memory.close()
    path = directory / journal.FILE_NAME
    path.write_bytes(_seen(1, 7).line)
    _refuses(directory)
    path.write_bytes(first.line + second.line + _seen(3).line)
    _refuses(directory)
    path.write_bytes(first.line + b"9" * 70_000)
    _refuses(directory)
    path.unlink()
    _refuses(directory)


def test_the_line_that_a_crash_left_is_taken_over(directory):
    memory = Memory.open(directory)
    first, second = _seen(1), _seen(2)
    memory.advance(None, first, b"one")
    with (directory / journal.FILE_NAME).open("ab") as file:
        file.write(second.line)
    # Also by a process that runs on, as after a full disk.
    with pytest.raises(SizeConflictError) as refused:
        memory.advance(first, _seen(3), b"three")
    assert refused.value.size == 2
    assert Memory.open(directory).last("a").seen == second
    memory.advance(second, _seen(3), b"three")


def test_a_copy_that_was_made_between_the_two_records_is_refused(directory, tmp_path):
    with (directory / journal.FILE_NAME).open("ab") as file:
        file.write(_seen(1).line)
    _refuses(shutil.copytree(directory, tmp_path / "copy"))
    assert _at(Memory.open(directory)).size == 1


def test_a_line_that_is_too_old_to_be_of_a_crash_is_refused(directory):
    with (directory / journal.FILE_NAME).open("ab") as file:
        file.write(Seen("a", 1, bytes(32), _now() - 3600).line)
    _refuses(directory)


def test_half_a_line_is_cut_off(directory):
    memory = Memory.open(directory)
    first = _seen(1)
    memory.advance(None, first, b"one")
    with (directory / journal.FILE_NAME).open("ab") as file:
        file.write(_seen(2).line[:20])
    memory.advance(first, _seen(3), b"three")
    assert _at(Memory.open(directory)).size == 3


def test_a_database_that_was_edited_is_refused(directory):
    memory = Memory.open(directory)
    memory.advance(None, _seen(5), b"five")
    memory.close()
    with sqlite3.connect(directory / "witness.db") as connection:
        connection.execute("UPDATE seen SET size = 4")
        connection.execute("UPDATE mark SET changed = 0")
    connection.close()
    _refuses(directory)


def test_a_moved_witness_runs_again_once_its_head_is_named(directory, tmp_path):
    memory = Memory.open(directory)
    first = _seen(1)
    memory.advance(None, first, b"one")
    old_head = memory.head()
    memory.advance(first, _seen(2), b"two")
    moved = shutil.copytree(directory, tmp_path / "moved")
    _refuses(moved)
    with pytest.raises(MemoryLostError, match="older copy"):
        Memory.confirm_moved(moved, old_head)
    _refuses(moved)
    Memory.confirm_moved(moved, memory.head())
    assert _at(Memory.open(moved)).size == 2


def test_a_backup_does_not_pass_for_a_move(directory):
    backup = _grown(directory)
    with pytest.raises(MemoryLostError):
        Memory.confirm_moved(backup, Memory.open(directory).head())


def test_a_directory_that_stays_in_place_may_be_renamed(directory):
    Memory.open(directory).advance(None, _seen(1), b"one")
    renamed = directory.rename(directory.with_name("renamed"))
    assert _at(Memory.open(renamed)).size == 1


def test_few_refused_checkpoints_are_kept(memory):
    for size in range(MAX_REFUSED + 5):
        memory.keep_refused(_seen(size), b"note")
        memory.keep_refused(_seen(size), b"note")
    assert len(memory.refused("a")) == MAX_REFUSED
    assert memory.refused("b") == []


def test_logs_are_admitted_dismissed_and_listed(memory, log):
    other = MadeLog("other.example.org", entries(1))
    memory.admit(other.origin, other.signers[0].key)
    memory.admit(other.origin, other.signers[0].key)
    memory.advance(None, _seen(3, origin=log.origin), b"")
    listed = {each.origin: (len(each.keys), each.seen and each.seen.size) for each in memory.admitted()}
    assert listed == {log.origin: (2, 3), other.origin: (1, None)}
    memory.dismiss(other.signers[0].key)
    with pytest.raises(UnknownLogError):
        memory.dismiss(other.signers[0].key)
    with pytest.raises(WitnessError):
        memory.admit("x", Cosigner.ed25519("x", bytes(32)).key)


def test_a_witness_is_made_once_with_keys_that_only_its_owner_reads(directory, tmp_path):
    with pytest.raises(WitnessExistsError):
        found(directory, "w")
    with pytest.raises(WitnessExistsError):
        Memory.create(directory)
    with pytest.raises(WitnessNameError):
        found(tmp_path / "other", "a name with spaces")
    with pytest.raises(NoWitnessError):
        Memory.open(tmp_path)
    open_to_others = [path for path in directory.rglob("*") if path.stat().st_mode & 0o077]
    assert open_to_others == []
    assert directory.stat().st_mode & 0o077 == 0
