"""Where `seal` and `open` read from and write to.

- Files are read and written without buffers in between; a pipe is made as wide as the system lets us.
- A file appears under its name only when it is whole: what is written goes beside it first. What is not a
  regular file (a pipe, a device) is written straight.
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

DASH: Final = "-"
_PIPE_SIZE: Final = 1 << 20
_MAX_SHOWN: Final = 1 << 20


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
def writing(path: str, source: io.FileIO) -> Iterator[io.FileIO]:
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
            yield file
        beside.replace(target)
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


def _widened(file: io.FileIO) -> io.FileIO:
    if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
        # Fewer turns between us and whoever is at the other end. The system may refuse; nothing depends on
        # it.
        with suppress(OSError, AttributeError):
            fcntl.fcntl(file.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
    return file
