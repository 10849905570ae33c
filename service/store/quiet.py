"""Reading files without a trace: their access times stay what they were.

A payload and its key lie in files of their own, so an access time would tell when somebody last read just
that: a reporter who came back, a handler who looked again. Linux leaves the time alone for the owner of a
file who asks for it; elsewhere, mount the disk with `noatime`.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

_QUIETLY: Final = getattr(os, "O_NOATIME", 0)
_OPEN: Final = Path("/proc/self/fd")


def open_quietly(path: Path) -> BinaryIO:
    """The file, open for reading; `OSError` as for any open."""
    flags = os.O_RDONLY | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | _QUIETLY)
    except PermissionError:
        # Somebody else's file, such as a copy that root made.
        descriptor = os.open(path, flags)
    return os.fdopen(descriptor, "rb")


def read_quietly(path: Path) -> bytes:
    """All of a file; `OSError` as for any open."""
    with open_quietly(path) as file:
        return file.read()


def hush(path: Path) -> None:
    """Let this process's open files of a path be read without a trace: a database opens its own."""
    if not _QUIETLY:
        return
    wanted = str(path.resolve())
    # One that was closed meanwhile, or is not ours, is left alone; so are all where there is no /proc.
    with suppress(OSError):
        for entry in list(_OPEN.iterdir()):
            with suppress(OSError):
                if str(entry.readlink()) == wanted:
                    descriptor = int(entry.name)
                    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | _QUIETLY)
