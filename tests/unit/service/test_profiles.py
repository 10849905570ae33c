import pytest

from meyasubako.domain.errors import BadProfileError
from meyasubako.service import profiles

KNOWN = ("de-hinschg", "de-lksg", "eu-2019-1937", "fr-decret-2022-1284", "jp-wpa", "ungp-practice")


def test_six_profiles_come_with_the_software():
    assert profiles.names() == KNOWN


@pytest.mark.parametrize("name", KNOWN)
def test_each_is_named_as_its_file_and_every_number_says_where_it_is_from(name):
    found = profiles.load(name)
    assert found.name == name
    steps = [row.step for row in found.deadline]
    assert len(set(steps)) == len(steps)
    assert all(row.source and row.reviewed_on for row in (*found.deadline, *found.retention))


def test_what_was_not_checked_says_so():
    assert [name for name in KNOWN if not profiles.load(name).verified] == ["jp-wpa", "ungp-practice"]


def test_a_mechanisms_own_file_is_read(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(profiles.text_of("de-lksg").replace("de-lksg", "own"))
    assert profiles.load(str(own)).name == "own"


def test_what_is_no_profile_is_told(tmp_path):
    with pytest.raises(BadProfileError, match="there are de-hinschg"):
        profiles.load("atlantis")
    bad = tmp_path / "bad.toml"
    bad.write_bytes(b"\xff")
    with pytest.raises(BadProfileError, match="UTF-8"):
        profiles.load(str(bad))
