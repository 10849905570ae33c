"""Export: the published part of a log as a plain directory, for auditors and for stock tools.

Rules upheld here (C2SP tlog-tiles):

- `checkpoint`, `log.vkey`, `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]`, and `payloads.txt`: digest,
  sealed size and place of each payload that a published entry names. Nothing past the published size.
- The checkpoint is written last, so that a directory that has one is complete.
- Nothing is overwritten: an export goes into a new or empty directory.
"""

from dataclasses import dataclass
from pathlib import Path

from meyasubako.crypto.tiles import tile_path, tiles_for
from meyasubako.domain import envelope
from meyasubako.domain.errors import BadEventError
from meyasubako.domain.people import Mechanism
from meyasubako.domain.people import fold as fold_mechanism
from meyasubako.service.inspection.errors import ExportError, UnreadableSourceError
from meyasubako.service.inspection.source import CHECKPOINT, PAYLOADS, VKEY, Progress
from meyasubako.service.store.errors import StoreError
from meyasubako.service.store.sqlite import Store


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the checkpoint's size, the number of files, of payloads named, and of bytes."""

    size: int
    files: int
    payloads: int
    bytes: int


class _Writer:
    def __init__(self, out: Path) -> None:
        self._out = out
        self.files = self.bytes = 0

    def write(self, name: str, data: bytes) -> None:
        path = self._out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.files += 1
        self.bytes += len(data)


def export(directory: Path, out: Path, *, progress: Progress | None = None) -> Exported:
    """Write the published log of a mechanism's directory into a new or empty directory.

    Raises UnreadableSourceError if there is no mechanism, ExportError if nothing was published yet or the
    directory cannot be written.
    """
    try:
        store = Store.open(directory, read_only=True)
    except StoreError as error:
        raise UnreadableSourceError(f"{directory} does not hold a mechanism's log: {error}") from error
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ExportError(f"{out} is not an empty directory: an export overwrites nothing")
        out.mkdir(parents=True, exist_ok=True)
        return _export(store, _Writer(out), progress)
    except (StoreError, BadEventError) as error:
        raise ExportError(f"the log cannot be read to its end, audit it: {error}") from error
    except OSError as error:
        raise ExportError(f"{out} cannot be written: {error.strerror}") from error
    finally:
        store.close()


def _export(store: Store, writer: _Writer, progress: Progress | None) -> Exported:
    published = store.published()
    if published is None:
        raise ExportError("nothing was published yet: there is nothing to export")
    tiles = list(tiles_for(0, published.size))
    for number, (level, n, width) in enumerate(tiles):
        if progress:
            progress("writing tiles", number, len(tiles))
        writer.write(tile_path(level, n, width), _there(store.tile(level, n, width)))
        if level == 0:
            writer.write(tile_path("entries", n, width), _there(store.tile("entries", n, width)))
    lines = sorted(
        f"{payload.digest} {payload.size} {payload.place}\n"
        for payload in store.all_payloads()
        if payload.leaf_index < published.size
    )
    writer.write(PAYLOADS, "".join(lines).encode())
    writer.write(VKEY, f"{_log_key(store, published.size)}\n".encode())
    writer.write(CHECKPOINT, published.note)
    if progress:
        progress("writing tiles", len(tiles), len(tiles))
    return Exported(published.size, writer.files, len(lines), writer.bytes)


def _there(tile: bytes | None) -> bytes:
    if tile is None:
        raise ExportError("a tile of the published tree is missing: audit the mechanism's directory")
    return tile


def _log_key(store: Store, size: int) -> str:
    """The log's first key at the published size, as the log itself names it; the others stand there too."""
    rows = store.stream(store.row(0).stream)
    mechanism = Mechanism()
    for row in rows:
        if row.index < size:
            mechanism = fold_mechanism(mechanism, envelope.read(row.data), row.index)
    return next(iter(mechanism.log_keys))
