"""What can be done to a mechanism's database, vault and export, each under a name.

Every attack is a function that does it and gives what an audit without any key has to say: the rule that was
not kept, the entry where it stands, and words that the sentence holds. Whoever attacks has the disk and, in
some, the server's own keys; nobody has a person's key but their own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from meyasubako.crypto.checkpoint import open_checkpoint
from meyasubako.service.inspection import export
from meyasubako.service.keys import ServerKeys
from tests.system import tampering
from tests.system.lived import ORIGIN, Lived


@dataclass(frozen=True)
class Told:
    """What the audit has to say; `anywhere` where the first thing that it says follows from what was done."""

    rule: str
    index: int | None = None
    words: str = ""
    anywhere: bool = False


@dataclass(frozen=True)
class Scene:
    """A lived mechanism, last week's backup of it, another mechanism's, and room for an export."""

    lived: Lived
    backup: Lived
    other: Lived
    place: Path

    @property
    def directory(self) -> Path:
        return self.lived.directory

    @property
    def exported(self) -> Path:
        out = self.place / "export"
        if not out.exists():
            export(self.directory, out)
        return out

    def sql(self, query, *values):
        with tampering.guards_off(self.lived) as connection:
            return connection.execute(query, values).fetchall()

    def events(self):
        return tampering.events(self.lived)

    def find(self, kind, number=0):
        return [place for place, event in enumerate(self.events()) if event.kind == kind][number]

    def keys(self):
        return ServerKeys.load(self.directory)

    def payload(self, kind="message.posted", field="message", number=0):
        """Index of an event, and digest and row of the payload that it names."""
        place = self.find(kind, number)
        digest = self.events()[place].body[field]["sha256"]
        row = self.sql("SELECT id FROM payloads WHERE digest = ?", bytes.fromhex(digest))[0][0]
        return place, digest, row

    def photo(self):
        return self.directory / "objects" / self.lived.photo

    def published(self):
        note = (self.directory / "checkpoint").read_bytes()
        return open_checkpoint(note, ORIGIN, self.keys().log_verifiers).checkpoint


Attack = Callable[[Scene], Told]
DATABASE: list[Attack] = []
VAULT: list[Attack] = []
CHECKPOINTS: list[Attack] = []
EXPORT: list[Attack] = []
# Found by whoever remembers what was shown before, and by nobody else.
REMEMBERED: list[Attack] = []
WITH_SERVER_KEYS: list[Attack] = []


def attack(table: list[Attack]) -> Callable[[Attack], Attack]:
    def register(function: Attack) -> Attack:
        table.append(function)
        return function

    return register


def erased(scene):
    """A wrap of the reporter who closed their mailbox to reading: its row, its digest, its place."""
    row, digest, place = scene.sql("SELECT id, digest, leaf_index FROM payloads WHERE place = 'gone'")[0]
    return row, digest.hex(), place
