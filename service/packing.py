"""Backups as streams: a plain tar, sealed to whoever may restore it; `age -d … | tar x` opens one, too.

Rules upheld here:

- Nothing is written but what is sealed, and what appears under a backup's name is whole and durable.
- Only names that a mechanism's directory has are unpacked, as plain files for this account only; the archive
  is taken for whole only when its seal says so.
- Modification times tell a day.
"""

import os
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from meyasubako.crypto.age import Identity, Recipient, Sealer, Unsealer
from meyasubako.service.errors import BackupError, RestoreError
from meyasubako.service.store.erasure_keys import put_in_place

CHECKPOINT: Final = "checkpoint"
DATA: Final = re.compile(r"mechanism\.toml|checkpoint|log\.db|objects/[0-9a-f]{64}")
KEYS: Final = re.compile(
    r"keys/(?:next/)?[a-z0-9.]{1,32}|erasure/(?:scope-[0-9a-zA-Z-]{1,64}|object-[0-9a-f]{64})"
)
_PIECE: Final = 1 << 20
_DAY: Final = 24 * 60 * 60


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name when it is whole and durable, over one that had it before."""
    fresh = path.with_name(f".{path.name}.part")
    try:
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        put_in_place(fresh, path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise BackupError(f"{path} cannot be written: {error.strerror}") from error
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


@contextmanager
def sealed_archive(path: Path, recipients: Sequence[Recipient]) -> Iterator[tarfile.TarFile]:
    """An archive to add to, sealed as it grows."""
    with written(path) as file:
        sealer = Sealer(file, *recipients)
        with tarfile.open(fileobj=cast("BinaryIO", sealer), mode="w|", bufsize=_PIECE) as archive:
            yield archive
        sealer.finish()


def add(archive: tarfile.TarFile, name: str, file: BinaryIO) -> int:
    """Add a file as it is; gives its size."""
    status = os.fstat(file.fileno())
    member = tarfile.TarInfo(name)
    member.size, member.mode = status.st_size, 0o600
    member.mtime = int(status.st_mtime) // _DAY * _DAY
    archive.addfile(member, file)
    return member.size


def unpack(
    path: Path,
    identities: Sequence[Identity],
    allowed: re.Pattern[str],
    into: Path,
    done: Callable[[], object],
) -> None:
    """Unpack a sealed archive into a new directory; `done` is called for each file.

    Raises `WrongKeyError` and other errors of the seal, `RestoreError` for what is no backup of ours.
    """
    try:
        with path.open("rb") as sealed:
            opened = Unsealer(sealed, *identities)
            with tarfile.open(fileobj=cast("BinaryIO", opened), mode="r|", bufsize=_PIECE) as archive:
                for member in archive:
                    _unpack(archive, member, allowed, into)
                    done()
            while opened.read(_PIECE):
                pass
    except tarfile.TarError as error:
        raise RestoreError(f"{path} holds no backup: {error}") from error
    except OSError as error:
        raise RestoreError(f"{path} cannot be unpacked: {error.strerror}") from error


def _unpack(archive: tarfile.TarFile, member: tarfile.TarInfo, allowed: re.Pattern[str], into: Path) -> None:
    source = archive.extractfile(member) if member.isreg() else None
    if source is None or allowed.fullmatch(member.name) is None:
        raise RestoreError("the backup holds something that no mechanism has, or is of another kind")
    target = into / member.name
    for folder in reversed(target.relative_to(into).parents):
        (into / folder).mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while piece := source.read(_PIECE):
            file.write(piece)
        file.flush()
        os.utime(file.fileno(), (member.mtime, member.mtime))
        os.fsync(file.fileno())
