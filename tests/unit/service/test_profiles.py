import pytest

from meyasubako.domain.errors import BadProfileError
from meyasubako.service import profiles

KNOWN = ("de-hinschg", "de-lksg", "eu-2019-1937", "fr-decret-2022-1284", "jp-wpa", "ungp-practice")


def test_six_profiles_come_with_the_software():
    assert profiles.names() == KNOWN


@pytest.mark.parametrize("name", KNOWN)
def test_each_is_named_as_its_file_and_every_row_says_where_it_is_from(name):
    found = profiles.load(name)
    assert found.name == name
    steps = [row.step for row in found.deadline]
    assert len(set(steps)) == len(steps)
    assert all(row.source and row.reviewed_on for row in (*found.deadline, *found.retention, *found.outside))


def test_what_was_not_checked_says_so():
    found = {name: profiles.load(name) for name in KNOWN}
    numbers = {name: (*each.deadline, *each.retention) for name, each in found.items()}
    assert [name for name, rows in numbers.items() if any(row.status != "verified" for row in rows)] == [
        "jp-wpa",
        "ungp-practice",
    ]
    assert [name for name, each in found.items() if not each.verified] == [
        "de-hinschg",
        "de-lksg",
        "jp-wpa",
        "ungp-practice",
    ]


@pytest.mark.parametrize("name", KNOWN)
def test_each_names_somebody_outside_and_whoever_was_checked_was_read_of_on_their_own_pages(name):
    found = profiles.load(name).outside
    assert found
    assert len({body.name for body in found}) == len(found)
    for body in found:
        if body.status == "verified":
            assert body.web
            assert body.web.partition("/")[0].removeprefix("www.") in body.source


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
