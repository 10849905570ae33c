import pytest

from meyasubako.service.errors import KeysError
from meyasubako.service.witness import keys


def test_the_two_keys_share_a_name_and_nothing_else(directory):
    first, second = (signer.key for signer in keys.load(directory))
    assert (first.kind, second.kind) == (4, 6)
    assert first.name == second.name == "witness.example.org/w"
    assert "PRIVATE" not in repr(keys.load(directory))


def test_keys_are_never_drawn_twice(directory):
    with pytest.raises(KeysError):
        keys.create(directory, "w")


@pytest.mark.parametrize("name", ["witness.ed25519", "witness.mldsa44"])
def test_keys_that_are_open_swapped_damaged_or_missing_are_refused(directory, name):
    path = directory / "keys" / name
    other = next(file for file, _ in keys.FILES if file != name)
    text = path.read_text()
    path.chmod(0o640)
    _refused(directory, "open to others")
    path.chmod(0o600)
    path.write_text((directory / "keys" / other).read_text())
    _refused(directory, "another type")
    path.write_text(text[:-9])
    _refused(directory, "should")
    path.unlink()
    _refused(directory, "missing")


def test_keys_of_two_witnesses_are_refused(directory, tmp_path):
    keys.create(tmp_path, "another")
    (directory / "keys" / "witness.mldsa44").write_text((tmp_path / "keys" / "witness.mldsa44").read_text())
    _refused(directory, "different witnesses")


def _refused(directory, match):
    with pytest.raises(KeysError, match=match) as refused:
        keys.load(directory)
    assert "PRIVATE" not in str(refused.value)
