import os
from datetime import UTC, date, datetime

import pytest

from meyasubako.service.store.errors import (
    MissingPayloadError,
    StorageError,
    UnknownUploadError,
    UploadBusyError,
)
from meyasubako.service.store.port import SMALL_PAYLOAD, StoredPayload
from tests.unit.service.store.made import event, new_stream, payload, together, upload

YESTERDAY, TODAY, TOMORROW = date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)


def own(store, reference, sealed=None):
    entry = event(new_stream(), 1, owns=[reference])
    return store.append([entry], {reference[0]: sealed} if sealed else {}, {})[0]


def read(store, digest):
    with store.open_payload(digest) as file:
        return file.read()


def test_small_and_large_payloads_are_read_back_and_listed(store):
    small, small_reference = payload(SMALL_PAYLOAD)
    large, large_reference = payload(SMALL_PAYLOAD + 1)
    assert upload(store, large) == large_reference
    own(store, small_reference, small)
    own(store, large_reference)
    for sealed, (digest, size) in ((small, small_reference), (large, large_reference)):
        assert store.has_payload(digest)
        assert store.payload_size(digest) == size
        with store.open_payload(digest) as file:
            file.seek(7)
            assert file.read() == sealed[7:]
    streams = [row.stream for row in store.rows()]
    assert list(store.all_payloads()) == [
        StoredPayload(*small_reference, 0, "table", streams[0]),
        StoredPayload(*large_reference, 1, "object", streams[1]),
    ]


def test_an_object_that_no_event_owns_is_not_a_payload_yet(store):
    sealed, (digest, _) = payload()
    upload(store, sealed)
    assert not store.has_payload(digest)
    with pytest.raises(MissingPayloadError):
        store.open_payload(digest)
    with pytest.raises(MissingPayloadError):
        store.payload_size(digest)


@pytest.mark.parametrize("digest", ["../../etc/passwd", "xyz", "", "ab" * 32])
def test_an_unknown_payload_is_missing(store, digest):
    assert not store.has_payload(digest)
    with pytest.raises(MissingPayloadError):
        store.open_payload(digest)


def test_an_upload_in_parts_is_paused_and_resumed_by_its_name(store):
    sealed, reference = payload(300_000)
    receiving = store.receive(TODAY)
    receiving.write(sealed[:100_000])
    receiving.pause()
    resumed = store.resume(receiving.name, TODAY)
    assert resumed.size == 100_000
    resumed.write(sealed[100_000:])
    assert resumed.commit() == reference
    own(store, reference)
    assert read(store, reference[0]) == sealed
    with pytest.raises(UnknownUploadError):
        store.resume(receiving.name)


@pytest.mark.parametrize("name", ["../log.db", "", "ab", "AB" * 16, "ab" * 16])
def test_an_unknown_upload_is_not_resumed(store, name):
    with pytest.raises(UnknownUploadError):
        store.resume(name)


def test_an_upload_has_one_writer_at_a_time(store):
    with store.receive() as receiving:
        receiving.write(b"part")
        with pytest.raises(UploadBusyError):
            store.resume(receiving.name)


def test_an_upload_that_is_given_up_leaves_nothing(store, tmp_path):
    receiving = store.receive()
    receiving.write(b"part")
    receiving.abort()
    with store.receive() as other:
        other.write(b"part")
    assert list((tmp_path / "incoming").iterdir()) == []
    assert list((tmp_path / "objects").iterdir()) == []


def test_files_tell_a_day_and_never_a_moment(store, tmp_path):
    paused = store.receive(TODAY)
    paused.write(b"part")
    paused.pause()
    with store.receive(TODAY) as receiving:
        receiving.write(b"whole")
        digest, _ = receiving.commit()
    start = datetime(2026, 11, 22, tzinfo=UTC).timestamp()
    for path in (tmp_path / "incoming" / paused.name, tmp_path / "objects" / digest):
        assert path.stat().st_mtime_ns == start * 10**9
    plain, _ = upload(store, b"today")
    assert (tmp_path / "objects" / plain).stat().st_mtime_ns % (86_400 * 10**9) == 0


