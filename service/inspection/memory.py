"""What an auditor remembers of each log: the newest checkpoint that verified, and where the audit ended.

- Trust on first use: the first good audit is remembered, and from then on a log must extend what was seen.
- It lies in the auditor's own configuration directory, 0600, never beside what is audited; nothing in it is
  secret. Files are replaced whole.
- Logs are told apart by their origin. A log of the same origin that began otherwise does not extend what was
  seen, so it is found.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CHECKPOINT: Final = "checkpoint"
_STATE: Final = "state"


@dataclass(frozen=True, slots=True)
class Remembered:
    """A checkpoint's note and the state of a resumable audit; empty where there is none."""

    checkpoint: bytes = b""
    state: bytes = b""


@dataclass(frozen=True, slots=True)
class Memory:
    """The auditor's memory in a directory, which is made when something is kept."""

    directory: Path

    def recall(self, origin: str) -> Remembered:
        """What is remembered of a log."""
        place = self._place(origin)
        return Remembered(_read(place / _CHECKPOINT), _read(place / _STATE))

    def keep(self, origin: str, checkpoint: bytes, state: bytes) -> None:
        """Remember a checkpoint that verified, and, unless empty, where the audit ended."""
        place = self._place(origin)
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(place / _CHECKPOINT, checkpoint)
        if state:
            _write(place / _STATE, state)

    def _place(self, origin: str) -> Path:
        return self.directory / hashlib.sha256(origin.encode()).hexdigest()[:32]


def configuration() -> Path:
    """Where this user's settings lie (XDG Base Directory), in a folder of ours for audits."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    home = Path(base) if base.startswith("/") else Path.home() / ".config"
    return home / "meyasubako" / "audits"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _write(path: Path, data: bytes) -> None:
    fresh = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
