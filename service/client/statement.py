"""A signed statement of what a mechanism holds of a reporter, and what proves it, for a court.

- An identity can be told in one place only: the room that the event names by which the case began. That event
  never changes, so its place in the published log proves that none was told, then or later.
- No kind of event has a field for a network address, so no log of this mechanism can hold one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from meyasubako.crypto.signing import sign_statement
from meyasubako.domain.envelope import Event
from meyasubako.service.client.identity_desk import IdentityDesk
from meyasubako.service.client.joint import JointFile

CONTEXT: Final = "meyasubako/statement/v1"


@dataclass(frozen=True, slots=True)
class Stated:
    """The statement's files by name, whether an identity was told, and whether the proof is final."""

    files: Mapping[str, bytes]
    identity: bool
    final: bool


def lines(file: JointFile, submitted: Event, day: str) -> list[str]:
    """What is stated, line by line."""
    told = "identity" in submitted.body
    held = sorted(
        {payload.use for events in file.events.values() for event in events for payload in event.payloads()}
    )
    return [
        f"mechanism {submitted.log}",
        f"case {submitted.stream}",
        f"day {day}",
        f"leaf {submitted.leaf}",
        "identity told, sealed, its key in shares of custodians" if told else "identity none was told",
        "network addresses none are kept",
        f"sealed payloads of these uses: {', '.join(held)}",
    ]


def state(desk: IdentityDesk, file: JointFile) -> Stated:
    """Make the statement about a case, signed by whoever sits at the desk."""
    submitted = file.events[file.case.stream][0]
    day, key, proof = desk.statement_parts(submitted)
    said = lines(file, submitted, day)
    signature = sign_statement(CONTEXT, said, key)
    text = "\n".join([CONTEXT, *said, "", f"signed {desk.me} {signature}"]) + "\n"
    files = {
        "statement.txt": text.encode(),
        "report-submitted.json": submitted.data,
        f"report-submitted{'.tlog-proof' if proof.final else '.promise'}": proof.data.encode(),
    }
    return Stated(files, "identity" in submitted.body, proof.final)