def test_sweeping_takes_what_is_old_unowned_and_not_being_written(store, tmp_path):
    def arrive(content, day, *, pause):
        receiving = store.receive(day)
        receiving.write(content)
        if pause:
            receiving.pause()
            return receiving.name
        return receiving.commit()[0]

    old_upload = arrive(b"old", YESTERDAY, pause=True)
    fresh_upload = arrive(b"fresh", TODAY, pause=True)
    old_object = arrive(b"old object", YESTERDAY, pause=False)
    fresh_object = arrive(b"fresh object", TODAY, pause=False)
    owned_object = arrive(b"owned object", YESTERDAY, pause=False)
    own(store, (owned_object, 12))
    busy = arrive(b"busy", YESTERDAY, pause=True)
    with store.resume(busy, YESTERDAY) as writing:
        os.utime(tmp_path / "incoming" / busy, (0, 0))
        assert store.sweep_uploads(TODAY) == 2
        assert {path.stem for path in (tmp_path / "incoming").iterdir()} == {fresh_upload, busy}
        assert {path.name for path in (tmp_path / "objects").iterdir()} == {fresh_object, owned_object}
        writing.pause()
    assert store.sweep_uploads(TOMORROW) == 3
    assert old_upload != old_object
    assert read(store, owned_object) == b"owned object"


def test_a_payload_is_swept_or_owned_but_never_both(store):
    contents = [b"%d" % number for number in range(60)]
    references = []
    for content in contents:
        with store.receive(YESTERDAY) as receiving:
            receiving.write(content)
            references.append(receiving.commit())

    def claim():
        for reference in references:
            try:
                own(store, reference)
            except MissingPayloadError:
                continue

    together([claim, lambda: store.sweep_uploads(TODAY)])
    for payload_row in store.all_payloads():
        assert read(store, payload_row.digest) in contents


def test_a_forgotten_payload_is_gone_and_its_record_stays(store, tmp_path):
    small, small_reference = payload(50_000)
    large, large_reference = payload(SMALL_PAYLOAD + 1)
    kept, kept_reference = payload()
    upload(store, large)
    own(store, small_reference, small)
    own(store, large_reference)
    own(store, kept_reference, kept)
    store.forget_payload(small_reference[0], large_reference[0])
    for digest, _ in (small_reference, large_reference):
        assert not store.has_payload(digest)
        with pytest.raises(MissingPayloadError):
            store.open_payload(digest)
    assert [row.place for row in store.all_payloads()] == ["gone", "gone", "table"]
    assert read(store, kept_reference[0]) == kept
    traces = [path for path in tmp_path.rglob("*") if path.is_file() and _holds(path, small, large)]
    assert traces == []


def _holds(path, *secrets):
    content = path.read_bytes()
    return any(
        secret[at : at + 512] in content for secret in secrets for at in range(0, len(secret) - 511, 512)
    )


def test_forgetting_may_be_repeated_and_finishes_what_a_crash_left(store, tmp_path):
    large, (digest, size) = payload(SMALL_PAYLOAD + 1)
    upload(store, large)
    own(store, (digest, size))
    store.forget_payload(digest)
    (tmp_path / "objects" / digest).write_bytes(large)
    store.forget_payload(digest)
    assert not (tmp_path / "objects" / digest).exists()


def test_an_object_of_a_forgotten_payload_is_swept(store, tmp_path):
    large, (digest, size) = payload(SMALL_PAYLOAD + 1)
    upload(store, large)
    own(store, (digest, size))
    store.forget_payload(digest)
    upload(store, large)
    assert store.sweep_uploads(date(2100, 1, 1)) == 1
    assert list((tmp_path / "objects").iterdir()) == []


def test_forgetting_what_nobody_owns_is_refused_and_forgets_nothing(store):
    sealed, reference = payload()
    own(store, reference, sealed)
    with pytest.raises(MissingPayloadError):
        store.forget_payload(reference[0], "ab" * 32)
    assert store.has_payload(reference[0])


def test_forgetting_says_so_while_a_reader_holds_the_bytes_in_the_write_ahead_log(store, monkeypatch):
    sealed, reference = payload()
    own(store, reference, sealed)
    monkeypatch.setattr("meyasubako.service.store.events._PATIENCE", 0.01)
    with store._recorder.reading() as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM stored_events").fetchone()
        with pytest.raises(StorageError, match="ask again"):
            store.forget_payload(reference[0])
        connection.execute("ROLLBACK")
    store.forget_payload(reference[0])
