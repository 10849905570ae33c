"""Backed up by commands while it is served, lost, and restored by commands."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from meyasubako.crypto.keyfile import KeyPair, write_keyfile
from meyasubako.service.client import sealed_report
from meyasubako.service.client.handler import HandlerClient
from meyasubako.service.client.reporter import ReporterClient
from tests.system.box import Box
from tests.system.callers import desk, handler_door, prepared, reporter_door
from tests.system.served import Served, run, wait_for

Serving = Callable[[Box], Served]
PHRASE = "six words that nobody would guess"


def test_a_mechanism_is_backed_up_while_it_is_served_and_restored(
    box: Box, serving: Serving, tmp_path: Path
) -> None:
    keeper = KeyPair.generate("Backup")
    (tmp_path / "backup.key").write_bytes(write_keyfile(keeper, "Backup", PHRASE, 10))
    (tmp_path / "backup.key.pub").write_text(keeper.person("Backup").public_line() + "\n")
    (tmp_path / "phrase").write_text(f"{PHRASE}\n")
    data, keys, new = tmp_path / "data.age", tmp_path / "keys.age", tmp_path / "new"
    served = serving(box)
    sealed_report.send(ReporterClient(reporter_door(served)), prepared(served))
    HandlerClient(handler_door(served, box.people["Ada Berg"])).publish()

    to = ("-r", tmp_path / "backup.key.pub")
    told = run("backup", box.directory, *to, "-o", data, "--keys-to", keys, "--json")
    assert told.returncode == 0, told.stderr
    facts = json.loads(told.stdout)
    assert facts["entries"] >= facts["published"] > 0
    assert facts["erasure_keys"] >= 2
    again = run("backup", box.directory, *to, "-o", data)
    assert again.returncode != 0
    assert "exists already" in again.stderr
    assert served.stop() == 0
    shutil.rmtree(box.directory)

    opened = ("-i", tmp_path / "backup.key", "--passphrase-file", tmp_path / "phrase")
    lacking = run("restore", new, "--backup", data, *opened)
    assert lacking.returncode != 0
    assert "--keys" in lacking.stderr
    told = run("restore", new, "--backup", data, "--keys", keys, *opened, "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["lost"] == []
    assert run("audit", new).returncode == 0
    restored = replace(box, directory=new)
    once_more = serving(restored)
    assert len(desk(restored, once_more, "Keiko Sato").cases()) == 1
    sealed_report.send(ReporterClient(reporter_door(once_more)), prepared(once_more, "After the restore."))
    assert once_more.complaints() == []
    # The clock writes it at its first tick, which nobody waits for.
    wait_for(lambda: any((new / "erasure-backup").glob("*")))
