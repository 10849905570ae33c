"""What is erased cannot be opened: here, in a copy of the directory, or after a crash in the middle."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from meyasubako.service.store import erasing
from meyasubako.service.store.erasure_keys import ErasureKeys
from meyasubako.service.store.errors import (
    DamagedErasureKeyError,
    ErasedScopeError,
    MissingErasureKeyError,
    MissingPayloadError,
    StoreError,
)
from meyasubako.service.store.port import SMALL_PAYLOAD, Entry
from meyasubako.service.store.sqlite import Store
from tests.unit.service.store.made import new_stream, payload, together, upload

ROOT = Path(__file__).parents[4]


def own(store, scope, size=5000):
    """A payload of this scope; gives its sealed bytes and digest."""
    sealed, reference = payload(size)
    small = {reference[0]: sealed} if size <= SMALL_PAYLOAD else {}
    if not small:
        upload(store, sealed)
    store.append([Entry(new_stream(), 1, "k", os.urandom(40), (reference,), scope)], small, {})
    return sealed, reference[0]


def read(store, digest):
    with store.open_payload(digest) as file:
        return file.read()


def holding(directory, *pieces):
    """The files in which 64 bytes of one of these stand."""
    return [
        path.name
        for path in directory.rglob("*")
        if path.is_file() and any(piece[100:164] in path.read_bytes() for piece in pieces)
    ]


@pytest.fixture
def filled(store):
    """Two scopes with a small and a large payload each, by scope."""
    return {scope: [own(store, scope), own(store, scope, 200_000)] for scope in ("one", "two")}


def copied(directory, to):
    """An older copy: database, write-ahead log and objects, without the keys."""
    to.mkdir()
    for name in ("log.db", "log.db-wal", "log.db-shm"):
        if (directory / name).exists():
            shutil.copy(directory / name, to)
    for name in ("objects", "incoming"):
        shutil.copytree(directory / name, to / name)
    return to


def test_sealed_bytes_lie_nowhere_without_the_layer(store, filled, tmp_path):
    assert store.head().size == 4
    assert holding(tmp_path, *(sealed for found in filled.values() for sealed, _ in found)) == []
    paused = store.receive()
    arriving = os.urandom(100_000)
    paused.write(arriving)
    paused.pause()
    assert holding(tmp_path, arriving, arriving[65_536:]) == []


def test_an_erased_scope_is_gone_from_every_file_and_the_other_stays(store, filled, tmp_path):
    layered = [(tmp_path / "objects" / filled["one"][1][1]).read_bytes()]
    with store._recorder.reading() as connection:
        layered.append(connection.execute("SELECT sealed FROM small_payloads ORDER BY id").fetchone()[0])
    assert holding(tmp_path, *layered)
    names = ("scope-one", f"object-{filled['one'][1][1]}")
    keys = [(tmp_path / "erasure" / name).read_bytes() for name in names]
    store.erase("one")
    assert holding(tmp_path, *layered) == []
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(key[8:40] in data or key[49:81] in data for key in keys for data in files)
    assert store.erased() == {"one"}
    for _, digest in filled["one"]:
        assert not store.has_payload(digest)
        with pytest.raises(MissingPayloadError):
            store.open_payload(digest)
    for sealed, digest in filled["two"]:
        assert read(store, digest) == sealed
    store.verify()


def test_an_older_copy_with_the_keys_of_today_opens_everything_but_what_was_erased(store, filled, tmp_path):
    removed = own(store, "two")
    older = copied(tmp_path, tmp_path / "older")
    later = own(store, "two")
    store.erase("one")
    store.forget_payload(removed[1])
    shutil.copytree(tmp_path / "erasure", older / "erasure")
    with Store.open(older) as copy:
        for _, digest in (*filled["one"], removed):
            with pytest.raises(MissingErasureKeyError):
                read(copy, digest)
        for sealed, digest in filled["two"]:
            assert read(copy, digest) == sealed
        assert not copy.has_payload(later[1])
        assert sorted(lost.digest for lost in copy.record_lost()) == sorted(
            digest for _, digest in (*filled["one"], removed)
        )
        copy.verify()


def test_what_was_erased_takes_no_payload_and_erasing_may_be_repeated(store, filled, tmp_path):
    store.erase("one", "two")
    store.erase("one")
    for size in (5000, 200_000):
        with pytest.raises(ErasedScopeError):
            own(store, "one", size)
    names = [path.name for path in (tmp_path / "erasure").iterdir()]
    assert [name for name in names if name.startswith("scope-")] == []
    assert len(filled) == 2
    own(store, "three")


@pytest.mark.parametrize("step", range(6))
def test_erasing_that_broke_off_anywhere_is_finished_by_asking_again(store, filled, tmp_path, step):
    """After each of its steps alone: nothing can be opened from the first on, and asking again ends it."""
    with store._recorder.reading() as connection:
        owned = erasing.owned_by(connection, "one")
    vault, leader = store._vault, store._leader
    steps = [
        lambda: vault.keys.destroy_scope("one"),
        lambda: vault.keys.destroy_large(*owned),
        lambda: vault.remove_objects(*owned),
        lambda: leader.run(lambda transaction: erasing._close(transaction, vault, "one")),
        lambda: vault.keys.draw("one", lambda: False),
    ]
    for done in steps[:step]:
        done()
    store.erase("one")
    assert store.erased() == {"one"}
    assert not any(store.has_payload(digest) for _, digest in filled["one"])
    assert not any("one" in path.name for path in (tmp_path / "erasure").iterdir())
    for sealed, digest in filled["two"]:
        assert read(store, digest) == sealed
    store.verify()


WRITER = """
import sys, itertools
from pathlib import Path
from meyasubako.service.store.sqlite import Store
from tests.unit.service.store.test_erasing import own
from tests.unit.service.store.made import together
what, directory, pause = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
with Store.open(directory) as store:
    print("ready", flush=True)
    if what == "erase":
        for number in range(40):
            store.erase(f"scope{number}")
    else:
        receiving = store.resume(what) if pause else store.receive()
        print(receiving.name, receiving.size, flush=True)
        data = open(directory / "source", "rb").read()
        at = receiving.size
        for size in itertools.cycle((1, 700, 65_536, 30_000, 100_000)):
            receiving.write(data[at : at + size])
            at += size
            receiving.pause()
            print("durable", at, flush=True)
            receiving = store.resume(receiving.name)
