import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.service.reporter.errors import LostStateError
from meyasubako.service.reporter.state import MAX_AGE, FormSeal, HeldFile, Visit, Writing

KEY = bytes(range(32))
FILE = HeldFile("ab" * 16, "cd" * 32, 5, "ef" * 32, "a photo.jpg", "image/jpeg")
WRITING = Writing(
    "token", "main", "00" * 32, ("key",), text="夜に\nsomething", answers={"kinds": ("a", "b"), "place": "x"}
)


class Hands:
    """A clock that stands where a test puts it."""

    def __init__(self, seconds=1_800_000_000.0):
        self.seconds = seconds

    def __call__(self):
        return self.seconds


def seal(now=None, key=KEY, origin="box.example.org"):
    return FormSeal(key, origin, now or Hands())


@given(st.text(), st.dictionaries(st.text(), st.text() | st.lists(st.text()).map(tuple)))
def test_what_was_sealed_comes_back(text, answers):
    writing = Writing("token", "main", "marker", text=text, answers=answers, files=(FILE,))
    opened = seal().open("questions/story", seal().seal("questions/story", writing), Writing)
    assert (opened.text, opened.files, opened.token) == (text, (FILE,), "token")
    assert {
        name: value if isinstance(value, str) else tuple(value) for name, value in opened.answers.items()
    } == answers


def test_a_field_opens_for_its_own_page_only():
    field = seal().seal("questions/story", WRITING)
    with pytest.raises(LostStateError):
        seal().open("questions/review", field, Writing)


def test_a_field_of_another_mechanism_does_not_open():
    with pytest.raises(LostStateError):
        seal(origin="other.example.org").open("p", seal().seal("p", WRITING), Writing)


def test_a_field_from_before_a_restart_does_not_open():
    with pytest.raises(LostStateError):
        seal(key=secrets.token_bytes(32)).open("p", seal().seal("p", WRITING), Writing)


@pytest.mark.parametrize("later", [MAX_AGE + 1, -MAX_AGE - 1])
def test_a_field_that_is_too_old_or_from_the_future_does_not_open(later):
    hands = Hands()
    field = seal(hands).seal("p", WRITING)
    hands.seconds += later
    with pytest.raises(LostStateError):
        seal(hands).open("p", field, Writing)


def test_a_field_still_opens_after_a_long_break():
    hands = Hands()
    field = seal(hands).seal("p", WRITING)
    hands.seconds += MAX_AGE - 1
    assert seal(hands).open("p", field, Writing).text == WRITING.text


def test_a_field_of_another_shape_does_not_open():
    with pytest.raises(LostStateError):
        seal().open("p", seal().seal("p", WRITING), Visit)


@given(st.text() | st.text("ABCab01-_=", max_size=80))
def test_anything_else_is_one_error(text):
    with pytest.raises(LostStateError):
        seal().open("p", text, Writing)


@given(st.integers(min_value=0, max_value=10_000), st.sampled_from("ABab01"))
def test_a_changed_character_is_noticed(place, character):
    field = seal().seal("p", WRITING)
    place %= len(field) - 1
    changed = field[:place] + character + field[place + 1 :]
    if changed != field:
        with pytest.raises(LostStateError):
            seal().open("p", changed, Writing)


def test_two_sealings_of_the_same_differ():
    assert seal().seal("p", WRITING) != seal().seal("p", WRITING)


@pytest.mark.parametrize("secret", [WRITING, FILE, Visit("0000 0001", "token")])
def test_state_shows_nothing_of_itself(secret):
    shown = repr(secret) + str(secret)
    assert "token" not in shown
    assert "夜" not in shown
    assert "0000 0001" not in shown
    assert "photo" not in shown
