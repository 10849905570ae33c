"""A founded mechanism with real people, and what stands in its directory."""

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from meyasubako.crypto.keyfile import KeyPair
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import reading
from meyasubako.domain.audit import Replay
from meyasubako.domain.envelope import read
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.reading import Opened
from meyasubako.service import profiles
from meyasubako.service.clocks import system_clock
from meyasubako.service.config import Config, Doors, IntakeSettings, Limits
from meyasubako.service.founding import Appointed, Founder, Settings, found
from meyasubako.service.keys import ServerKeys
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.store.sqlite import Store

ORIGIN = "box.example.org"
ANYWHERE = Doors(reporter="127.0.0.1:0", handler="127.0.0.1:0", log="127.0.0.1:0")
HANDLER = ("handler:main", "intake:main")
ROLES = {
    "Ada Berg": ("steward",),
    "Jonas Mori": ("steward",),
    "Keiko Sato": HANDLER,
    "Omar Haddad": HANDLER,
    "Ana Silva": ("auditor",),
}
# Written by the clock when it likes; nobody asked for them.
OWN = ("cover.written", "slot.marked", "witness.dropped")


@dataclass(frozen=True)
class Contents:
    """What a directory holds: the events that somebody asked for, payloads, objects, and what is arriving."""

    events: int
    payloads: frozenset[str]
    objects: frozenset[str]
    arriving: frozenset[str]


@dataclass(frozen=True)
class Box:
    """A mechanism's directory, and the keys of its people by name."""

    directory: Path
    people: dict[str, KeyPair]

    def key_id(self, name: str) -> str:
        """A person's key id."""
        return self.people[name].signing.verify_key.key_id

    def copied(self, directory: Path) -> Self:
        """The same mechanism in a new directory: founding costs more than most tests do."""
        return replace(self, directory=Path(shutil.copytree(self.directory, directory)))

    @contextmanager
    def looked_into(self) -> Iterator[Mechanism]:
        """The mechanism, for reading only, beside whoever serves it."""
        store = Store.open(self.directory, read_only=True)
        config, keys = Config.load(self.directory), ServerKeys.load(self.directory)
        try:
            yield Mechanism(self.directory, config, keys, store, system_clock)
        finally:
            store.close()

    def contents(self) -> Contents:
        """What the directory holds now."""
        with self.looked_into() as mechanism:
            events = sum(1 for _ in mechanism.store.rows(without_kinds=OWN))
            payloads = frozenset(payload.digest for payload in mechanism.store.all_payloads())
        return Contents(
            events,
            payloads,
            frozenset(path.name for path in (self.directory / "objects").iterdir()),
            frozenset(path.name for path in (self.directory / "incoming").iterdir()),
        )

    def ledger(self) -> Ledger:
        """All streams, folded."""
        with self.looked_into() as mechanism:
            return mechanism.ledger()

    def cases_of(self, receipts: Iterable[str]) -> dict[str, str]:
        """The case that each receipt belongs to; KeyError if the log knows none."""
        reporters = self.ledger().reporters
        keys = {each: Receipt.parse(each).signing_key(ORIGIN).verify_key for each in receipts}
        return {receipt: reporters[key.key_id] for receipt, key in keys.items()}

    def opened(self, name: str, room: str = "report") -> dict[str, tuple[Opened, ...]]:
        """Every text of the cases' rooms of this name, by case, as a person opens it with their key file."""
        pair = self.people[name]
        found: dict[str, tuple[Opened, ...]] = {}
        with self.looked_into() as mechanism:
            ledger, store = mechanism.ledger(), mechanism.store

            def fetch(digest: str) -> bytes:
                with store.open_payload(digest) as file:
                    return file.read()

            for case in ledger.cases.values():
                place = ledger.rooms[case.rooms[room]]
                keys = reading.epoch_keys(place, self.key_id(name), pair.identity, fetch)
                streams = [case.stream, place.stream] if room == "report" else [place.stream]
                events = [read(row.data) for stream in streams for row in store.stream(stream)]
                found[case.stream] = tuple(reading.open_texts(events, keys, fetch))
        return found

    def texts(self, name: str, room: str = "report") -> dict[str, tuple[str, ...]]:
        """As `opened`, the texts alone, without line breaks around them."""
        return {
            case: tuple(each.document.text.strip() for each in opened if each.document)
            for case, opened in self.opened(name, room).items()
        }

    def damage(self, digest: str) -> None:
        """Flip one bit of a payload behind the store's back."""
        path = self.directory / "objects" / digest
        if path.exists():
            path.write_bytes(_flipped(path.read_bytes()))
            return
        with closing(sqlite3.connect(self.directory / "log.db")) as connection, connection:
            row, sealed = connection.execute(
                "SELECT small_payloads.id, sealed FROM small_payloads JOIN payloads USING (id)"
                " WHERE digest = ?",
                (bytes.fromhex(digest),),
            ).fetchone()
            connection.execute("UPDATE small_payloads SET sealed = ? WHERE id = ?", (_flipped(sealed), row))

    def findings(self) -> list[str]:
        """What a blind replay of the log finds wrong."""
        replay = Replay()
        with self.looked_into() as mechanism:
            found = list(replay.feed(row.data for row in mechanism.store.rows()))
        found += replay.finish()
        return [f"{finding.index}: {finding.sentence}" for finding in found]


def _flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def found_box(
    directory: Path,
    limits: Limits,
    *,
    languages: tuple[str, ...] = ("en", "ja"),
    doors: Doors = ANYWHERE,
    adopted: tuple[str, ...] = (),
) -> Box:
    """Two stewards, two people of the intake, an auditor; the intake answers in `languages`.

    `adopted` are profiles that come with the software.
    """
    people = {name: KeyPair.generate(name) for name in ROLES}
    founders = [Founder(people[name].person(), roles) for name, roles in ROLES.items()]
    config = Config(origin=ORIGIN, doors=doors, limits=limits, intake=IntakeSettings(show="at_once"))
    settings = Settings(
        name="Test box",
        channel_name="Main channel",
        languages=languages,
        waiting_hours=0,
        test=True,
        appointed=Appointed(
            profiles=tuple((profiles.load(each), profiles.text_of(each)) for each in adopted)
        ),
    )
    found(directory, config, settings, founders, people["Ada Berg"])
    return Box(directory, people)
