"""The rolling backup of the erasure keys: a copy for each of the last days, and none that is older.

Rules upheld here:

- It is for keys that were lost by accident. So it holds those that were destroyed on purpose for a while too:
  never longer than so many days, since every copy holds what there was on its own day and is destroyed whole.
- A copy is a plain tar of `erasure/`, for this account only, in `erasure-backup/`, outside of every backup.
- A copy whose day has not come yet was made under a wrong clock, and goes as well.
"""

import os
import re
import tarfile
from contextlib import suppress
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Final

from meyasubako.service.store.erasure_keys import ErasureKeys, shred
from meyasubako.service.store.locks import sync_directory

FOLDER: Final = "erasure-backup"
_COPY: Final = re.compile(r"(\d{4}-\d\d-\d\d)\.tar(?:\.new)?")


def roll(directory: Path, keys: ErasureKeys, today: date, days: int) -> None:
    """Destroy the copies of days that are over, and make today's; none at all where `days` is 0."""
    folder = directory / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    for path in list(folder.iterdir()):
        found = _COPY.fullmatch(path.name)
        day = None
        with suppress(ValueError):
            day = date.fromisoformat(found[1]) if found else None
        # What is not whole yet was being made when something ended; it is made anew.
        if day is not None and (not today - timedelta(days=days) < day <= today or path.suffix == ".new"):
            shred(path)
    path = folder / f"{today.isoformat()}.tar"
    if days and not path.exists():
        _copy(keys, path)
    sync_directory(folder)


def _copy(keys: ErasureKeys, path: Path) -> None:
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w|") as archive:
            for name, data in keys.files():
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(data), 0o600
                archive.addfile(member, BytesIO(data))
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
