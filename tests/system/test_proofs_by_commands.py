"""What a reporter holds against a mechanism: a promise, later a proof, both checked by commands."""

import json
from collections.abc import Callable
from pathlib import Path

from meyasubako.crypto.keyfile import digest_fingerprint
from meyasubako.service.client.handler import HandlerClient
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.proofs import promise
from tests.system.box import Box
from tests.system.callers import handler_door
from tests.system.served import Served, run

Serving = Callable[[Box], Served]


def facts(*words: object, typed: str = "", status: int = 0) -> dict[str, object]:
    """What a command prints, which ends with this status."""
    ended = run(*words, "--json", typed=typed)
    assert ended.returncode == status, ended.stderr
    found = json.loads(ended.stdout)
    assert isinstance(found, dict)
    return found


def test_a_promise_becomes_a_dated_proof_that_verifies_offline(
    box: Box, serving: Serving, tmp_path: Path
) -> None:
    served = serving(box)
    roster = box.ledger().mechanism
    fingerprint = digest_fingerprint(bytes.fromhex(roster.founded))
    kept, proof, own = tmp_path / "promise.txt", tmp_path / "proof", tmp_path / "own.tlog-proof"
    reporter = ["--at", served.doors["reporter"], "--fingerprint", fingerprint]
    sent = facts("report", *reporter, "--promise", kept, typed="What happened.")
    assert sent["promise"] == kept.read_text()
    typed = f"{sent['receipt']}\n"

    offline = facts("log", "verify-promise", kept, "--promise-key", roster.promise_key)
    assert (offline["state"], offline["slot"]) == ("given", 1)
    log = ["--at", served.doors["log"], "--fingerprint", fingerprint]
    assert facts("log", "verify-promise", kept, *log)["state"] == "open"
    early = facts("mailbox", *reporter, "--proof", tmp_path / "early.txt", typed=typed)
    assert not early["final"]
    assert (tmp_path / "early.txt").read_text() == kept.read_text()
    too_early = run("log", "verify-proof", kept, "--log-key", roster.log_keys[0])
    assert (too_early.returncode, "verify-promise" in too_early.stderr) == (2, True)

    HandlerClient(handler_door(served, box.people["Ada Berg"])).publish()
    exchanged = facts("log", "verify-promise", kept, *log, "--out", proof)
    assert (exchanged["state"], exchanged["leaf"]) == ("kept", offline["leaf"])
    assert facts("mailbox", *reporter, "--proof", own, typed=typed)["final"]
    (tmp_path / "keys").write_text("\n".join(roster.log_keys))
    for file in (proof, own):
        proven = facts("log", "verify-proof", file, "--log-key", tmp_path / "keys")
        assert (proven["leaf"], proven["origin"]) == (offline["leaf"], roster.origin)
        signed = proven["signed"]
        assert isinstance(signed, dict)
        assert signed[roster.origin]
        for name in box.people:
            assert name.encode() not in file.read_bytes()
    told = run("log", "verify-proof", own, "--log-key", roster.log_keys[0], "--leaf", "00" * 32)
    assert (told.returncode, "another entry" in told.stderr) == (1, True)
    damaged = own.read_bytes().replace(b"index ", b"index 1", 1)
    own.write_bytes(damaged)
    assert run("log", "verify-proof", own, "--log-key", tmp_path / "keys").returncode == 1


def test_a_broken_promise_is_shown_with_what_proves_it(box: Box, serving: Serving, tmp_path: Path) -> None:
    mechanism = Mechanism.open(box.directory)
    (tmp_path / "promise.txt").write_bytes(promise(mechanism, "11" * 32))
    mechanism.close()
    served = serving(box)
    HandlerClient(handler_door(served, box.people["Ada Berg"])).publish()
    words = ["log", "verify-promise", tmp_path / "promise.txt", "--at", served.doors["log"], "--first-use"]
    assert facts(*words, "--out", tmp_path / "checkpoint", status=1)["state"] == "broken"
    assert (tmp_path / "checkpoint").read_bytes() == (box.directory / "checkpoint").read_bytes()
    ended = run(*words)
    assert (ended.returncode, "The promise was broken" in ended.stdout) == (1, True)