"""


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/src{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
    )


def kill(process):
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()
    process.wait()
    process.stdout.close()
    return rest


def test_a_process_that_is_killed_while_it_erases_leaves_nothing_that_opens(tmp_path):
    with Store.create(tmp_path) as store:
        owned = {f"scope{n}": [own(store, f"scope{n}"), own(store, f"scope{n}", 140_000)] for n in range(40)}
        process = start("erase", tmp_path, 0)
        assert process.stdout.readline() == "ready\n"
        while len(store.erased()) < 5:
            assert process.poll() is None
        kill(process)
        done = store.erased()
        assert done
        for scope in done:
            store.erase(scope)
        for scope, found in owned.items():
            for sealed, digest in found:
                if scope in done:
                    assert not store.has_payload(digest)
                    continue
                try:
                    assert read(store, digest) == sealed
                except StoreError:  # the one that it was busy with: asked again, it is gone
                    store.erase(scope)
                    assert not store.has_payload(digest)
                    break
        store.erase(*owned)
        assert list((tmp_path / "objects").iterdir()) == []
        assert list((tmp_path / "erasure").iterdir()) == []
        store.verify()


def test_an_upload_goes_on_where_it_was_durable_after_its_process_was_killed(tmp_path):
    # More than a process writes before it is killed.
    data = os.urandom(20_000_000)
    (tmp_path / "source").write_bytes(data)
    with Store.create(tmp_path) as store:
        name, durable = "new", 0
        for lines in (1, 4, 9):
            process = start(name, tmp_path, int(name != "new"))
            assert process.stdout.readline() == "ready\n"
            name, at = process.stdout.readline().split()
            assert int(at) >= durable
            said = [process.stdout.readline() for _ in range(lines)]
            said += kill(process).split("\n")[:-1]
            durable = int(said[-1].split()[1])
        with store.resume(name) as receiving:
            assert receiving.size >= durable
            receiving.write(data[receiving.size :])
            digest, size = receiving.commit()
        store.append([Entry(new_stream(), 1, "k", b"data", ((digest, size),))], {}, {})
        assert read(store, digest) == data


def test_processes_that_write_at_once_share_one_key_of_a_scope(tmp_path):
    """Each opens the store as a process does; the key is drawn once, and everything opens with it."""
    Store.create(tmp_path).close()
    stores = [Store.open(tmp_path) for _ in range(4)]
    found = []

    def write(store):
        found.extend(own(store, f"scope{n}") for n in range(10))

    together([lambda store=store: write(store) for store in stores])
    for store in stores:
        for sealed, digest in found:
            assert read(store, digest) == sealed
        store.close()
    assert len(list((tmp_path / "erasure").iterdir())) == 10


def test_the_same_object_that_arrives_twice_at_once_opens(store):
    sealed, reference = payload(300_000)
    together([lambda: upload(store, sealed)] * 6)
    store.append([Entry(new_stream(), 1, "k", b"data", (reference,))], {}, {})
    assert read(store, reference[0]) == sealed


def test_a_missing_or_damaged_key_is_told_by_its_name(store, filled, tmp_path):
    small, large = (digest for _, digest in filled["one"])
    path = tmp_path / "erasure" / "scope-one"
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(DamagedErasureKeyError, match="scope-one is damaged"):
        read(store, small)
    path.unlink()
    with pytest.raises(MissingErasureKeyError, match="scope-one is not there"):
        read(store, small)
    with pytest.raises(MissingErasureKeyError):
        own(store, "one")  # never a second key beside what lies under the first
    path.write_bytes(data)
    assert read(store, small) == filled["one"][0][0]
    (tmp_path / "erasure" / f"object-{large}").unlink()
    with pytest.raises(MissingErasureKeyError, match="object-"):
        read(store, large)


def test_a_damaged_key_keeps_nobody_from_removing_a_payload_and_is_done_again_when_it_is_back(
    store, filled, tmp_path
):
    stays, removed = filled["one"][0], own(store, "one")
    path = tmp_path / "erasure" / "scope-one"
    data = path.read_bytes()
    path.write_bytes(data[:50])
    store.forget_payload(removed[1])
    assert not store.has_payload(removed[1])
    assert path.read_bytes() == data[:50]
    path.write_bytes(data)
    assert store.left_of([removed[1], stays[1]]) == [removed[1], stays[1]]
    store.forget_payload(removed[1])
    assert store.left_of([removed[1]]) == []
    assert read(store, stays[1]) == stays[0]


def test_a_directory_that_came_without_its_keys_says_so_and_goes_on_for_others(store, filled, tmp_path):
    older = copied(tmp_path, tmp_path / "older")
    with Store.open(older) as copy:
        for _, digest in filled["one"]:
            with pytest.raises(MissingErasureKeyError):
                read(copy, digest)
        with pytest.raises(MissingErasureKeyError):
            own(copy, "one")
        sealed, digest = own(copy, "new")
        assert read(copy, digest) == sealed
        copy.erase("one")
    assert store.head().size == 4


def test_keys_are_for_this_account_only_and_tell_a_day(store, filled, tmp_path):
    assert len(filled) == 2
    store.forget_payload(filled["one"][0][1])
    assert (tmp_path / "erasure").stat().st_mode & 0o777 == 0o700
    for path in (tmp_path / "erasure").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.stat().st_mtime_ns % (86_400 * 10**9) == 0


def test_reading_writes_nothing_not_even_a_lock(store, filled, tmp_path):
    digest = filled["one"][0][1]
    (tmp_path / "erasure.lock").unlink()
    keys = ErasureKeys(tmp_path)
    assert keys.opens("one", digest)
    assert len(keys.small("one", digest)) == 32
    assert not keys.opens("other", digest)
    assert not (tmp_path / "erasure.lock").exists()
    assert store.head().size == 4


@pytest.mark.parametrize("scope", ["../keys/log", "a/b", "", "x" * 65, "a b"])
def test_a_scope_that_is_no_id_never_becomes_a_path(tmp_path, scope):
    with pytest.raises(MissingErasureKeyError):
        ErasureKeys(tmp_path).small(scope, "ab" * 32)
