"""An evidence pack is of the mechanism on the poster: its program believes no key but that one's own."""

import base64
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.note import NoteSigner
from meyasubako.service.inspection import audit
from meyasubako.service.keys import ServerKeys
from tests.system.lived import ORIGIN
from tests.unit.service.packs import Continued, entries, lay, seen, shell, verify

TODAY = date.today()  # noqa: DTZ011  the machine's, as an auditor's
ROOT = Path(__file__).parents[3]
CHECKER = ROOT / "tests" / "independent" / "log_checker.py"
# What somebody draws who has none of the mechanism's keys.
OWN = NoteSigner(ORIGIN, bytes(range(32)))


@pytest.fixture
def forged(packed, lived):
    """Made by somebody with a genuine pack: its first entries, others after them, and a key of their own."""
    made_up = Continued(entries(packed)[:5])
    made_up.add(lived.people["ann"], "software.upgraded", {"version": "1", "artefacts": []})
    lay(packed, [*made_up.stored, b"{}", b"not JSON", b"[" * 30_000], OWN)
    return packed


def fingerprint(lived):
    return audit(lived.directory).fingerprint


def test_the_answer_names_the_log_its_fingerprint_and_what_was_compared(packed, lived):
    status, told = verify(packed)
    digits = fingerprint(lived)
    assert (status, told.split(": ")[:2]) == (0, ["OK", f"{ORIGIN}, fingerprint {digits}"]), told
    assert "proofs that lead to it: 2; checkpoints seen before that it extends: 0" in told
    assert "only if its poster shows this fingerprint" in told
    status, told = verify(packed, digits)
    assert (status, "NOTE" in told) == (0, False), "whoever brings the poster's digits has compared them"
    assert verify(packed, *digits.split())[0] == 0
    status, told = verify(packed, "1234 1234 1234 1234 1234 1234")
    assert (status, told.startswith("FAILED: this is the log with the fingerprint")) == (1, True), told


def test_a_pack_that_somebody_else_has_signed_does_not_verify(forged, lived):
    """Everything fits but the key: entries, tiles, proof, and the fingerprint, which is the first entry's."""
    checked = subprocess.run(
        [sys.executable, "-I", CHECKER, forged / "log"], capture_output=True, check=False
    )
    assert checked.returncode == 0, "what believes log.vkey cannot tell"
    assert verify(forged, fingerprint(lived)) == (
        1, "FAILED: log/checkpoint is not signed by the log's key, which entry 0 names\n",
    )  # fmt: skip


def test_nobody_proves_a_fork_with_a_key_of_their_own(forged, packed, lived):
    seen(forged, OWN, 3)
    status, told = verify(forged)
    assert (status, "FORKED" in told) == (1, False), told
    assert told.startswith("FAILED: ")


def test_a_made_up_checkpoint_in_a_genuine_pack_proves_nothing(packed, lived):
    seen(packed, OWN, 64)
    (packed / "proofs" / "seen-8.checkpoint").write_bytes(b"nonsense")
    log = ServerKeys.load(lived.directory).log[0]
    seen(packed, log, 64, 7, origin="other.example.org")
    note = sign_checkpoint(Checkpoint(ORIGIN, 64, bytes(32)), [log], 0)
    key_id = base64.b64encode(log.key.key_id) + b"\n"
    (packed / "proofs" / "seen-6.checkpoint").write_bytes(note[: note.rindex(b" ") + 1] + key_id)
    status, told = verify(packed)
    words = [line.split(":")[0] for line in told.splitlines()]
    assert (status, words) == (1, [*["UNKNOWN"] * 4, "LOG", "NOTE"]), told
    assert f"LOG: {ORIGIN}, fingerprint {fingerprint(lived)}" in told


def test_another_key_beside_a_genuine_log_is_named(packed):
    (packed / "log" / "log.vkey").write_text(f"{OWN.key.text}\n")
    assert verify(packed) == (1, "FAILED: log/log.vkey is not the log's key, which entry 0 names\n")


def stages(packed, name):
    """A file of the pack, away, empty, and of nonsense."""
    for data in (None, b"", b"\n\n", b"\xff\n\n\xff", b"a\nb\nc\n\n\xe2\x80\x94 d e\n"):
        if data is None:
            (packed / name).unlink()
        else:
            (packed / name).write_bytes(data)
        yield verify(packed)


@pytest.mark.parametrize(
    "name",
    [
        "log/checkpoint",
        "log/log.vkey",
        "log/tile/entries/000",
        "log/tile/entries/001.p/64",
        "proofs/entry-0.tlog-proof",
        "proofs/seen-9-of-64.checkpoint",
    ],
)
def test_what_is_missing_or_damaged_is_named_in_one_line(packed, lived, name):
    seen(packed, ServerKeys.load(lived.directory).log[0], 64)
    for place, (status, told) in enumerate(stages(packed, name)):
        if place == 0 and name.startswith("proofs/"):
            continue  # A proof that is not there is counted, and no more.
        assert (status, "Traceback" in told) == (1, False), told
        assert told.startswith("UNKNOWN: " if "seen" in name else "FAILED: "), told
        assert name.startswith("log/tile") or Path(name).name in told.splitlines()[0], told
        assert told.count("\n") == (3 if "seen" in name else 1), told


