"""What somebody wants of an audit, and the directory that it reads: their own, or a mirror of an address."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from meyasubako.crypto.errors import BadNoteError
from meyasubako.service.cli.asking import unlock
from meyasubako.service.cli.failures import InputError
from meyasubako.service.client.http import Http
from meyasubako.service.clocks import system_clock
from meyasubako.service.inspection import Demands, Memory, configuration, earlier
from meyasubako.service.inspection.mirror import mirror
from meyasubako.service.inspection.source import Progress


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of `meyasubako audit`."""

    keyfile: Path | None
    passphrase_file: Path | None
    proxy: str | None
    fingerprint: str | None
    pins: tuple[Path, ...]
    state: Path | None
    copy: Path | None
    memory: Path | None
    forget: bool
    accept_unwitnessed: bool
    deadlines: bool
    html: Path | None
    pack: Path | None

    def refuse_what_cannot_be_written(self) -> None:
        """Say before the work that there is no place for what it gives."""
        for path in (self.html, self.state):
            if path is not None and (not path.name or not path.parent.is_dir()):
                raise click.BadParameter(f"there is no folder {path.parent} in which to write {path}")

    def demands(self) -> Demands:
        """What the audit is asked to hold the log to."""
        return Demands(
            fingerprint=self.fingerprint,
            pins=[_checkpoint(path) for path in self.pins],
            memory=None if self.forget else Memory(self.memory or configuration()),
            state=self.state,
            accept_unwitnessed=self.accept_unwitnessed,
        )


def _checkpoint(path: Path) -> bytes:
    note = path.read_bytes()
    try:
        earlier.of(note, verified=False)
    except BadNoteError as error:
        raise InputError(f"{path} is no checkpoint: {error}") from error
    return note


@contextmanager
def opened(source: str, wishes: Wishes, progress: Progress) -> Iterator[Path]:
    """The directory to audit; for an address a mirror of it, which is gone afterwards unless it is wished."""
    if not source.startswith(("http://", "https://")):
        if not Path(source).is_dir():
            raise click.BadParameter(f"there is no directory {source}")
        if wishes.copy is not None:
            raise click.UsageError("--mirror is for an address: a directory is audited where it lies")
        yield Path(source)
        return
    if wishes.keyfile is None:
        raise click.UsageError("an address is audited with an auditor's key: --key KEYFILE")
    key = unlock(wishes.keyfile, wishes.passphrase_file).signing
    with TemporaryDirectory() as folder, Http(source, proxy=wishes.proxy, key=key) as http:
        copy = wishes.copy or Path(folder)
        mirror(http, copy, system_clock().date(), fingerprint=wishes.fingerprint, progress=progress)
        yield copy
