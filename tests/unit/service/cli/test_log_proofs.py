"""`log verify-proof` and `log verify-promise`: which answers are of a mechanism, and which of a slip."""

from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner, Result

from meyasubako.crypto.note import NoteSigner
from meyasubako.crypto.proof import Promise, promise_key_name
from meyasubako.service.cli.main import main
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.proofs import evidence, promise
from meyasubako.service.store.errors import StaleReadError
from meyasubako.service.store.sqlite import Store
from tests.system.box import Box
from tests.unit.service.doors import Reported, report
from tests.unit.service.mirrors import served

FINDINGS, UNREADABLE = 1, 2
STRANGER = NoteSigner(promise_key_name("else.example.org"), bytes(32))


def told(*words: object) -> Result:
    """How `log …` ends."""
    return CliRunner().invoke(main, ["log", *map(str, words)])


@pytest.fixture
def reported(mechanism: Mechanism, box: Box) -> Reported:
    return report(mechanism, box)


@pytest.fixture
def proof(mechanism: Mechanism, reported: Reported, tmp_path: Path) -> Path:
    mechanism.publish()
    path = tmp_path / "filed.tlog-proof"
    path.write_bytes(evidence(mechanism, reported.case, 1).data)
    return path


@pytest.fixture
def given(mechanism: Mechanism, tmp_path: Path) -> Path:
    path = tmp_path / "promise.txt"
    path.write_bytes(promise(mechanism, "11" * 32))
    return path


@pytest.fixture
def served_log(mechanism: Mechanism, box: Box) -> Iterator[str]:
    """The log's door of a mechanism that has published."""
    mechanism.publish()
    with served(box) as (url, _):
        yield url


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"a letter\n",
        lambda data: data[:40],
        lambda data: data[: data.index(b"\n\n") + 30],
        lambda data: data[:-20],
        lambda data: b"\n".join(line for line in data.split(b"\n") if not line.startswith(b"extra")),
    ],
    ids=["nothing", "a letter", "cut off", "cut off in its checkpoint", "cut off at its end", "of no entry"],
)
def test_a_file_that_is_no_proof_cannot_be_read(
    mechanism: Mechanism, proof: Path, damage: Callable[[bytes], bytes]
) -> None:
    words = ["verify-proof", proof, "--log-key", mechanism.ledger().mechanism.log_keys[0]]
    assert told(*words).exit_code == 0
    proof.write_bytes(damage(proof.read_bytes()))
    ended = told(*words)
    assert (ended.exit_code, str(proof) in ended.stderr) == (UNREADABLE, True), ended.stderr


def test_a_proof_that_does_not_verify_is_a_finding(mechanism: Mechanism, proof: Path) -> None:
    stranger = NoteSigner("else.example.org", bytes(32)).key.text
    assert told("verify-proof", proof, "--log-key", stranger).exit_code == FINDINGS
    proof.write_bytes(proof.read_bytes().replace(b"index ", b"index 1", 1))
    key = mechanism.ledger().mechanism.log_keys[0]
    assert told("verify-proof", proof, "--log-key", key).exit_code == FINDINGS


def test_a_key_that_is_none_is_named_by_its_file_and_never_shown(proof: Path, tmp_path: Path) -> None:
    keys = tmp_path / "log.vkey"
    for text, words in (("PRIVATE+KEY+secret", "cannot be used"), ("\n", "holds no verifier key")):
        keys.write_text(text)
        ended = told("verify-proof", proof, "--log-key", keys)
        assert ended.exit_code == UNREADABLE
        assert f"{keys} {words}" in ended.stderr
        assert "secret" not in ended.stderr
    ended = told("verify-proof", proof, "--log-key", "some+key+secret")
    assert (ended.exit_code, "secret" in ended.stderr) == (UNREADABLE, False)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda _: b"", "is not a promise"),
        (lambda data: data[:60], "is not a promise, or not all of one"),
        (lambda data: data[:-20], "is not a promise, or not all of one"),
        (lambda data: data.replace(b"meyasubako/promise/v1", b"else", 1), "is not a promise"),
    ],
    ids=["nothing", "cut off", "cut off at its end", "another note"],
)
def test_a_file_that_is_no_promise_cannot_be_read(
    mechanism: Mechanism, given: Path, damage: Callable[[bytes], bytes], words: str
) -> None:
    command = ["verify-promise", given, "--promise-key", mechanism.ledger().mechanism.promise_key]
    assert told(*command).exit_code == 0
    given.write_bytes(damage(given.read_bytes()))
    ended = told(*command)
    assert (ended.exit_code, f"{given} {words}" in ended.stderr) == (UNREADABLE, True), ended.stderr


def test_a_proof_in_the_place_of_a_promise_is_told_as_one(mechanism: Mechanism, proof: Path) -> None:
    ended = told("verify-promise", proof, "--promise-key", mechanism.ledger().mechanism.promise_key)
    assert (ended.exit_code, "verify-proof" in ended.stderr) == (UNREADABLE, True)


def test_a_promise_by_another_key_is_a_finding(given: Path) -> None:
    assert told("verify-promise", given, "--promise-key", STRANGER.key.text).exit_code == FINDINGS


def test_the_log_of_another_mechanism_breaks_no_promise(served_log: str, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_bytes(Promise("else.example.org", bytes(32), 1).sign(STRANGER))
    for key in ([], ["--promise-key", STRANGER.key.text]):
        ended = told("verify-promise", other, "--at", served_log, "--first-use", *key)
        assert ended.exit_code == UNREADABLE, ended.stderr
        assert "the promise is of the log else.example.org" in ended.stderr
        assert "serves another" in ended.stderr


def test_a_log_that_refuses_to_be_asked_breaks_no_promise(
    served_log: str, given: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "tile", Mock(side_effect=StaleReadError(())))
    ended = told("verify-promise", given, "--at", served_log, "--first-use")
    assert (ended.exit_code, "refuses at this moment" in ended.stderr) == (UNREADABLE, True), ended.stderr
