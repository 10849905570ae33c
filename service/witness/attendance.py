"""How each witness has answered from slot to slot, as the log's side remembers it: the file `witnesses`.

Rules upheld here (decision 0081):

- A witness was away at a checkpoint if it was asked for it, each time in vain. Whatever it answers, a refusal
  too, shows that it is there: its slots in a row begin anew. A fault of our own says nothing of it.
- An alarm stays until that witness cosigns again, so that no restart and no other slot hides it.
- Only what anybody may know stands here: witnesses' keys and names, sizes of trees, days. The file may be
  lost or damaged; then nobody is blamed for what came before.
"""

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from meyasubako.crypto.policy import Policy
from meyasubako.service.witness.asking import Collected, Missing

FILE_NAME: Final = "witnesses"
# So many slots in a row without an answer are put down in the log.
PATIENCE: Final = 3


class Alarm(msgspec.Struct, frozen=True):
    """A witness, by the policy's name for it, said of the checkpoint of this size that it does not fit."""

    name: str
    sentence: str
    size: int
    day: date


class Record(msgspec.Struct, frozen=True):
    """One witness: the sizes of the last checkpoints in a row for which it gave no answer, at most PATIENCE,
    the size of the last for which it gave one, and the alarm that it raised.
    """

    away: tuple[int, ...] = ()
    answered: int = 0
    alarm: Alarm | None = None


def read(directory: Path) -> dict[str, Record]:
    """What is remembered in a mechanism's directory, by the witnesses' verifier keys."""
    try:
        return msgspec.json.decode((directory / FILE_NAME).read_bytes(), type=dict[str, Record])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}


def keep(directory: Path, records: Mapping[str, Record]) -> None:
    """Remember this instead, in one step."""
    fresh = directory / f"{FILE_NAME}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(dict(records)))
    fresh.replace(directory / FILE_NAME)


def after(
    records: Mapping[str, Record], policy: Policy, collected: Collected, size: int, day: date
) -> dict[str, Record]:
    """The records after one asking for the checkpoint of this size; those of the policy's witnesses alone."""
    missing = {each.name: each for each in collected.missing}
    return {
        witness.key.text: _after(
            records.get(witness.key.text, Record()), missing.get(witness.name), size, day
        )
        for witness in policy.witnesses
    }


def _after(record: Record, missing: Missing | None, size: int, day: date) -> Record:
    if missing is None:
        return Record(answered=size)
    if missing.why in ("unasked", "addressless"):
        return record
    if missing.why == "away":
        if size == record.answered or size in record.away:
            return record
        return msgspec.structs.replace(record, away=(*record.away, size)[-PATIENCE:])
    alarm = record.alarm
    if missing.alarming and alarm is None:
        alarm = Alarm(missing.name, missing.sentence, size, day)
    return Record(answered=size, alarm=alarm)
