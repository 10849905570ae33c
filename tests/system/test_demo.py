"""The demonstration as a newcomer runs it, and what it leaves behind."""

import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pytest
import requests

from meyasubako.crypto.keyfile import read_keyfile
from meyasubako.service import demo_cast as cast
from meyasubako.service.inspection import audit, rebuild_views
from tests.system.box import Box
from tests.system.served import COMMAND, environment, run

# Key files are made quickly here; at 2^18, as people get them, one costs most of a second.
QUICK = ("--work-factor", "10")


@dataclass(frozen=True)
class Shown:
    """One run of the demonstration: its steps, its mechanism's directory, and where everything lay."""

    steps: list[dict[str, object]]
    printed: str
    place: Path

    @property
    def directory(self) -> Path:
        return self.place / "box"

    @property
    def people(self) -> Path:
        return self.place / "box-people"

    def files(self) -> Iterator[Path]:
        """Every file that is there after it ended, the temporary directory's too."""
        for path in self.place.rglob("*"):
            if path.is_file():
                yield path


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    place = tmp_path_factory.mktemp("demo")
    (place / "tmp").mkdir()
    ended = run("demo", "--once", "--dir", place / "box", "--json", *QUICK, temporary=place / "tmp")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return Shown([json.loads(line) for line in ended.stdout.splitlines()], ended.stdout, place)


def test_the_demonstration_shows_every_step_of_a_case(shown: Shown) -> None:
    told = [step for step in shown.steps if "step" in step]
    assert [step["step"] for step in told] == list(range(1, 13))
    assert {step["role"] for step in told} == {"steward", "reporter", "handler", "auditor"}
    assert all(step["did"] and step["server_saw"] for step in told)
    assert shown.steps[-1]["done"] is True
    assert told[-1]["findings"] == 0


def test_what_it_leaves_audits_clean_and_replays_equal(shown: Shown) -> None:
    told = next(str(step["fingerprint"]) for step in shown.steps if "fingerprint" in step)
    result = audit(shown.directory, fingerprint=told)
    assert result.findings == ()
    assert result.summary["cases"] == 1
    assert result.size == result.entries
    assert rebuild_views(shown.directory).equal


def test_its_key_files_open_the_case_and_those_of_others_do_not(shown: Shown) -> None:
    pairs = {
        part.name: read_keyfile((shown.people / part.file).read_bytes(), cast.PASSPHRASE)
        for part in cast.CAST
    }
    box = Box(shown.directory, pairs)
    for reader in (cast.KEIKO.name, cast.OMAR.name):
        assert list(box.texts(reader).values()) == [(cast.REPORT,)]
        assert list(box.texts(reader, "dialogue").values()) == [
            (cast.THANKS, cast.QUESTION, cast.REPLY, cast.OUTCOME)
        ]
    for other in (cast.DAN.name, cast.EVA.name, cast.ANA.name):
        assert list(box.texts(other).values()) == [()]


def test_nothing_that_stays_holds_a_word_a_picture_or_a_bare_secret_key(shown: Shown) -> None:
    words = [
        cast.REPORT,
        cast.THANKS,
        cast.QUESTION,
        cast.REPLY,
        cast.NOTE_BY_KEIKO,
        cast.NOTE_BY_OMAR,
        cast.OUTCOME,
    ]
    lines = [line.encode() for text in words for line in text.splitlines()]
    picture = cast.picture()
    # A window of every 4 KiB of the picture: a file that holds any 8 KiB of it in a piece is found.
    windows = {picture[start : start + 32] for start in range(64, len(picture) - 32, 4096)}
    secrets = [b"AGE-SECRET-KEY-PQ-1", b"MEYASUBAKO-SIGN-1"]
    for part in cast.CAST:
        pair = read_keyfile((shown.people / part.file).read_bytes(), cast.PASSPHRASE)
        secrets += [pair.identity.reveal_seed(), pair.signing.reveal_seed()]
    found = [
        (path.relative_to(shown.place), needle[:12])
        for path in shown.files()
        for data in [path.read_bytes()]
        for needle in (*lines, *secrets, *(windows if len(data) > 4096 else ()))
        if needle in data
    ]
    assert found == []
    assert not any(line.decode() in shown.printed for line in lines)


def test_the_canary_would_sing(shown: Shown) -> None:
    """The search of the test before this one finds what is searched for, where it is."""
    picture = cast.picture()
    hidden = bytes(1000) + picture[100_000:108_192] + bytes(1000)
    windows = {picture[start : start + 32] for start in range(64, len(picture) - 32, 4096)}
    assert any(window in hidden for window in windows)
    assert any(path.name == "log.db" for path in shown.files())


def test_the_servers_own_keys_stand_in_their_folder_only_and_only_their_owner_reads_them(
    shown: Shown,
) -> None:
    keys = shown.directory / "keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()} == {0o600}
    seeds = [path.read_bytes().strip() for path in keys.iterdir()]
    elsewhere = [path for path in shown.files() if path.parent != keys]
    assert not any(seed in path.read_bytes() for path in elsewhere for seed in seeds)
    assert stat.S_IMODE(shown.directory.stat().st_mode) == 0o700


def test_the_temporary_folders_are_gone(shown: Shown) -> None:
    assert list((shown.place / "tmp").iterdir()) == []


def test_a_folder_that_is_in_use_is_left_alone(shown: Shown) -> None:
    before = sorted(shown.files())
    ended = run("demo", "--once", "--dir", shown.directory, *QUICK)
    assert ended.returncode == 2
    assert "is not empty" in ended.stderr
    assert sorted(shown.files()) == before


@contextmanager
def staying(place: Path, *words: str) -> "Iterator[subprocess.Popen[str]]":
    """The demonstration as it stays up, in a process group of its own, which is gone afterwards."""
    with subprocess.Popen(
        [COMMAND, "demo", *words, *QUICK],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(place),
        start_new_session=True,
    ) as process:
        yield process
        assert process.wait(60) == 0
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
    assert list(place.iterdir()) == []


def test_it_stays_up_for_a_browser_until_ctrl_c_and_leaves_no_process(tmp_path: Path) -> None:
    with staying(tmp_path, "--json") as process:
        assert process.stdout is not None
        lines = (json.loads(line) for line in process.stdout)
        doors = next(line["doors"] for line in lines if "doors" in line)
        for address in (doors["reporter"], doors["log"]):
            answer = requests.get(address, timeout=30)
            assert answer.status_code == 200
            assert "<h1" in answer.text
        process.send_signal(signal.SIGINT)


def test_people_are_shown_columns_and_what_to_do_next_and_no_control_codes_without_a_terminal(
    tmp_path: Path,
) -> None:
    with staying(tmp_path) as process:
        assert process.stdout is not None
        lines = list(takewhile(lambda line: "Ctrl-C" not in line, process.stdout))
        process.send_signal(signal.SIGTERM)
    shown = "".join(lines)
    assert shown.count("server saw") == 12
    assert "Nothing was found wrong." in shown
    assert "cases list --at http://127.0.0.1:" in shown
    assert "\x1b" not in shown
    assert all(len(line) <= 101 for line in lines if "http" not in line and "/" not in line)
