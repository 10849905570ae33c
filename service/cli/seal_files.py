"""Where `seal` and `open` read from and write to.

- Files are read and written without buffers in between; a pipe is made as wide as the system lets us.
- A file appears under its name only when it is whole and on the disk, because whoever seals a file may
  delete the open one next: what is written goes beside it first. What is not a regular file (a pipe, a
  device) is written straight.
- Nothing binary and nothing that steers a terminal is written to one, unless standard output is asked for by
  `-o -`.
"""

import fcntl
import io
import os
import stat
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import click

from meyasubako.crypto.age import Sink

DASH: Final = "-"
_PIPE_SIZE: Final = 1 << 20
_MAX_SHOWN: Final = 1 << 20
_SEND: Final = 8 << 20


@contextmanager
def reading(path: str) -> Iterator[io.FileIO]:
    """The file to read, or standard input for `-`, unbuffered."""
    if path == DASH:
        if sys.stdin.isatty():
            click.echo("Reading from the terminal. End with Ctrl-D.", err=True)
        yield _widened(io.FileIO(sys.stdin.fileno(), "rb", closefd=False))
        return
    with io.FileIO(path, "rb") as file:
        yield _widened(file)


@contextmanager
def writing(path: str, source: io.FileIO) -> Iterator[Sink]:
    """The file to write, or standard output for `-`, unbuffered; gone again if the block ends badly."""
    if path == DASH:
        yield _widened(io.FileIO(sys.stdout.fileno(), "wb", closefd=False))
        return
    target = Path(os.path.realpath(path))
    before = target.stat() if target.exists() else None
    if before is not None and os.path.samestat(before, os.fstat(source.fileno())):
        raise click.UsageError("the input and the output are the same file")
    if before is not None and not stat.S_ISREG(before.st_mode):
        with io.FileIO(target, "wb") as file:
            yield _widened(file)
        return
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with io.FileIO(descriptor, "wb") as file:
            if before is not None:
                os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
            yield _Early(file)
            os.fsync(descriptor)
        beside.replace(target)
        _sync_folder(target.parent)
    except BaseException:
        beside.unlink()
        raise


def size_of(file: io.FileIO) -> int | None:
    """How much is left to read, where that is known."""
    status = os.fstat(file.fileno())
    return max(0, status.st_size - file.tell()) if stat.S_ISREG(status.st_mode) else None


def to_terminal(out: str | None) -> bool:
    """Whether what is written would be shown, without having been asked for."""
    return out is None and sys.stdout.isatty()


class _Early:
    """A sink that sends what is written to the disk while more is made, so that little is left at the end."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self._written = self._sent = 0

    def write(self, data: memoryview, /) -> int:
        """Write the bytes; every few MiB, have the system begin to put them on the disk."""
        count = self._file.write(data)
        self._written += count
        if self._written - self._sent >= _SEND:
            # What the advice says is not needed any more is written to the disk first, without our waiting
            # for it.
            with suppress(OSError):
                length = self._written - self._sent
                os.posix_fadvise(self._file.fileno(), self._sent, length, os.POSIX_FADV_DONTNEED)
            self._sent = self._written
        return count


class Shown:
    """A sink for a terminal: keeps what is written until the end, then shows it if it is plain text."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: memoryview, /) -> int:
        """Keep the bytes; `click.UsageError` beyond what anybody reads on a terminal."""
        self._data += data
        if len(self._data) > _MAX_SHOWN:
            raise click.UsageError("this is too long for a terminal: use -o FILE, or -o -")
        return len(data)

    def show(self) -> None:
        """Write it to the terminal, if no byte of it steers the terminal."""
        try:
            text = self._data.decode("utf-8")
        except UnicodeDecodeError:
            text = "\0"
        if any(unicodedata.category(char) in ("Cc", "Cf") and char not in "\n\t\r" for char in text):
            raise click.UsageError("this is not plain text: use -o FILE, or -o -")
        sys.stdout.write(text)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _widened(file: io.FileIO) -> io.FileIO:
    if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
        # Fewer turns between us and whoever is at the other end. The system may refuse; nothing depends on
        # it.
        with suppress(OSError, AttributeError):
            fcntl.fcntl(file.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
    return file
