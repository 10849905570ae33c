import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from meyasubako.domain.envelope import read
from meyasubako.domain.ledger import Ledger
from meyasubako.service.inspection import rebuild_views
from meyasubako.service.store.views import TABLES, Views


def follow(views, box):
    """Catch the views up as a door's process does."""
    views.catch_up(box.ledger, box.store.rows(views.position, without_kinds=("cover.written",)))


def anew(box):
    """Views built from nothing but the ledger."""
    views = Views(None)
    views.rebuild(box.ledger)
    return views


def test_views_that_followed_step_by_step_equal_those_built_at_once(lived):
    with lived.open() as box, Views(None) as views:
        ledger = Ledger(lambda _: "")
        for row in box.store.rows(without_kinds=("cover.written",)):
            ledger.apply(read(row.data), row.index)
            views.catch_up(ledger, [row])
        with anew(box) as fresh:
            assert views.differing(fresh) == ()
            assert views.position == box.ledger.size
            assert all(views.counts().values())


def test_catching_up_twice_changes_nothing(lived):
    with lived.open() as box, Views(lived.directory) as views:
        follow(views, box)
        before = (views.position, views.counts())
        views.catch_up(box.ledger, box.store.rows())
        assert (views.position, views.counts()) == before


def test_views_are_kept_and_go_on_where_they_stood(lived):
    with lived.open() as box:
        with Views(lived.directory) as views:
            follow(views, box)
        box.report("clay", ("ira", "max"))
        with Views(lived.directory) as views:
            follow(views, box)
            assert views.counts()["cases"] == 3
            with anew(box) as fresh:
                assert views.differing(fresh) == ()


def test_a_ledger_that_is_behind_takes_nothing_back(lived):
    with lived.open() as box, Views(lived.directory) as views:
        follow(views, box)
        position = views.position
        views.catch_up(Ledger(lambda _: ""), box.store.rows())
        assert views.position == position


def test_a_person_is_listed_the_cases_that_they_may_read_now(lived):
    gravel, sand = lived.reporters["gravel"].case, lived.reporters["sand"].case
    with lived.open() as box, Views(lived.directory) as views:
        follow(views, box)
        listed = {name: {line.stream for line in views.cases_of(lived.id(name))} for name in lived.people}
        assert listed["ira"] == {gravel, sand}
        assert not any(listed[name] for name in listed if name != "ira")
        line = next(line for line in views.cases_of(lived.id("ira")) if line.stream == gravel)
        assert (line.state, line.channel, line.outcome) == ("acknowledged", "main", "")


def test_somebody_who_is_given_access_is_listed_the_case(lived):
    gravel = lived.reporters["gravel"]
    with lived.open() as box, Views(lived.directory) as views:
        follow(views, box)
        box.grant("ira", gravel.report, "hal")
        follow(views, box)
        assert [line.stream for line in views.cases_of(lived.id("hal"))] == [gravel.case]


def test_cases_are_due_when_their_next_date_has_passed(lived):
    with lived.open() as box, Views(lived.directory) as views:
        follow(views, box)
        day = box.ledger.cases[lived.reporters["gravel"].case].next_date
        assert views.due(day) == []
        assert len(views.due(day + timedelta(days=1))) == 2


@pytest.mark.parametrize("harm", ["deleted", "garbage", "another release"])
def test_views_that_are_lost_are_built_anew(lived, harm):
    with lived.open() as box, Views(lived.directory) as views:
        follow(views, box)
    file = lived.directory / "views.db"
    if harm == "deleted":
        file.unlink()
    elif harm == "garbage":
        file.write_bytes(b"not a database at all" * 100)
    else:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA user_version=99")
    with lived.open() as box, Views(lived.directory) as views:
        assert views.position == 0
        follow(views, box)
        with anew(box) as fresh:
            assert views.differing(fresh) == ()


def test_views_are_for_this_account_only(lived):
    with Views(lived.directory):
        assert (lived.directory / "views.db").stat().st_mode & 0o077 == 0


def test_a_replay_finds_views_as_they_should_be(lived):
    with lived.open() as box, Views(lived.directory) as views:
        follow(views, box)
    replayed = rebuild_views(lived.directory)
    assert replayed.equal
    assert (replayed.position, replayed.rows["cases"]) == (321, 2)


@pytest.mark.parametrize("table", TABLES)
def test_a_replay_names_the_table_that_differs_and_puts_it_right(lived, table):
    with lived.open() as box, Views(lived.directory) as views:
        follow(views, box)
    with closing(sqlite3.connect(lived.directory / "views.db")) as connection:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608  one of our tables
        connection.commit()
    told = []
    replayed = rebuild_views(lived.directory, progress=lambda *step: told.append(step))
    assert replayed.differing == (table,)
    assert told
    assert rebuild_views(lived.directory).equal


def test_a_replay_goes_on_to_the_end_of_the_log(lived):
    with lived.open() as box, Views(lived.directory) as views:
        follow(views, box)
        box.publish()
    assert rebuild_views(lived.directory).equal
    assert rebuild_views(lived.directory).position == 384
