"""What somebody wants of an audit, and the directory that it reads: their own, or a mirror of an address."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from meyasubako.service.cli.asking import unlock
from meyasubako.service.client.http import Http
from meyasubako.service.clocks import system_clock
from meyasubako.service.inspection import Demands, Memory, configuration
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

    def demands(self) -> Demands:
        """What the audit is asked to hold the log to."""
        return Demands(
            fingerprint=self.fingerprint,
            pins=[path.read_bytes() for path in self.pins],
            memory=None if self.forget else Memory(self.memory or configuration()),
            state=self.state,
            accept_unwitnessed=self.accept_unwitnessed,
        )


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
