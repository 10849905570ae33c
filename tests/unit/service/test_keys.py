from pathlib import Path

import pytest

from meyasubako.crypto.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from meyasubako.crypto.merkle import EMPTY_ROOT
from meyasubako.crypto.signing import SigningKey
from meyasubako.service.errors import KeysError
from meyasubako.service.keys import PublicKeys, ServerKeys, draw_next

ORIGIN = "box.example.org"
FILES = ("log.ed25519", "log.mldsa44", "promise", "service")


@pytest.fixture
def keys(tmp_path: Path) -> ServerKeys:
    return ServerKeys.create(tmp_path, ORIGIN)


def test_what_is_created_is_loaded_again(keys: ServerKeys, tmp_path: Path) -> None:
    loaded = ServerKeys.load(tmp_path)
    assert [signer.key for signer in loaded.log] == [signer.key for signer in keys.log]
    assert loaded.promise.key == keys.promise.key
    assert loaded.service.reveal_seed() == keys.service.reveal_seed()


def test_keys_have_the_names_and_types_that_the_log_promises(keys: ServerKeys) -> None:
    assert [(signer.key.name, signer.key.kind) for signer in keys.log] == [(ORIGIN, 1), (ORIGIN, 6)]
    assert (keys.promise.key.name, keys.promise.key.kind) == (f"{ORIGIN}/promise", 1)


def test_the_log_keys_sign_checkpoints_that_their_verifiers_open(keys: ServerKeys) -> None:
    note = sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), keys.log, 0)
    assert len(open_checkpoint(note, ORIGIN, keys.log_verifiers).signed) == 2


@pytest.mark.usefixtures("keys")
def test_only_the_owner_can_read_keys(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("name", ["", *FILES])
def test_keys_that_others_can_read_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "keys" / name
    path.chmod(path.stat().st_mode | 0o040)
    with pytest.raises(KeysError, match="open to others"):
        ServerKeys.load(tmp_path)


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("name", FILES)
def test_a_missing_key_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "keys" / name).unlink()
    with pytest.raises(KeysError, match=name):
        ServerKeys.load(tmp_path)


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_key_is_named_and_not_quoted(tmp_path: Path, name: str) -> None:
    path = tmp_path / "keys" / name
    text = path.read_text(encoding="utf-8")
    path.write_text(text[:-5] + "\n", encoding="utf-8")
    with pytest.raises(KeysError, match=name) as caught:
        ServerKeys.load(tmp_path)
    assert text[-20:-6] not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.usefixtures("keys")
def test_keys_of_different_logs_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    ServerKeys.create(other, "another.example.org")
    (other / "keys" / "promise").replace(tmp_path / "keys" / "promise")
    with pytest.raises(KeysError, match="different logs"):
        ServerKeys.load(tmp_path)


@pytest.mark.usefixtures("keys")
def test_a_key_in_the_place_of_another_type_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    (folder / "log.mldsa44").write_bytes((folder / "log.ed25519").read_bytes())
    with pytest.raises(KeysError, match=r"log\.mldsa44"):
        ServerKeys.load(tmp_path)


@pytest.mark.usefixtures("keys")
def test_existing_keys_are_never_replaced(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="exists"):
        ServerKeys.create(tmp_path, ORIGIN)


def test_the_repr_shows_no_secret(keys: ServerKeys) -> None:
    for secret in (keys.service.reveal_seed().hex(), "PRIVATE"):
        assert secret not in repr(keys)


def test_a_successor_waits_until_the_log_names_it_and_then_takes_the_place(tmp_path):
    keys = ServerKeys.create(tmp_path, "box.example.org")
    service = draw_next(tmp_path, "box.example.org", "service")
    log = draw_next(tmp_path, "box.example.org", "log")
    assert ServerKeys.load(tmp_path).public == keys.public
    wanted = PublicKeys(log, keys.public.promise, service[0])
    fitting = ServerKeys.fitting(tmp_path, wanted)
    assert fitting.public == wanted
    fitting.adopt(tmp_path)
    assert ServerKeys.load(tmp_path).public == wanted
    assert list((tmp_path / "keys" / "next").iterdir()) == []


def test_keys_that_the_log_does_not_name_sign_nothing(tmp_path):
    keys = ServerKeys.create(tmp_path, "box.example.org")
    draw_next(tmp_path, "box.example.org", "promise")
    strange = SigningKey.generate().verify_key.text
    with pytest.raises(KeysError, match="not the one that the log names"):
        ServerKeys.fitting(tmp_path, PublicKeys(keys.public.log, keys.public.promise, strange))


def test_a_takeover_that_stopped_halfway_is_finished(keys: ServerKeys, tmp_path: Path) -> None:
    drawn = draw_next(tmp_path, ORIGIN, "log")
    wanted = PublicKeys(drawn, keys.public.promise, keys.public.service)
    (tmp_path / "keys" / "next" / "log.ed25519").replace(tmp_path / "keys" / "log.ed25519")
    found = ServerKeys.fitting(tmp_path, wanted)
    assert found.public == wanted
    found.adopt(tmp_path)
    assert ServerKeys.load(tmp_path).public == wanted


def test_a_successor_that_nobody_put_into_the_log_is_not_taken_over(keys: ServerKeys, tmp_path: Path) -> None:
    drawn = draw_next(tmp_path, ORIGIN, "service")
    keys.adopt(tmp_path)
    assert ServerKeys.load(tmp_path).public == keys.public
    assert drawn != (keys.public.service,)
    assert draw_next(tmp_path, ORIGIN, "service") != drawn


def test_the_keys_of_a_log_that_names_other_kinds_are_not_guessed(keys: ServerKeys, tmp_path: Path) -> None:
    one = PublicKeys(keys.public.log[:1], keys.public.promise, keys.public.service)
    with pytest.raises(KeysError, match="other kinds"):
        ServerKeys.fitting(tmp_path, one)
