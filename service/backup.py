"""Backing up a mechanism while it is served: its data in one sealed file, its secrets in another.

Rules upheld here:

- The data are one moment's: the database as one read transaction sees it, the checkpoint that it holds, and
  the objects that it names, all under their layer, as they lie on the disk. No erasure key is among them, so
  they may be kept for as long as anybody likes: what is erased later cannot be opened in them.
- The secrets are the erasure keys and the keys in `keys/`. They are written after the data, so that every key
  that the data need is there, over the file of the time before, which is overwritten: one copy, never many.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tarfile import TarFile, TarInfo
from typing import BinaryIO, Final

from meyasubako.crypto.age import Recipient
from meyasubako.service.config import FILE_NAME, Config
from meyasubako.service.errors import BackupError
from meyasubako.service.inspection import Progress
from meyasubako.service.keys import FOLDER as SERVER_KEYS
from meyasubako.service.packing import CHECKPOINT, add, sealed_archive
from meyasubako.service.store.erasure_keys import FOLDER as ERASURE_KEYS
from meyasubako.service.store.erasure_keys import ErasureKeys
from meyasubako.service.store.snapshot import DATABASE, snapshot

_EVERY: Final = 64


@dataclass(frozen=True, slots=True)
class DataBackup:
    """How many entries, of which so many are published, and how many objects a backup holds."""

    entries: int
    published: int
    objects: int


def back_up(
    directory: Path, out: Path, recipients: Sequence[Recipient], *, progress: Progress | None = None
) -> DataBackup:
    """Write the data to a new file; the server may be running.

    Raises `BackupError` where the file is there already or cannot be written, `ConfigError`, the store's
    errors.
    """
    Config.load(directory)
    if out.exists():
        raise BackupError(f"{out} exists already: a backup is never written over")
    count = 0
    with snapshot(directory) as copy, sealed_archive(out, recipients) as archive:
        with (directory / FILE_NAME).open("rb") as file:
            add(archive, FILE_NAME, file)
        _add_bytes(archive, CHECKPOINT, copy.published.note)
        with copy.path.open("rb") as file:
            add(archive, DATABASE, file)
        for number, digest in enumerate(copy.objects):
            if progress and number % _EVERY == 0:
                progress("backing up objects", number, len(copy.objects))
            found = _object(directory, digest)
            if found is not None:
                with found as file:
                    add(archive, f"objects/{digest}", file)
                count += 1
    return DataBackup(copy.entries, copy.published.size, count)


def back_up_keys(directory: Path, out: Path, recipients: Sequence[Recipient]) -> int:
    """Write the secrets, over those of the time before; gives how many erasure keys there are.

    Raises `BackupError` where the file cannot be written, `ConfigError`.
    """
    Config.load(directory)
    count = 0
    with sealed_archive(out, recipients) as archive:
        for path in sorted((directory / SERVER_KEYS).rglob("*")):
            if path.is_file():
                _add_bytes(archive, str(path.relative_to(directory)), path.read_bytes())
        for name, data in ErasureKeys(directory).files():
            _add_bytes(archive, f"{ERASURE_KEYS}/{name}", data)
            count += 1
    return count


def _object(directory: Path, digest: str) -> BinaryIO | None:
    """An object; None where it was erased since the database was copied."""
    try:
        return (directory / "objects" / digest).open("rb")
    except FileNotFoundError:
        return None


def _add_bytes(archive: TarFile, name: str, data: bytes) -> None:
    member = TarInfo(name)
    member.size, member.mode = len(data), 0o600
    archive.addfile(member, BytesIO(data))
