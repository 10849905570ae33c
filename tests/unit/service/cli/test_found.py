import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.keyfile import KeyPair, write_keyfile
from meyasubako.crypto.note import Note
from meyasubako.service.cli.main import main
from meyasubako.service.store.sqlite import Store

NAMES = ("dan", "eva", "keiko", "omar", "ana")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    for name in NAMES:
        pair = KeyPair.generate(name)
        (tmp_path / f"{name}.key").write_bytes(write_keyfile(pair, name, "pass", 10))
        (tmp_path / f"{name}.pub").write_text(pair.person().public_line() + "\n")
    (tmp_path / "passphrase").write_text("pass\n")
    return tmp_path


def found(people: Path, *more: str, by: str = "dan", origin: str = "box.example.org") -> Result:
    words = [
        "found",
        str(people / "box"),
        "--origin",
        origin,
        "--name",
        "The box",
        "--as",
        str(people / f"{by}.key"),
    ]
    return CliRunner().invoke(main, [*words, "--passphrase-file", str(people / "passphrase"), *more])


def role(people: Path, roles: str, name: str) -> list[str]:
    return ["--person", f"{roles}={people / name}.pub"]


def test_a_mechanism_is_founded_with_its_people_and_audits_clean(people: Path) -> None:
    more = [
        *role(people, "steward", "eva"),
        *role(people, "intake:main,handler:main", "keiko"),
        *role(people, "intake:main", "omar"),
        *role(people, "auditor", "ana"),
    ]
    result = found(people, *more, "--json")
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    assert facts["people"][0] == "dan: steward"
    assert facts["people"][2] == "keiko: intake:main, handler:main"
    audited = CliRunner().invoke(
        main, ["audit", str(people / "box"), "--fingerprint", facts["fingerprint"], "--json"]
    )
    assert audited.exit_code == 0
    assert json.loads(audited.stdout)["good"]
    other = CliRunner().invoke(main, ["audit", str(people / "box"), "--fingerprint", "1234 " * 6])
    assert other.exit_code == 1


def test_whoever_founds_may_hold_other_roles_besides(people: Path) -> None:
    result = found(people, *role(people, "intake:main", "keiko"), *role(people, "records", "dan"), "--json")
    assert json.loads(result.stdout)["people"][0] == "dan: records, steward"


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ([], 2, "nobody could read a report"),
        ([("reader:main", "keiko")], 2, "is not a role"),
        ([("intake:main", "nobody")], 2, "there is no file"),
        ([("intake:main,steward", "keiko")], 1, "a steward reads no room"),
        ([("intake:main", "keiko"), ("intake:main", "keiko")], 1, "enrolled once"),
    ],
)
def test_a_founding_that_cannot_be_leaves_nothing_behind(
    people: Path, given: list[tuple[str, str]], code: int, words: str
) -> None:
    result = found(people, *(word for roles, name in given for word in role(people, roles, name)))
    assert result.exit_code == code
    assert words in " ".join(result.stderr.split())
    assert not (people / "box").exists()


def test_an_origin_that_is_no_name_is_refused(people: Path) -> None:
    result = found(people, *role(people, "intake:main", "keiko"), origin="two words")
    assert result.exit_code == 2
    assert "the origin is a name like" in result.stderr


def test_a_wrong_pass_phrase_names_the_key_file(people: Path) -> None:
    (people / "passphrase").write_text("wrong\n")
    result = found(people, *role(people, "intake:main", "keiko"))
    assert result.exit_code == 2
    assert "the pass phrase does not open" in result.stderr
    assert "dan.key" in result.stderr


def test_a_directory_that_holds_something_is_left_as_it_is(people: Path) -> None:
    (people / "box").mkdir()
    (people / "box" / "letter").write_text("precious")
    result = found(people, *role(people, "intake:main", "keiko"))
    assert result.exit_code == 2
    assert "is not empty" in result.stderr
    assert [path.name for path in (people / "box").iterdir()] == ["letter"]


def test_a_new_origin_names_the_log_that_could_not_go_on(people: Path, tmp_path: Path) -> None:
    more = role(people, "intake:main", "keiko")
    assert found(people, *more).exit_code == 0
    (people / "box").rename(people / "old")
    exported = CliRunner().invoke(main, ["log", "export", str(people / "old"), str(people / "export")])
    assert exported.exit_code == 0
    words = ["--predecessor", str(people / "export")]
    same = found(people, *more, *words)
    assert (same.exit_code, "an origin of its own" in same.stderr) == (2, True)
    assert found(people, *more, *words, "--json", origin="new.example.org").exit_code == 0
    with Store.open(people / "box", read_only=True) as store:
        named = json.loads(store.row(0).data)["body"]["predecessor"]
    last = Checkpoint.parse(Note.parse((people / "export" / "checkpoint").read_bytes()).text)
    assert named == {"origin": "box.example.org", "size": last.size, "root": last.root.hex()}
    (people / "box").rename(people / "second")
    (people / "export" / "log.vkey").write_text(
        (people / "second" / "checkpoint").read_text().splitlines()[0]
    )
    assert found(people, *more, *words, origin="third.example.org").exit_code != 0
