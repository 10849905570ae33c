"""Folds in a file are a dictionary that is read and written in parts."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.service.inspection import folds
from meyasubako.service.inspection.folds import Folds

KEYS = st.tuples(st.text(max_size=2), st.sampled_from(["a", "b"]))
VALUES = st.frozensets(st.integers(0, 9), max_size=3)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), KEYS, VALUES),
        st.tuples(st.sampled_from(["take", "ask", "default"]), KEYS),
        st.tuples(st.sampled_from(["values", "names", "reopen"])),
    ),
    max_size=30,
)


def opened(connection, count):
    return Folds(connection, "some", tuple[str, str], frozenset[int], count)


@given(ACTS)
def test_whatever_is_done_to_them_they_are_what_a_dictionary_is(acts):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(folds.TABLE)
        folds.write(connection, "other", {("", "a"): frozenset([7])})
        ours, plain = opened(connection, 0), {}
        for act, *given in acts:
            match act, given:
                case "set", (key, value):
                    ours[key] = plain[key] = value
                case "take", (key,):
                    assert ours.pop(key, None) == plain.pop(key, None)
                case "ask", (key,):
                    assert (ours.get(key), key in ours) == (plain.get(key), key in plain)
                case "default", (key,):
                    assert ours.setdefault(key, frozenset()) == plain.setdefault(key, frozenset())
                case "values", _:
                    assert dict(ours.items()) == plain
                    assert len(ours.values()) == len(plain)
                case "names", _:
                    assert (sorted(ours), len(ours)) == (sorted(plain), len(plain))
                case _:
                    folds.write(connection, "some", ours.changes())
                    ours = opened(connection, len(plain))
        assert dict(ours) == plain


def test_what_was_not_touched_is_not_written_again():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(folds.TABLE)
        folds.write(connection, "some", {(f"{number}", "a"): frozenset([number]) for number in range(9)})
        ours = opened(connection, 9)
        assert ours["3", "a"] == {3}
        ours["5", "a"] = frozenset()
        del ours["7", "a"]
        assert ours.changes() == {("5", "a"): frozenset(), ("7", "a"): folds.GONE}


def test_a_key_that_is_not_there_is_told_as_by_a_dictionary():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(folds.TABLE)
        ours = opened(connection, 0)
        for ask in (ours.__getitem__, ours.__delitem__):
            with pytest.raises(KeyError):
                ask(("no", "a"))