@pytest.mark.parametrize(
    "proof", ["index 0", "index 320", "index -1", "index x", "index", "extra AA==", "index 0\n?"]
)
def test_a_proof_that_proves_nothing_is_named(packed, proof):
    file = packed / "proofs" / "entry-0.tlog-proof"
    tail = file.read_bytes().partition(b"\n\n")[2]
    file.write_bytes(f"c2sp.org/tlog-proof@v1\n{proof}\n\n".encode() + tail)
    status, told = verify(packed)
    assert (status, told.startswith("FAILED: proofs/entry-0.tlog-proof ")) == (1, True), told


def test_a_proof_for_another_checkpoint_proves_nothing_here(packed):
    file = packed / "proofs" / "entry-0.tlog-proof"
    file.write_bytes(file.read_bytes() + b"more")
    assert verify(packed) == (1, "FAILED: proofs/entry-0.tlog-proof is not about log/checkpoint\n")


def test_without_an_openssl_that_can_verify_nothing_is_said_of_the_log(packed, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    assert verify(packed, path=tools)[1].startswith("FAILED: openssl cannot be run")
    (tools / "openssl").write_text("#!/bin/sh\necho 'unknown option -rawin' >&2\nexit 1\n")
    (tools / "openssl").chmod(0o755)
    status, told = verify(packed, path=f"{tools}:/usr/bin:/bin")
    assert (status, told) == (
        1,
        "FAILED: this openssl cannot judge an Ed25519 signature: it has to be openssl 3\n",
    )


@pytest.mark.parametrize(
    "first", [b"nonsense", b"[]", b"{}", b'{"body":{},"log":"x","seq":1}', b"[" * 30_000]
)
def test_a_log_without_a_founding_is_no_mechanisms(packed, first):
    lay(packed, [first, b"{}"], OWN)
    assert verify(packed) == (1, "FAILED: entry 0 founds no mechanism\n")


def test_a_founding_that_names_the_key_of_another_log_is_not_believed(packed, lived):
    first, *others = entries(packed)
    other = f'"log":"{ORIGIN}/other"'.encode()
    lay(
        packed,
        [first.replace(f'"log":"{ORIGIN}"'.encode(), other), *others],
        ServerKeys.load(lived.directory).log[0],
    )
    status, told = verify(packed)
    assert (status, told.startswith("FAILED: log/checkpoint is not signed by")) == (1, True), told


# What a page or a guide says to type, typed.


def commands(text, indent):
    """The blocks of commands in a text, as somebody would copy them, indented as they are."""
    return [block.rstrip("\n") for block in re.findall(rf"\n\n((?: {{{indent}}}.*\n)+)", text)]


def test_the_page_in_a_pack_says_commands_that_work(packed, lived):
    page = (packed / "VERIFY.txt").read_text()
    _, leaf, tile, digits, named, keys = shell(packed, *commands(page, 6))
    assert leaf.split()[0] == tile
    assert digits == fingerprint(lived)
    assert named == "1"
    assert keys == f"1 {ServerKeys.load(lived.directory).log[0].key.text}"
    root = "sed -n 3p log/checkpoint | base64 -d | od -An -v -tx1"
    assert root in page
    assert "".join(shell(packed, root)[0].split()) in page
    command, digits = re.search(r'\n  (python3 -I verify\.py) ("[\d ]+")\n', page).groups()
    assert command == "python3 -I verify.py"
    assert verify(packed, digits.strip('"'))[0] == 1


def test_the_commands_in_a_pack_tell_a_forged_one(forged, lived):
    page = (forged / "VERIFY.txt").read_text()
    *_, digits, named, keys = shell(forged, *commands(page, 6))
    assert digits == fingerprint(lived), "it keeps the first entry"
    assert named == "0"
    assert OWN.key.text not in keys


def test_a_replaced_key_is_found_by_the_commands_in_a_pack(packed, lived):
    log = Continued(entries(packed))
    log.by_two(lived.people["ann"], lived.people["bob"], "key.rotated", {"of": "log", "keys": [OWN.key.text]})
    lay(packed, log.stored, OWN)
    *_, named, keys = shell(packed, *commands((packed / "VERIFY.txt").read_text(), 6))
    assert (named, keys.splitlines()[-1]) == ("0", f"{log.head.seq} {OWN.key.text}")
    assert verify(packed)[0] == 0


@pytest.fixture
def of_promises():
    """The command in the auditors' guide that gives the promise key."""
    guide = (ROOT / "docs" / "auditors.md").read_text()
    return next(block for block in re.findall(r"```\n(.*?)```", guide, re.DOTALL) if "promise_key" in block)


def test_the_guide_says_a_command_that_gives_the_promise_key(packed, lived, of_promises):
    keys = ServerKeys.load(lived.directory)
    assert shell(packed / "log", of_promises) == [keys.promise.key.text]
    log, other = Continued(entries(packed)), NoteSigner(f"{ORIGIN}/promise", bytes(32))
    body = {"of": "promise", "keys": [other.key.text]}
    log.add(lived.people["ann"], "act.proposed", {"kind": "key.rotated", "v": 1, "body": body})
    lay(packed, log.stored, keys.log[0])
    assert shell(packed / "log", of_promises) == [keys.promise.key.text], "it was only proposed"
    log.by_two(lived.people["ann"], lived.people["bob"], "key.rotated", body)
    lay(packed, [*log.stored, b"not JSON"], keys.log[0])
    assert shell(packed / "log", of_promises) == [other.key.text]
