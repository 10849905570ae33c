"""What people give the commands that is wrong: one plain sentence on standard error, an exit code that
scripts can rely on (1 findings, 2 usage or what cannot be read), no traceback, nothing changed.
"""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from meyasubako.crypto.keyfile import KeyPair, write_keyfile
from meyasubako.crypto.receipt import Receipt
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.proofs import promise
from tests.system.box import Box, found_box
from tests.system.conftest import SMALL, nothing_changes
from tests.system.served import Served, run
from tests.system.visitor import Visitor

PASSPHRASE, WORK_FACTOR = "a pass phrase for tests", 10
FINDINGS, UNREADABLE = 1, 2
Told = CompletedProcess[str]


@dataclass(frozen=True)
class People:
    """Key files of the box's people and of a stranger, under one pass phrase."""

    folder: Path

    def file(self, name: str) -> Path:
        return self.folder / f"{name.split(maxsplit=1)[0].lower()}.key"

    @property
    def passphrase(self) -> Path:
        return self.folder / "passphrase"


@pytest.fixture(scope="module")
def people(shared: tuple[Box, Served], tmp_path_factory: pytest.TempPathFactory) -> People:
    people = People(tmp_path_factory.mktemp("people"))
    people.passphrase.write_text(f"{PASSPHRASE}\n")
    (people.folder / "wrong").write_text("another pass phrase\n")
    for name, pair in {**shared[0].people, "Stranger": KeyPair.generate("Stranger")}.items():
        people.file(name).write_bytes(write_keyfile(pair, name, PASSPHRASE, WORK_FACTOR))
        public = people.file(name).with_suffix(".key.pub")
        public.write_text(f"{pair.person(name).public_line()}\n")
    return people


def assert_told(done: Told, status: int, *words: str) -> None:
    """It ended with this status and said these words in a short text for people."""
    assert done.returncode == status, done.stderr
    said = " ".join(done.stderr.split()).casefold()
    for word in words:
        assert word.casefold() in said
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) < 12


def at_desk(shared: tuple[Box, Served], people: People, name: str = "Keiko Sato") -> list[object]:
    """The options with which somebody acts."""
    doors = shared[1].doors
    who = ["--as", people.file(name), "--passphrase-file", people.passphrase]
    return ["--at", doors["handler"], "--log", doors["log"], "--first-use", *who]


# Receipts


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (Receipt.generate().digits(), ["No mailbox fits this receipt."]),
        (f"{Receipt.generate().digits()[:30]}9999{Receipt.generate().digits()[34:]}", ["the 7th group"]),
        ("1234 5678", ["twelve"]),
        ("", ["twelve"]),
    ],
    ids=["nobody was given it", "impossible group", "too short", "nothing"],
)
def test_a_wrong_receipt(shared: tuple[Box, Served], typed: str, words: list[str]) -> None:
    with nothing_changes(shared):
        done = run("mailbox", "--at", shared[1].doors["reporter"], typed=f"{typed}\n")
    assert_told(done, UNREADABLE, *words)
    assert typed == "" or typed not in done.stderr + done.stdout


# Texts and files


def test_an_empty_report(shared: tuple[Box, Served]) -> None:
    with nothing_changes(shared):
        done = run("report", "--first-use", "--at", shared[1].doors["reporter"], typed=" \n\t")
    assert_told(done, UNREADABLE, "The text is empty.")
    assert done.stdout == ""


def test_a_report_that_is_too_long(shared: tuple[Box, Served]) -> None:
    with nothing_changes(shared):
        done = run("report", "--first-use", "--at", shared[1].doors["reporter"], typed="x" * 100_001)
    assert_told(done, UNREADABLE, "at most 100000")


def test_a_file_that_is_not_there(shared: tuple[Box, Served], tmp_path: Path) -> None:
    missing = tmp_path / "missing.pdf"
    with nothing_changes(shared):
        done = run(
            "report", "--first-use", "--at", shared[1].doors["reporter"], "--file", missing, typed="Text."
        )
    assert_told(done, UNREADABLE, "missing.pdf")


def test_a_file_that_is_too_large(shared: tuple[Box, Served], tmp_path: Path) -> None:
    large = tmp_path / "film.mp4"
    large.write_bytes(bytes(SMALL.upload_bytes + 1))
    with nothing_changes(shared):
        done = run(
            "report", "--first-use", "--at", shared[1].doors["reporter"], "--file", large, typed="Text."
        )
    assert_told(done, FINDINGS, f"At most {SMALL.upload_bytes} bytes are taken at once.")
    assert done.stdout == ""


