"""How a kind of event is written down: where it stands, who writes it, its body, what the reporter hears."""

from dataclasses import dataclass
from typing import Final

from meyasubako.domain.schema import (
    LEAF,
    PERSON,
    Count,
    Day,
    Field,
    ListOf,
    OneOf,
    Owned,
    Record,
)

MECHANISM, COVERS, CASE, ROOM, READS = "mechanism", "covers", "case", "room", "reads"

# Who may write a kind: roles of the roster, and these that a case or the service itself gives.
STAFF: Final = "staff"
REPORTER: Final = "reporter"
REQUESTER: Final = "whoever asked"
HOLDER: Final = "holder of a share"
ANYBODY: Final = "anybody on the roster"
THE_SERVICE: Final = "the service"

SEALED_BY = OneOf(("reporter_tool", "page_script", "server"))
WRAP = Owned({"reader": PERSON})
EPOCH = Count(1)
FILES = ListOf(Owned())
NEXT = Day()


@dataclass(frozen=True, slots=True)
class Kind:
    """One version of one kind.

    `streams` are the sorts of stream it may stand in, `by` who may write it, `tells` what the reporter is
    told of it, empty where nothing is.
    """

    name: str
    streams: tuple[str, ...]
    body: Record
    by: tuple[str, ...]
    tells: str = ""
    version: int = 1

    @property
    def takes_two(self) -> bool:
        """Whether this act can be, or must be, proposed by one person and done by another."""
        return "proposal" in self.body.fields


def body(*optional: str, **fields: Field) -> Record:
    """A closed body with these fields; those in `optional` may be absent."""
    return Record(fields, frozenset(optional))


def told(**fields: Field) -> Record:
    """A body that names the message by which the reporter is told, or tells."""
    return Record({"message": LEAF, **fields})
