"""`log mirror`, and `audit` of an address: how they end, and what an auditor is told to do next."""

import shutil

import pytest
from click.testing import CliRunner

from meyasubako.crypto.keyfile import KeyPair, write_keyfile
from meyasubako.service.cli.main import main
from tests.unit.service.mirrors import fetch, files, served

CHEAP = 2
OVERSIGHT = "tell the mechanism's oversight"


@pytest.fixture
def told(lived, tmp_path):
    """How a command with somebody's key ends; what it said stands on one line."""
    (tmp_path / "pass").write_text("pass\n")
    for name, pair in {**lived.people, "stranger": KeyPair.generate("stranger")}.items():
        (tmp_path / f"{name}.key").write_bytes(write_keyfile(pair, name, "pass", CHEAP))

    def run(*words, name="rita"):
        key = ["--key", tmp_path / f"{name}.key", "--passphrase-file", tmp_path / "pass"]
        ended = CliRunner().invoke(main, [*map(str, words), *map(str, key)])
        return ended.exit_code, " ".join(ended.stderr.split())

    return run


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("stranger", "The request's key is not known here."),
        ("ira", "entries are for auditors whom the mechanism enrolled."),
    ],
)
def test_a_key_that_is_no_auditors_could_not_ask_and_found_nothing(lived, told, tmp_path, name, words):
    with served(lived) as (url, _):
        for command in (["log", "mirror", url, tmp_path / "mirror"], ["audit", url, "--forget"]):
            status, said = told(*command, name=name)
            assert (status, words.casefold() in said.casefold()) == (2, True), said
            assert "Nothing was looked at" in said


def test_the_directory_of_another_log_is_a_slip_and_no_alarm(lived, told, tmp_path):
    out = tmp_path / "mirror"
    with served(lived) as (url, _):
        fetch(lived, url, out)
        note = (out / "checkpoint").read_bytes()
        (out / "checkpoint").write_bytes(note.replace(b"box.example.org/lived\n", b"else\n", 1))
        before = files(out)
        for command in (["log", "mirror", url, out], ["audit", url, "--mirror", out, "--forget"]):
            status, said = told(*command)
            assert (status, OVERSIGHT in said) == (2, False), said
            assert "choose another directory" in said
    assert files(out) == before


def test_a_log_that_was_set_back_is_a_finding_and_is_to_be_told(lived, original, told, tmp_path):
    with lived.open() as box:
        box.publish()
    with served(lived) as (url, _):
        assert told("log", "mirror", url, tmp_path / "mirror")[0] == 0
    with served(original) as (url, _):
        status, said = told("log", "mirror", url, tmp_path / "mirror")
    assert (status, OVERSIGHT in said, "was set back" in said) == (1, True, True), said


def test_a_damaged_mirror_is_told_with_what_to_do(lived, told, tmp_path):
    """The new mirror is compared with what the damaged one had seen."""
    out, anew = tmp_path / "mirror", tmp_path / "anew"
    with served(lived) as (url, _):
        fetch(lived, url, out)
        shutil.rmtree(out / "tile" / "entries")
        status, said = told("log", "mirror", url, out)
        assert (status, "lacks tile/entries/000" in said) == (2, True), said
        assert "Make a new one in another directory" in said
        assert told("log", "mirror", url, anew)[0] == 0
    audited = CliRunner().invoke(main, ["audit", str(anew), "--pin", str(out / "checkpoint")])
    assert audited.exit_code == 0, audited.output