# Keys and people


def test_a_wrong_pass_phrase(shared: tuple[Box, Served], people: People) -> None:
    options = at_desk(shared, people)
    options[-1] = people.folder / "wrong"
    with nothing_changes(shared):
        done = run("cases", "list", *options)
    assert_told(done, UNREADABLE, "pass phrase")


@pytest.mark.parametrize("cut", [100, -1])
def test_a_damaged_key_file(shared: tuple[Box, Served], people: People, tmp_path: Path, cut: int) -> None:
    whole = people.file("Keiko Sato").read_bytes()
    (tmp_path / "damaged.key").write_bytes(whole[:cut])
    options = at_desk(shared, people)
    options[options.index("--as") + 1] = tmp_path / "damaged.key"
    with nothing_changes(shared):
        assert_told(run("cases", "list", *options), UNREADABLE)


def test_a_key_that_is_not_on_the_roster(shared: tuple[Box, Served], people: People) -> None:
    with nothing_changes(shared):
        done = run("cases", "list", *at_desk(shared, people, "Stranger"))
    assert_told(done, FINDINGS, "The request's key is not known here.")


def test_somebody_who_is_not_assigned(shared: tuple[Box, Served], people: People) -> None:
    case = new_case(shared)
    with nothing_changes(shared):
        done = run("cases", "open", case, *at_desk(shared, people, "Ana Silva"))
    assert_told(done, UNREADABLE, "No case that you are shown begins with")


def test_a_person_whom_nobody_knows(shared: tuple[Box, Served], people: People) -> None:
    case = new_case(shared)
    with nothing_changes(shared):
        done = run("cases", "grant", case, "Nobody Here", *at_desk(shared, people))
    assert_told(done, UNREADABLE, "'Nobody Here' is not one person's name here; known are: Ada Berg")


def test_a_report_without_a_person_who_does_not_read(shared: tuple[Box, Served]) -> None:
    reporter = ["report", "--first-use", "--at", shared[1].doors["reporter"], "--without"]
    with nothing_changes(shared):
        done = run(*reporter, "Nobody Here", typed="Text.")
        everybody = run(*reporter, "Keiko Sato", "--without", "Omar Haddad", typed="Text.")
    assert_told(done, UNREADABLE, "'Nobody Here' is nobody who would read it")
    assert_told(everybody, UNREADABLE, "Nobody is left who could read the report.")


@pytest.mark.parametrize("line", ["Keiko age1pq1 x y", "changed"])
def test_a_public_line_that_proves_nothing(
    shared: tuple[Box, Served], people: People, tmp_path: Path, line: str
) -> None:
    whole = people.file("Stranger").with_suffix(".key.pub").read_text()
    other = people.file("Ada Berg").with_suffix(".key.pub").read_text()
    if line == "changed":
        line = " ".join([*whole.split()[:-1], other.split()[-1]])
    (tmp_path / "new.pub").write_text(f"{line}\n")
    with nothing_changes(shared):
        done = run(
            "enroll", tmp_path / "new.pub", "--role", "intake:main", *at_desk(shared, people, "Ada Berg")
        )
    assert done.returncode in {FINDINGS, UNREADABLE}
    assert_told(done, done.returncode)


def test_another_mechanism_than_the_poster_says(shared: tuple[Box, Served]) -> None:
    with nothing_changes(shared):
        done = run(
            "report",
            "--at",
            shared[1].doors["reporter"],
            "--fingerprint",
            "1234 1234 1234 1234 1234 1234",
            typed="Text.",
        )
    assert_told(done, FINDINGS, "fingerprint", "Nothing was sealed, sent or kept.")


# Doors


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1"])
def test_an_address_that_is_none(url: str) -> None:
    assert_told(run("report", "--at", url, typed="Text."), UNREADABLE, "is not an address")


def test_a_door_where_nobody_listens() -> None:
    done = run("report", "--at", "http://127.0.0.1:1", typed="Text.")
    assert_told(done, UNREADABLE, "does not answer", "is the mechanism being served?")


def test_another_door_than_the_command_needs(shared: tuple[Box, Served]) -> None:
    with nothing_changes(shared):
        for door in ("handler", "log"):
            done = run("report", "--at", shared[1].doors[door], typed="Text.")
            assert_told(done, UNREADABLE, "Is this the right address?", "each of the three doors")


