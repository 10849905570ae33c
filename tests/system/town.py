"""A served mechanism, and its people at their command lines."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from click.testing import CliRunner

from meyasubako.crypto.keyfile import KeyPair, digest_fingerprint, write_keyfile
from meyasubako.service.cli.main import main
from tests.system.box import Box
from tests.system.served import Served, run

PASSPHRASE = "correct horse"


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Town:
    """A served mechanism, and the folder in which its people have their key files.

    `doors` are the addresses by which people know the doors, where those are not the local ones; `way` is
    what else they type to get there.
    """

    box: Box
    served: Served
    place: Path
    doors: Mapping[str, str] = field(default_factory=dict)
    way: tuple[str, ...] = ()

    def command(self, *words: object, typed: str = "") -> Ended:
        """One command to its end, in this process: the interpreter's start is not what is tested."""
        runner = CliRunner(env={"XDG_CONFIG_HOME": str(self.place / "config")})
        result = runner.invoke(main, [str(word) for word in words], input=typed)
        return Ended(result.exit_code, result.stdout, result.stderr)

    def process(self, *words: object) -> Ended:
        """One command to its end, as a process of its own."""
        ended = run(*words, temporary=self.place / "tmp")
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def facts(self, *words: object, typed: str = "") -> dict[str, object]:
        """The facts that a command prints, which must succeed."""
        ended = self.command(*words, "--json", typed=typed)
        assert ended.returncode == 0, ended.stderr
        found = json.loads(ended.stdout)
        assert isinstance(found, dict)
        return found

    def at(self, door: str) -> str:
        """The address of a door."""
        return self.doors.get(door) or self.served.doors[door]

    def by(self, name: str, door: str = "handler") -> list[object]:
        """The options with which somebody acts."""
        key = self.place / f"{name.split(maxsplit=1)[0]}.key"
        who = ["--as", key, "--passphrase-file", self.place / "passphrase"]
        return ["--at", self.at(door), *who, *self.way]

    def cases(self, verb: str, *words: object, name: str = "Keiko Sato") -> list[object]:
        """The words of a command under `cases`."""
        return ["cases", verb, *words, *self.by(name), *self.sure()]

    def sure(self) -> list[object]:
        """The options with which the readers are verified, by what stands on the poster."""
        founded = self.box.ledger().mechanism.founded
        return ["--log", self.at("log"), "--fingerprint", digest_fingerprint(bytes.fromhex(founded))]

    def reporter(self, *words: object) -> list[object]:
        """The options of the reporter's own commands."""
        return [*words, "--at", self.at("reporter"), *self.way, *self.sure()]

    def keep(self, name: str, pair: KeyPair) -> Path:
        """Somebody's key file and public line."""
        path = self.place / f"{name.split(maxsplit=1)[0]}.key"
        path.write_bytes(write_keyfile(pair, name, PASSPHRASE, 10))
        path.with_name(f"{path.name}.pub").write_text(f"{pair.person(name).public_line()}\n")
        return path


def texts(facts: dict[str, object], room: str) -> list[str]:
    """The texts of a room of an opened case."""
    parts = facts[room]
    assert isinstance(parts, list)
    return [part.get("text", part.get("trouble")) for part in parts]


@contextmanager
def settled(
    box: Box,
    place: Path,
    *,
    test_clock: Path | None = None,
    doors: Mapping[str, str] | None = None,
    way: tuple[str, ...] = (),
) -> Iterator[Town]:
    """The box served, and everybody's key file in `place`; stopped at the end, which must go well."""
    served = Served(box.directory, place / "served", test_clock)
    served.start()
    try:
        (place / "tmp").mkdir()
        (place / "passphrase").write_text(f"{PASSPHRASE}\n")
        town = Town(box, served, place, doors or {}, way)
        for name, pair in box.people.items():
            town.keep(name, pair)
        yield town
    finally:
        assert served.stop() == 0, served.printed()
