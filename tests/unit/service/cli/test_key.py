import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from meyasubako.crypto.keyfile import parse_public_line, read_keyfile
from meyasubako.service.cli.main import main

QUICK = ["--work-factor", "10"]


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text("correct horse\n")
    return path


def new(name: str, out: Path, passphrase: Path, *more: str) -> Result:
    words = ["key", "new", name, "-o", str(out), "--passphrase-file", str(passphrase), *QUICK, *more]
    return CliRunner().invoke(main, words)


def test_a_new_key_file_opens_with_its_pass_phrase_and_only_its_owner_reads_it(
    tmp_path: Path, passphrase: Path
) -> None:
    out = tmp_path / "keiko.key"
    result = new("Keiko Sato", out, passphrase, "--json")
    assert result.exit_code == 0, result.stderr
    pair = read_keyfile(out.read_bytes(), "correct horse")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    person = parse_public_line((tmp_path / "keiko.key.pub").read_text())
    assert person == pair.person()
    assert json.loads(result.stdout) == {
        "name": "Keiko Sato",
        "fingerprint": person.fingerprint,
        "key_id": person.key.key_id,
        "key_file": str(out),
        "public_file": f"{out}.pub",
    }


@pytest.mark.parametrize("there", ["keiko.key", "keiko.key.pub"])
def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path, passphrase: Path, there: str) -> None:
    (tmp_path / there).write_text("precious")
    result = new("Keiko Sato", tmp_path / "keiko.key", passphrase)
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert (tmp_path / there).read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_name_that_hides_something_is_refused(tmp_path: Path, passphrase: Path) -> None:
    result = new("Keiko\u202e otaS", tmp_path / "keiko.key", passphrase)
    assert result.exit_code == 2
    assert "a name holds no" in result.stderr


def test_an_empty_pass_phrase_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n")
    result = new("Keiko Sato", tmp_path / "keiko.key", empty)
    assert result.exit_code == 2
    assert "pass phrase" in result.stderr
    assert not (tmp_path / "keiko.key").exists()


def test_without_a_terminal_a_pass_phrase_is_read_from_a_file_only(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["key", "new", "Keiko", "-o", str(tmp_path / "k"), *QUICK], input="x\n")
    assert result.exit_code == 2
    assert "--passphrase-file" in result.stderr


def test_a_public_line_is_shown_with_its_fingerprint(tmp_path: Path, passphrase: Path) -> None:
    new("Keiko Sato", tmp_path / "keiko.key", passphrase)
    result = CliRunner().invoke(main, ["key", "show", str(tmp_path / "keiko.key.pub")])
    person = parse_public_line((tmp_path / "keiko.key.pub").read_text())
    assert result.exit_code == 0
    assert person.fingerprint in result.stdout


def test_a_public_line_of_two_people_is_refused(tmp_path: Path, passphrase: Path) -> None:
    for name in ("keiko", "omar"):
        new(name, tmp_path / f"{name}.key", passphrase)
    keiko, omar = ((tmp_path / f"{name}.key.pub").read_text().split() for name in ("keiko", "omar"))
    mixed = tmp_path / "mixed.pub"
    mixed.write_text(" ".join([*keiko[:2], *omar[2:]]))
    result = CliRunner().invoke(main, ["key", "show", str(mixed)])
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr


def test_who_shows_the_key_file_is_told_to_give_the_public_line(tmp_path: Path, passphrase: Path) -> None:
    out = tmp_path / "keiko.key"
    new("Keiko Sato", out, passphrase)
    result = CliRunner().invoke(main, ["key", "show", str(out)])
    assert result.exit_code == 2
    assert "holds no public line" in result.stderr


def test_a_pass_phrase_is_changed_in_a_terminal_alone(tmp_path: Path, passphrase: Path) -> None:
    out = tmp_path / "keiko.key"
    new("Keiko Sato", out, passphrase)
    result = CliRunner().invoke(main, ["key", "passphrase", str(out)], input="correct horse\n")
    assert result.exit_code == 2
    assert "run this in a terminal" in result.stderr