@pytest.mark.parametrize("door", ["reporter", "log"])
def test_another_door_than_the_handlers(shared: tuple[Box, Served], people: People, door: str) -> None:
    options = at_desk(shared, people)
    options[options.index("--at") + 1] = shared[1].doors[door]
    with nothing_changes(shared):
        done = run("cases", "list", *options)
    assert_told(done, UNREADABLE, "Is this the right address?", "each of the three doors")


@pytest.mark.parametrize("door", ["reporter", "handler"])
def test_another_door_than_the_logs_finds_nothing(
    shared: tuple[Box, Served], people: People, tmp_path: Path, door: str
) -> None:
    address = shared[1].doors[door]
    key = ["--key", people.file("Ana Silva"), "--passphrase-file", people.passphrase]
    mechanism = Mechanism.open(shared[0].directory)
    (tmp_path / "promise.txt").write_bytes(promise(mechanism, "11" * 32))
    mechanism.close()
    with nothing_changes(shared):
        for words in (
            ["log", "mirror", address, tmp_path / "mirror", *key],
            ["audit", address, "--forget", *key],
            ["log", "verify-promise", tmp_path / "promise.txt", "--at", address, "--first-use"],
        ):
            assert_told(run(*words), UNREADABLE, "Is this the right address?", "each of the three doors")
    assert not (tmp_path / "mirror").exists()


# Ciphertext that was damaged where it is stored


def test_a_damaged_report_is_told_as_one_and_the_rest_is_shown(
    served_alone: tuple[Box, Served], tmp_path: Path
) -> None:
    box, served = served_alone
    with Visitor(served.doors["reporter"]) as visitor:
        receipt = visitor.report("Will be damaged.", [("large.bin", os.urandom(300_000))])
        case = box.cases_of([receipt])[receipt]
        visitor.come_back(receipt)
        visitor.press("send", text="Will stay.")
    event = next(each for each in box.opened("Keiko Sato")[case] if each.document)
    box.damage(next(p.digest for p in event.event.payloads() if p.use == "report"))
    people = People(tmp_path)
    people.passphrase.write_text(f"{PASSPHRASE}\n")
    keiko = box.people["Keiko Sato"]
    people.file("Keiko Sato").write_bytes(write_keyfile(keiko, "Keiko Sato", PASSPHRASE, WORK_FACTOR))
    done = run("cases", "open", case, *at_desk(served_alone, people))
    assert "Traceback" not in done.stderr
    assert "damaged" in (done.stdout + done.stderr).lower() or "other bytes" in done.stdout + done.stderr
    audited = run("audit", box.directory)
    assert audited.returncode == FINDINGS
    # The reporter's dialogue is as it was.
    with Visitor(served.doors["reporter"]) as visitor:
        assert "Will stay." in visitor.come_back(receipt).body


@pytest.fixture
def served_alone(box: Box, serving) -> tuple[Box, Served]:
    return box, serving(box)


# A directory of a newer version


def newer_settings(directory: Path) -> None:
    path = directory / "mechanism.toml"
    path.write_text(path.read_text().replace("format = 1", "format = 2"))


def newer_database(directory: Path) -> None:
    with closing(sqlite3.connect(directory / "log.db")) as connection:
        connection.execute("PRAGMA user_version = 1000")


@pytest.mark.parametrize(
    ("newer", "command"),
    [
        (newer_settings, ["serve"]),
        (newer_settings, ["replay"]),
        (newer_database, ["serve"]),
        (newer_database, ["replay"]),
        (newer_database, ["audit"]),
        (newer_database, ["log", "export"]),
    ],
)
def test_a_directory_of_a_newer_version_is_left_as_it_is(tmp_path: Path, newer, command: list[str]) -> None:
    directory = found_box(tmp_path / "box", SMALL).directory
    newer(directory)
    before = bytes_of(directory)
    out = [tmp_path / "out"] if command[-1] == "export" else []
    done = run(*command, directory, *out)
    assert_told(done, UNREADABLE, "newer")
    assert bytes_of(directory) == before
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["serve", "audit", "replay"])
def test_a_directory_that_holds_no_mechanism(tmp_path: Path, command: str) -> None:
    assert_told(run(command, tmp_path), UNREADABLE)
    assert list(tmp_path.iterdir()) == []


def bytes_of(directory: Path) -> dict[str, bytes]:
    """Every file that means something: what SQLite and locks keep beside the database does not."""
    return {
        path.name: path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and not path.name.endswith((".lock", "-wal", "-shm"))
    }


def new_case(shared: tuple[Box, Served]) -> str:
    box, served = shared
    with Visitor(served.doors["reporter"]) as visitor:
        receipt = visitor.report("For the handlers.")
    return box.cases_of([receipt])[receipt]
