import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from meyasubako.service.store.quiet import hush, open_quietly, read_quietly

LONG_AGO = 1_500_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"sealed")
    os.utime(path, (LONG_AGO, LONG_AGO + 1))
    return path


def read_at(path: Path) -> float:
    return path.stat().st_atime


def test_a_file_system_that_keeps_access_times_would_show_a_plain_reading(file: Path) -> None:
    file.read_bytes()
    if read_at(file) == LONG_AGO:
        pytest.skip("this file system keeps no access times: the other tests here show nothing")


def test_what_is_read_quietly_keeps_its_access_time(file: Path) -> None:
    assert read_quietly(file) == b"sealed"
    with open_quietly(file) as opened:
        assert opened.read() == b"sealed"
    assert read_at(file) == LONG_AGO


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_quietly(tmp_path / "nothing")


def test_a_database_that_is_hushed_is_read_without_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
        connection.commit()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        hush(path)
        os.utime(path, (LONG_AGO, LONG_AGO + 1))
        assert len(connection.execute("SELECT x FROM t").fetchone()[0]) == 100_000
    assert read_at(path) == LONG_AGO


def test_hushing_a_file_that_nobody_has_open_does_nothing(tmp_path: Path) -> None:
    hush(tmp_path / "nothing")
