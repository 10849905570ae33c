"""The audit: everything that can be checked of a log without a key, in the order in which it is trusted.

1. The form of the source. 2. Its rows are dense and are what they hold. 3. Every leaf is what was hashed.
4. The root. 5. The signatures on every checkpoint. 6. The checkpoint kept apart. 7. Every event's signature
and every rule, by replaying the log. 8. The vault.

- The first finding of the first step that has any is the one to trust; later ones may follow from it.
- Nothing in the source is believed but for what was derived from it, and nothing in it is changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from meyasubako.crypto import keyfile
from meyasubako.crypto.merkle import root_of
from meyasubako.domain import audit as blind
from meyasubako.domain.audit import Finding
from meyasubako.service.inspection import checkpoints, vault
from meyasubako.service.inspection.database import MechanismSource
from meyasubako.service.inspection.errors import UnreadableSourceError
from meyasubako.service.inspection.exported import ExportSource
from meyasubako.service.inspection.source import DATABASE, VKEY, BrokenSourceError, Progress, Source
from meyasubako.service.inspection.tree import check_edge, check_tiles

# Of each step so many findings are kept; whoever has more has a different problem than their number.
MOST: Final = 100
_EVERY: Final = 256


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an audit found, the most trustworthy finding first, and what it was about.

    `size` and `root` (hex) are the last published checkpoint's as far as it verified, `entries` counts what
    was replayed, `fingerprint` is leaf 0's for comparison with the poster's.
    """

    findings: tuple[Finding, ...]
    summary: dict[str, int]
    origin: str
    fingerprint: str
    size: int
    root: str
    entries: int

    @property
    def good(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


class _Columns(msgspec.Struct):
    stream: str
    seq: int
    kind: str


@dataclass(slots=True)
class _Walk:
    """The one pass over the entries: rows are checked as they come, the replay takes their bytes."""

    source: Source
    progress: Progress
    rows: list[Finding] = field(default_factory=list)

    def data(self) -> Iterator[bytes]:
        expected, total = 0, self.source.size()
        try:
            for stored in self.source.entries():
                if stored.index != expected:
                    sentence = f"after entry {expected - 1} comes entry {stored.index}"
                    self._find("rows-are-dense", sentence, expected)
                if stored.row is not None:
                    self._compare(stored.index, stored.row, stored.data)
                if not expected % _EVERY:
                    self.progress("replaying the log", expected, total)
                expected = stored.index + 1
                yield stored.data
        except BrokenSourceError as error:
            self.rows.append(error.finding)
        else:
            if expected < total:
                self._find("rows-are-dense", f"the log ends before its size, {total}", expected)
        self.progress("replaying the log", total, total)

    def _compare(self, index: int, row: tuple[str, int, str], data: bytes) -> None:
        try:
            says = msgspec.json.decode(data, type=_Columns)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # the replay says that this is no event
        if (says.stream, says.seq, says.kind) != row:
            self._find("row-is-its-event", "what stands beside the event is not what the event says", index)

    def _find(self, rule: str, sentence: str, index: int) -> None:
        if len(self.rows) < MOST:
            self.rows.append(Finding(rule, sentence, index))


def _silent(_step: str, _done: int, _total: int) -> None:
    """Nobody is told of progress."""


def audit(
    path: Path,
    *,
    fingerprint: str | None = None,
    seen: Sequence[tuple[int, bytes]] = (),
    progress: Progress | None = None,
) -> AuditResult:
    """Audit the mechanism or export in a directory; UnreadableSourceError if it holds neither.

    `fingerprint` is the poster's, in any grouping; `seen` are sizes and roots (32 bytes) of checkpoints that
    somebody kept from earlier, which the log must extend.
    """
    source = open_source(path)
    try:
        return _audit(source, fingerprint, seen, progress or _silent)
    finally:
        source.close()


def open_source(path: Path) -> Source:
    """The mechanism or export in a directory; UnreadableSourceError if it is neither."""
    if (path / DATABASE).is_file():
        return MechanismSource(path)
    if (path / VKEY).is_file():
        return ExportSource(path)
    raise UnreadableSourceError(
        f"{path} holds neither a mechanism ({DATABASE}) nor an exported log ({VKEY}): nothing was checked"
    )


def _audit(
    source: Source, fingerprint: str | None, seen: Sequence[tuple[int, bytes]], progress: Progress
) -> AuditResult:
    replay, walk = blind.Replay(), _Walk(source, progress)
    form = _gather(source.malformed())
    replayed = _gather_all(replay.feed(walk.data()))
    replayed += list(replay.finish())
    last = checkpoints.last_published(source, replay)
    mechanism = replay.ledger.mechanism
    print_of_0 = keyfile.digest_fingerprint(replay.leaves[0]) if replay.leaves else ""
    steps = (
        form,
        walk.rows,
        _gather(check_tiles(source, replay.leaves, last.size if last else 0)),
        _gather(check_edge(source, replay.tree)),
        _gather(checkpoints.check_published(source, replay)),
        _gather(checkpoints.check_kept_apart(source, replay)),
        list(_identity(print_of_0, fingerprint)),
        _gather(_check_seen(seen, replay)),
        replayed,
        _gather(vault.check(source, replay.ledger, progress)),
    )
    return AuditResult(
        findings=tuple(finding for step in steps for finding in step),
        summary=blind.summary(replay.ledger),
        origin=mechanism.origin,
        fingerprint=print_of_0,
        size=last.size if last else 0,
        root=last.root.hex() if last else "",
        entries=replay.tree.size,
    )


def _gather(findings: Iterator[Finding]) -> list[Finding]:
    kept: list[Finding] = []
    try:
        kept.extend(islice(findings, MOST))
    except BrokenSourceError as error:
        kept.append(error.finding)
    return kept


def _gather_all(findings: Iterator[Finding]) -> list[Finding]:
    """Run through to the end, since the replay goes on behind the findings; keep the first ones."""
    kept: list[Finding] = []
    for finding in findings:
        if len(kept) < MOST:
            kept.append(finding)
    return kept


def _identity(found: str, expected: str | None) -> Iterator[Finding]:
    if expected is not None and "".join(expected.split()) != "".join(found.split()):
        yield Finding("fingerprint-is-the-posters", f"this log's fingerprint is {found}, not {expected}", 0)


def _check_seen(seen: Sequence[tuple[int, bytes]], replay: blind.Replay) -> Iterator[Finding]:
    for size, root in seen:
        if size > replay.tree.size:
            sentence = f"a checkpoint of {size} entries was published once, and now there are fewer"
            yield Finding("log-only-grows", sentence, replay.tree.size)
        elif root_of(replay.leaves[:size]) != root:
            yield Finding("log-only-grows", f"the first {size} entries are not those that were published")
