"""What an auditor remembers of each log: the newest checkpoint that verified.

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


@dataclass(frozen=True, slots=True)
class Memory:
    """The auditor's memory in a directory, which is made when something is kept."""

    directory: Path

    def recall(self, origin: str) -> bytes | None:
        """What is remembered of a log, be it a checkpoint still or not; None if nothing was ever kept."""
        return read_own(self.place(origin))

    def keep(self, origin: str, checkpoint: bytes) -> None:
        """Remember a checkpoint that verified."""
        place = self.place(origin)
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_own(place, checkpoint)

    def place(self, origin: str) -> Path:
        """The file in which the checkpoint of a log is kept."""
        return self.directory / hashlib.sha256(origin.encode()).hexdigest()[:32] / _CHECKPOINT


def configuration() -> Path:
    """Where this user's settings lie (XDG Base Directory), in a folder of ours for audits."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    home = Path(base) if base.startswith("/") else Path.home() / ".config"
    return home / "meyasubako" / "audits"


def read_own(path: Path) -> bytes | None:
    """A file of the auditor's own, None if it is not there."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_own(path: Path, data: bytes) -> None:
    """Write a file of the auditor's own, 0600, whole."""
    fresh = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
