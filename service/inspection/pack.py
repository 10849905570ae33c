"""The evidence pack: what an auditor files or hands on, which anybody can verify with stock tools.

- The published log, the report, inclusion proofs of the first and the last entry and of what was found,
  checkpoints that were seen before and proofs that the log extends them, and a page and a short program that
  say how to verify. A checkpoint that the log signed once and does not extend is the proof of a fork.
- Nothing is overwritten, and nothing in it is secret: it holds no payload.
"""

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Final

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.errors import BadNoteError, BadTileError
from meyasubako.crypto.merkle import consistency_path, inclusion_path
from meyasubako.crypto.note import Note
from meyasubako.crypto.proof import LogProof
from meyasubako.crypto.tiles import TILE, TileReader, tile_path
from meyasubako.crypto.witness import AddCheckpoint
from meyasubako.service.inspection.audit import AuditResult
from meyasubako.service.inspection.errors import ExportError
from meyasubako.service.inspection.export import export
from meyasubako.service.inspection.report import render
from meyasubako.service.inspection.source import CHECKPOINT, DATABASE

_PROOFS: Final = 32


def pack(result: AuditResult, source: Path, out: Path, facts: Mapping[str, object], today: date) -> None:
    """Write the evidence pack of an audit of a directory, made today, into a new or empty directory.

    `facts` become report.json. ExportError if the directory is not empty. A log that is too damaged to be
    exported is left out, and the pack says so.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExportError(f"{out} is not an empty directory: a pack overwrites nothing")
    (out / "proofs").mkdir(parents=True)
    (out / "report.html").write_text(render(result, today), encoding="utf-8")
    (out / "report.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    for number, each in enumerate(result.seen):
        if each.note:
            (out / "proofs" / f"seen-{number}-of-{each.size}.checkpoint").write_bytes(each.note)
    log = out / "log"
    try:
        _copy(source, log)
    except ExportError as error:
        shutil.rmtree(log, ignore_errors=True)
        (out / "NO-LOG.txt").write_text(f"The log could not be exported: {error}.\n", encoding="utf-8")
    else:
        # What is wrong with a tree may be just that its proofs cannot be made.
        with suppress(BadNoteError, BadTileError, OSError):
            _prove(log, result, out / "proofs")
    texts = files("meyasubako.service.inspection") / "templates"
    (out / "verify.py").write_bytes((texts / "verify.py.txt").read_bytes())
    page = (texts / "VERIFY.txt").read_text(encoding="utf-8")
    page = page.format(
        origin=result.origin,
        fingerprint=result.fingerprint,
        size=result.size,
        root=result.root,
        policy="\n".join(f"  {line}" for line in result.policy) or "  (the mechanism has no witnesses)",
    )
    (out / "VERIFY.txt").write_text(page, encoding="utf-8")


def _copy(source: Path, log: Path) -> None:
    if (source / DATABASE).is_file():
        export(source, log)
    else:
        shutil.copytree(source, log)


def _prove(log: Path, result: AuditResult, out: Path) -> None:
    note = (log / CHECKPOINT).read_bytes()
    size = Checkpoint.parse(Note.parse(note).text).size

    def fetch(level: int, n: int, width: int) -> bytes:
        return (log / tile_path(level, n, width)).read_bytes()

    reader = TileReader(size, fetch)
    found = [each.index for each in result.findings if each.index is not None]
    for index in dict.fromkeys([0, size - 1, *found[:_PROOFS]]):
        if 0 <= index < size:
            width = min(TILE, size - index // TILE * TILE)
            tile, place = fetch(0, index // TILE, width), index % TILE
            leaf = tile[place * 32 : (place + 1) * 32]
            proof = LogProof(index, tuple(inclusion_path(index, size, reader)), note, leaf)
            (out / f"entry-{index}.tlog-proof").write_bytes(proof.encode())
    for old in dict.fromkeys(each.size for each in result.seen):
        if 0 < old < size:
            path = tuple(consistency_path(old, size, reader))
            request = AddCheckpoint(old, path, note)
            (out / f"extends-{old}.add-checkpoint").write_bytes(request.encode())
