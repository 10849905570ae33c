"""`meyasubako replay` rebuilds every view from the log and compares: equal after whatever happened to cases,
and put right after whatever happened to the views.
"""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from meyasubako.service.client import access, life
from meyasubako.service.clocks import system_clock
from meyasubako.service.store.views import TABLES
from tests.system.box import Box
from tests.system.callers import desk
from tests.system.served import Served, run
from tests.system.visitor import Visitor


def replayed(box: Box, status: int = 0) -> dict[str, object]:
    """What the command says, which ends with this status."""
    done = run("replay", box.directory, "--json")
    assert done.returncode == status, done.stderr
    facts = json.loads(done.stdout)
    assert isinstance(facts, dict)
    return facts


def dump(directory: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every view."""
    with closing(sqlite3.connect(directory / "views.db")) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr)  # noqa: S608 (names of ours)
            for table in TABLES
        }


@pytest.fixture(scope="module")
def lived(shared: tuple[Box, Served]) -> tuple[Box, Served]:
    """A mechanism with two cases, one of which was worked on."""
    box, served = shared
    with Visitor(served.doors["reporter"]) as visitor:
        receipts = [visitor.report("One."), visitor.report("Two.", excluded=[box.key_id("Omar Haddad")])]
        one, two = box.cases_of(receipts).values()
        at_work = desk(box, served, "Keiko Sato")
        at_work.open(one)
        life.acknowledge(at_work, one, "Thank you.", system_clock().date() + timedelta(days=7))
        at_work.note(one, "A note.")
        access.revoke(at_work, one, box.key_id("Omar Haddad"))
        access.grant(at_work, two, box.key_id("Omar Haddad"))
        visitor.come_back(receipts[0])
        visitor.press("send", text="Here is more.")
        at_work.open(one)
        life.move(at_work, one, "screening", system_clock().date() + timedelta(days=30))
        life.close(at_work, one, "ended", "Good bye.")
    replayed(box)
    return box, served


def test_views_follow_the_log_and_compare_equal_while_it_is_served(lived: tuple[Box, Served]) -> None:
    box, served = lived
    facts = replayed(box)
    assert facts["equal"] is True
    assert facts["rows"] == {table: len(rows) for table, rows in dump(box.directory).items()}
    assert all(dump(box.directory).values())
    with Visitor(served.doors["reporter"]) as visitor:
        visitor.report("Three.")
    again = replayed(box)
    assert again["equal"] is True
    assert len(dump(box.directory)["cases"]) == len(box.ledger().cases) == 3
    # Covers may be written at any moment, and nothing is shown of them.
    assert replayed(box) | {"position": 0} == again | {"position": 0}


def test_the_views_show_each_case_as_the_log_has_it(lived: tuple[Box, Served]) -> None:
    box, _ = lived
    replayed(box)
    ledger = box.ledger()
    assert {row[0]: (row[2], row[5]) for row in dump(box.directory)["cases"]} == {
        case.stream: (case.state, case.outcome) for case in ledger.cases.values()
    }
    assert {row[0]: row[3] for row in dump(box.directory)["rooms"]} == {
        room.stream: room.epoch for room in ledger.rooms.values()
    }


def test_views_that_were_deleted_are_the_same_again(lived: tuple[Box, Served]) -> None:
    box, _ = lived
    replayed(box)
    before = dump(box.directory)
    (box.directory / "views.db").unlink()
    replayed(box)
    assert dump(box.directory) == before


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("how", ["changed", "missing"])
def test_a_view_that_was_tampered_with_is_named_and_put_right(
    lived: tuple[Box, Served], table: str, how: str
) -> None:
    box, _ = lived
    before = dump(box.directory)
    column = {"people": "roles", "readers": "digest", "fetches": "digest", "rooms": "name"}.get(
        table, "state"
    )
    first = f"(SELECT {column} FROM {table} LIMIT 1)"  # noqa: S608 (names of ours)
    with closing(sqlite3.connect(box.directory / "views.db")) as connection, connection:
        connection.execute(
            f"DELETE FROM {table} WHERE {column} = {first}"  # noqa: S608 (names of ours)
            if how == "missing"
            else f"UPDATE {table} SET {column} = 'something else' WHERE {column} = {first}"  # noqa: S608 (as above)
        )
    facts = replayed(box, status=1)
    assert facts["equal"] is False
    assert facts["differing"] == [table]
    assert dump(box.directory) == before


def test_views_that_are_no_database_any_more_are_built_anew(lived: tuple[Box, Served]) -> None:
    box, _ = lived
    replayed(box)
    before = dump(box.directory)
    (box.directory / "views.db").write_bytes(b"This is no database.\n" * 1000)
    replayed(box)
    assert dump(box.directory) == before
