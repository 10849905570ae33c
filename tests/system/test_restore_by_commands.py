"""A backup of last week beside the checkpoint of today: refused by `serve`, brought forward by `restore`."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from meyasubako.service.client import sealed_report
from meyasubako.service.client.handler import HandlerClient
from meyasubako.service.client.reporter import ReporterClient
from meyasubako.service.inspection import audit
from tests.system.box import Box
from tests.system.callers import desk, handler_door, prepared, reporter_door
from tests.system.served import NotServedError, Served, run

Serving = Callable[[Box], Served]


def test_an_older_backup_is_not_served_until_it_was_brought_forward(
    box: Box, serving: Serving, tmp_path: Path
) -> None:
    older = replace(box, directory=tmp_path / "restored")
    shutil.copytree(box.directory, older.directory)
    served = serving(box)
    sealed_report.send(ReporterClient(reporter_door(served)), prepared(served))
    HandlerClient(handler_door(served, box.people["Ada Berg"])).publish()
    assert served.stop() == 0
    shutil.copy(box.directory / "checkpoint", older.directory)
    assert run("log", "export", box.directory, tmp_path / "mirror").returncode == 0

    refused = Served(older.directory, tmp_path / "refused")
    with pytest.raises(NotServedError) as ended:
        refused.start()
    assert ended.value.args[0] == 1
    assert "smaller than the last published checkpoint" in refused.printed()
    assert "meyasubako restore" in refused.printed()

    told = run("restore", older.directory, "--mirror", tmp_path / "mirror", "--json")
    assert told.returncode == 0, told.stderr
    facts = json.loads(told.stdout)
    assert facts["entries_now"] > facts["entries_before"]
    assert {each["kind"] for each in facts["lost"]} == {"report.submitted", "room.opened"}

    again = serving(older)
    assert len(desk(older, again, "Keiko Sato").cases()) == 1
    sealed_report.send(ReporterClient(reporter_door(again)), prepared(again, "After the restore."))
    HandlerClient(handler_door(again, box.people["Ada Berg"])).publish()
    assert [finding.rule for finding in audit(older.directory).findings] == ["payload-was-lost"] * len(
        facts["lost"]
    )
    assert again.complaints() == []
