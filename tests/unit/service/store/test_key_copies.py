import tarfile
from datetime import date, timedelta

import pytest

from meyasubako.service.store.key_copies import roll
from meyasubako.service.store.port import Entry
from tests.unit.service.store.made import new_stream, payload

TODAY = date(2026, 11, 22)


def own(store, scope):
    sealed, reference = payload()
    store.append([Entry(new_stream(), 1, "k", b"data", (reference,), scope)], {reference[0]: sealed}, {})


def kept(directory):
    return sorted(path.name for path in (directory / "erasure-backup").iterdir())


def names(path):
    with tarfile.open(path) as archive:
        return archive.getnames()


@pytest.mark.parametrize("days", [1, 7])
def test_no_destroyed_key_is_kept_for_longer_than_it_is_said(store, tmp_path, days):
    own(store, "erased")
    own(store, "stays")
    for later in range(3 * days + 3):
        day = TODAY + timedelta(days=later)
        roll(tmp_path, store.keys, day, days)
        if later == days:
            store.erase("erased")
        holding = [
            name for name in kept(tmp_path) if "scope-erased" in names(tmp_path / "erasure-backup" / name)
        ]
        assert len(kept(tmp_path)) == min(later + 1, days)
        assert bool(holding) == (later < 2 * days)
        assert "scope-stays" in names(tmp_path / "erasure-backup" / kept(tmp_path)[-1])


def test_a_copy_holds_what_there_was_and_puts_it_back(store, tmp_path):
    own(store, "one")
    roll(tmp_path, store.keys, TODAY, 7)
    key = tmp_path / "erasure" / "scope-one"
    data = key.read_bytes()
    copy = tmp_path / "erasure-backup" / "2026-11-22.tar"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.parent.stat().st_mode & 0o777 == 0o700
    with tarfile.open(copy) as archive:
        assert archive.extractfile("scope-one").read() == data


def test_no_days_mean_no_copies_and_those_of_a_wrong_clock_go(store, tmp_path):
    own(store, "one")
    for day in (TODAY, TODAY + timedelta(days=400)):
        roll(tmp_path, store.keys, day, 7)
    assert kept(tmp_path) == ["2027-12-27.tar"]
    (tmp_path / "erasure-backup" / "2026-11-22.tar.new").write_bytes(b"half")
    roll(tmp_path, store.keys, TODAY, 7)
    assert kept(tmp_path) == ["2026-11-22.tar"]
    roll(tmp_path, store.keys, TODAY, 0)
    assert kept(tmp_path) == []
