"""Replacing each of the server's own keys by commands, while the mechanism is served."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from meyasubako.crypto.checkpoint import open_checkpoint
from meyasubako.crypto.cosignature import Cosigner, parse_verifier
from meyasubako.crypto.errors import BadNoteError
from meyasubako.crypto.keyfile import write_keyfile
from meyasubako.domain.people import Mechanism as Roster
from meyasubako.service.client import sealed_report
from meyasubako.service.client.reporter import ReporterClient
from meyasubako.service.inspection import audit
from meyasubako.service.keys import ServerKeys
from meyasubako.service.store.port import Published
from tests.system.box import ORIGIN, Box
from tests.system.callers import desk, letters, prepared, reporter_door
from tests.system.served import Served, run, wait_for

Serving = Callable[[Box], Served]


@pytest.fixture
def stewards(box: Box, tmp_path: Path) -> Callable[[Served, str], list[object]]:
    """The options with which a steward acts at the handlers' door."""
    for name in ("Ada Berg", "Jonas Mori"):
        (tmp_path / f"{name}.key").write_bytes(write_keyfile(box.people[name], name, "correct horse", 10))
    (tmp_path / "passphrase").write_text("correct horse\n")
    return lambda served, name: [
        *("--at", served.doors["handler"], "--as", tmp_path / f"{name}.key"),
        *("--passphrase-file", tmp_path / "passphrase", "--json"),
    ]


def facts(*words: object) -> dict[str, object]:
    """What a command prints, which must succeed."""
    ended = run(*words)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert isinstance(found, dict)
    return found


def state(box: Box) -> Roster:
    return box.ledger().mechanism


def has_closed_more(box: Box, slots: int) -> bool:
    return len(state(box).markers) > slots


def checkpoints(box: Box) -> list[Published]:
    with box.looked_into() as mechanism:
        return mechanism.store.checkpoints()


def signed_by(note: bytes, keys: tuple[str, ...]) -> bool:
    try:
        open_checkpoint(note, ORIGIN, [parse_verifier(key) for key in keys])
    except BadNoteError:
        return False
    return True


def test_each_key_is_replaced_while_serving_and_everything_old_stays_good(
    box: Box, serving: Serving, stewards: Callable[[Served, str], list[object]], tmp_path: Path
) -> None:
    served = serving(box)
    founding, before = ServerKeys.load(box.directory).public, checkpoints(box)
    for of in ("log", "promise", "service"):
        closed = len(state(box).markers)
        act = tmp_path / f"{of}.json"
        drawn = facts("log", "rotate", box.directory, act, "--of", of, "--json")
        proposed = facts("propose", act, *stewards(served, "Ada Berg"))
        assert proposed["fingerprint"] == drawn["fingerprint"]
        assert facts("confirm", "--list", *stewards(served, "Jonas Mori"))["proposals"]
        leaf = str(proposed["leaf"])
        alone = run("confirm", leaf, "--yes", *stewards(served, "Ada Berg"))
        assert (alone.returncode, "second person" in alone.stderr) == (1, True)
        facts("confirm", leaf[:12], "--yes", *stewards(served, "Jonas Mori"))
        # The slot closes at once, and with it the successor stands where its predecessor stood.
        wait_for(partial(has_closed_more, box, closed))
        wait_for(lambda: list((box.directory / "keys" / "next").iterdir()) == [])
        report = prepared(served)
        sealed_report.send(ReporterClient(reporter_door(served)), report)
        assert letters(served, report.receipt).visit().case.state == "submitted"
        facts("log", "publish", *stewards(served, "Ada Berg"))
    keys = ServerKeys.load(box.directory).public
    assert not {*founding.log, founding.promise, founding.service} & {*keys.log, keys.promise, keys.service}
    assert len(desk(box, served, "Keiko Sato").cases()) == 3
    notes = checkpoints(box)
    assert signed_by(before[-1].note, founding.log)
    assert not signed_by(before[-1].note, keys.log)
    assert signed_by(notes[-1].note, keys.log)
    assert not signed_by(notes[-1].note, founding.log)
    assert served.complaints() == []
    assert audit(box.directory).findings == ()
    served.stop()
    assert audit(box.directory).findings == ()
    served.start()


def test_witnesses_are_chosen_by_two_people_and_then_asked_for_before_anything_is_sealed(
    box: Box, serving: Serving, stewards: Callable[[Served, str], list[object]], tmp_path: Path
) -> None:
    served = serving(box)
    witness = Cosigner.ed25519("witness.example.org", bytes(32)).key.text
    policy = [f"log {state(box).log_keys[0]}", f"witness one {witness}", "quorum one"]
    (tmp_path / "witnesses.policy").write_text("# whom we trust\n" + "\n".join(policy) + "\n")
    proposed = facts("log", "policy", tmp_path / "witnesses.policy", *stewards(served, "Ada Berg"))
    assert proposed["policy"] == policy
    facts("confirm", proposed["leaf"], "--yes", *stewards(served, "Jonas Mori"))
    facts("log", "publish", *stewards(served, "Ada Berg"))
    assert state(box).witness_policy == tuple(policy)
    words = ["report", "--at", served.doors["reporter"], "--first-use", "--text", "What happened."]
    refused = run(*words)
    assert (refused.returncode, "0 of 1 witnesses" in refused.stderr) == (1, True)
    assert box.ledger().cases == {}
    assert facts(*words, "--accept-unwitnessed", "--json")["receipt"]
    (tmp_path / "nonsense.policy").write_text("quorum nobody\n")
    nonsense = run("log", "policy", tmp_path / "nonsense.policy", *stewards(served, "Ada Berg"))
    assert nonsense.returncode == 2
