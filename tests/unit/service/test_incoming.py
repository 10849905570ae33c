"""Files on their way in: what is left of them when they are not sent, or when sending fails."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.signing import SigningKey
from meyasubako.domain.acts import Request
from meyasubako.service import incoming
from meyasubako.service.incoming import FileTicket, IncomingFiles
from meyasubako.service.store.errors import StoreFullError
from meyasubako.service.store.sqlite import Store

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
LARGE, SMALL = 300_000, 300


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path) as store:
        yield store


@pytest.fixture
def files(tmp_path: Path, store: Store) -> IncomingFiles:
    return IncomingFiles(tmp_path / "incoming", store, lambda: NOW, 0)


def arrived(files: IncomingFiles, size: int) -> FileTicket:
    file = files.receive()
    file.write(os.urandom(size))
    return file.finish()


def request() -> Request:
    return Request("box.example.org", SigningKey.generate(), NOW)


def refuse(stored: list[str]) -> None:
    """What the store does when the disk is full after the large file."""
    assert len(stored) == 1
    raise StoreFullError("the disk is full")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_become_payloads_small_ones_beside_the_events_large_ones_in_the_vault(
    tmp_path: Path, files: IncomingFiles
) -> None:
    given = [(arrived(files, size), f"{size}.bin", "application/octet-stream") for size in (LARGE, SMALL)]
    sending, room = request(), HybridIdentity.generate().recipient
    with files.attached(sending, given, room, sending.binding("a-stream", "message.posted")) as attached:
        large, small = attached
    assert [(file.name, file.size) for file in attached] == [("300000.bin", LARGE), ("300.bin", SMALL)]
    assert names(tmp_path / "objects") == [large.digest]
    assert list(sending.payloads) == [small.digest]


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_file_is_given_up_where_its_next_piece_would_take_what_must_stay_free(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = {"free": 1000}
    monkeypatch.setattr(incoming.shutil, "disk_usage", lambda _: Usage(10**6, 0, left["free"]))
    files = IncomingFiles(tmp_path / "incoming", store, lambda: NOW, 600)
    file = files.receive()
    file.write(bytes(400))
    with pytest.raises(StoreFullError):
        file.write(bytes(401))
    file.abort()
    left["free"] = 599
    with pytest.raises(StoreFullError):
        files.receive()
    assert names(tmp_path / "incoming") == []


def test_a_large_file_is_not_sent_where_it_would_take_what_must_stay_free(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = IncomingFiles(tmp_path / "incoming", store, lambda: NOW, 600)
    given = [(arrived(files, LARGE), "large.bin", "application/octet-stream")]
    monkeypatch.setattr(incoming.shutil, "disk_usage", lambda _: Usage(10**6, 0, 600))
    sending, room = request(), HybridIdentity.generate().recipient
    attached = files.attached(sending, given, room, sending.binding("a-stream", "message.posted"))
    with pytest.raises(StoreFullError), attached:
        pass
    assert names(tmp_path / "objects") == []


def test_what_was_stored_for_a_request_that_fails_is_taken_back(tmp_path: Path, files: IncomingFiles) -> None:
    given = [(arrived(files, LARGE), "large.bin", "application/octet-stream")]
    sending, room = request(), HybridIdentity.generate().recipient
    attached = files.attached(sending, given, room, sending.binding("a-stream", "message.posted"))
    with pytest.raises(StoreFullError), attached:
        refuse(names(tmp_path / "objects"))
    assert names(tmp_path / "objects") == []
    assert len(names(tmp_path / "incoming")) == 1


def test_a_file_that_is_gone_takes_back_those_before_it(tmp_path: Path, files: IncomingFiles) -> None:
    given = [(arrived(files, LARGE), f"{number}.bin", "application/octet-stream") for number in range(2)]
    files.discard([given[1][0].id])
    sending, room = request(), HybridIdentity.generate().recipient
    attached = files.attached(sending, given, room, sending.binding("a-stream", "message.posted"))
    with pytest.raises(FileNotFoundError), attached:
        pass
    assert names(tmp_path / "objects") == []


def test_files_of_forms_that_were_never_sent_are_swept_when_their_day_is_over(
    tmp_path: Path, files: IncomingFiles
) -> None:
    folder = tmp_path / "incoming"
    arrived(files, SMALL)
    incoming.sweep(folder, NOW.date())
    assert len(names(folder)) == 1
    incoming.sweep(folder, NOW.date() + timedelta(days=1))
    assert names(folder) == []


def test_a_file_tells_the_day_on_which_it_came_and_no_time(tmp_path: Path, files: IncomingFiles) -> None:
    arrived(files, SMALL)
    path = next((tmp_path / "incoming").iterdir())
    assert path.stat().st_mtime == datetime.combine(date(2026, 11, 22), time(), UTC).timestamp()


def test_uploads_of_programs_are_left_to_the_store(tmp_path: Path, files: IncomingFiles) -> None:
    (tmp_path / "incoming" / ("0" * 32)).touch()
    incoming.sweep(tmp_path / "incoming", date.max)
    assert names(tmp_path / "incoming") == ["0" * 32]
