"""The audit: everything that can be checked of a log without a key, in the order in which it is trusted.

1. The form of the source. 2. Its rows, leaves, tiles and root. 3. The signatures on every checkpoint, by the
keys that the log had then. 4. That the log extends what this auditor saw before. 5. The witnesses' quorum.
6. Every event's form and signature. 7. Every rule, by replaying the log. 8. The vault. Deadlines are told
beside these: a missed one breaks no rule.

- The first finding of the first step that has any is the one to trust; later ones may follow from it.
- Nothing in the source is believed but for what was derived from it, and nothing in it is changed.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice, starmap
from pathlib import Path
from typing import Final

from meyasubako.crypto import keyfile
from meyasubako.domain import audit as blind
from meyasubako.domain.audit import Finding
from meyasubako.domain.chronicle import Chronicle, Deadline
from meyasubako.service.inspection import checkpoints, earlier, resume, vault, witnesses
from meyasubako.service.inspection.earlier import Seen
from meyasubako.service.inspection.errors import UnreadableSourceError
from meyasubako.service.inspection.memory import Memory
from meyasubako.service.inspection.opening import open_source
from meyasubako.service.inspection.resume import Ended, Standing
from meyasubako.service.inspection.source import BrokenSourceError, Progress, Source
from meyasubako.service.inspection.walk import MOST, Walk
from meyasubako.service.inspection.witnesses import Witnessed
from meyasubako.service.inspection.workers import at_work

FORM: Final = "the form of the source"
TREE: Final = "rows, leaves and root"
CHECKPOINTS: Final = "the checkpoints' signatures"
CONSISTENCY: Final = "what was seen before"
WITNESSES: Final = "the witnesses' quorum"
SIGNATURES: Final = "every event's form and signature"
RULES: Final = "every rule"
VAULT: Final = "the vault"
# What says that this is not the log that this auditor has seen, or looks for.
_OTHER_LOG: Final = frozenset({"log-only-grows", "fingerprint-is-the-posters", "founded-first"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an audit: what was looked at, what was found, and a word about how far it went.

    `cut` says that there may have been more findings: the first `MOST` are kept.
    """

    name: str
    findings: tuple[Finding, ...]
    about: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an audit found, step by step, and what it was about.

    `size` and `root` (hex) are the last published checkpoint's as far as it verified, `note` are its bytes;
    `entries` counts what the log holds, `since` from where on it was read this time; `fingerprint` is leaf
    0's for comparison with the poster's; `day` is the last slot marker's, the log's own today, and a slot
    takes `slot_hours`. `people` gives each person's roles, `policy` the lines of the witness policy at this
    size, `seen` the trees that it was compared with; `source` says what was read, `compared` whether the
    fingerprint was with one that the auditor brought; `remembered` is False where the auditor's memory could
    not be written, and None where nothing was to be remembered.
    """

    steps: tuple[Step, ...]
    summary: dict[str, int]
    origin: str
    fingerprint: str
    size: int
    root: str
    entries: int
    since: int
    day: date | None
    slot_hours: int
    note: bytes
    witnessed: Witnessed
    chronicle: Chronicle
    people: dict[str, tuple[str, ...]]
    policy: tuple[str, ...]
    seen: tuple[Seen, ...]
    source: str
    compared: bool
    remembered: bool | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding, the most trustworthy first."""
        return tuple(finding for step in self.steps for finding in step.findings)

    @property
    def first_use(self) -> bool:
        """Whether nothing was known of this log before."""
        return not self.seen

    @property
    def good(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def cut(self) -> bool:
        """Whether there may be more findings than are told."""
        return any(step.cut for step in self.steps)

    @property
    def verdict(self) -> str:
        """What the audit has shown, in a sentence or two."""
        if self.findings:
            count, more = len(self.findings), ", and there may be more" if self.cut else ""
            return f"{count} finding{'s' if count > 1 else ''}{more}. The first is the one to trust."
        kept = "was changed, removed, reordered or forged, and every rule was kept"
        if not self.since:
            return f"Nothing {kept}."
        return f"Nothing {kept}, from entry {self.since:,} on. What is before was not read again."

    def stopped(self, today: date) -> bool:
        """Whether slots should have closed since the last one that is here: two, and a day besides."""
        return self.day is not None and today - self.day > timedelta(hours=2 * self.slot_hours, days=1)

    def ahead(self, today: date) -> bool:
        """Whether the last slot is dated after today, by more than a day."""
        return self.day is not None and self.day - today > timedelta(days=1)

    @property
    def missed(self) -> tuple[Deadline, ...]:
        """The deadlines that passed, the earliest first."""
        today = self.day
        return tuple(each for each in self.chronicle.deadlines() if today and each.missed(today))


def _silent(_step: str, _done: int, _total: int) -> None:
    """Nobody is told of progress."""


@dataclass(frozen=True, slots=True)
class Demands:
    """What an auditor brings: the poster's `fingerprint`, in any grouping; sizes and roots (32 bytes) of
    trees `seen` before, and checkpoints as `pins`; a `memory` of earlier audits; the file of the `state` in
    which an earlier audit ended, to go on from there and to be written by an audit that finds nothing (where
    there is none, begin); and whether a checkpoint below its witnesses' quorum is good enough.
    """

    fingerprint: str | None = None
    seen: Sequence[tuple[int, bytes]] = ()
    pins: Sequence[bytes] = ()
    memory: Memory | None = None
    state: Path | None = None
    accept_unwitnessed: bool = False


def audit(
    path: Path,
    demands: Demands | None = None,
    *,
    fingerprint: str | None = None,
    seen: Sequence[tuple[int, bytes]] = (),
    progress: Progress | None = None,
    processes: int | None = None,
) -> AuditResult:
    """Audit the mechanism or export in a directory; UnreadableSourceError if it holds neither.

    `fingerprint` and `seen` stand for the same fields of `demands`. Where something is remembered, so is the
    newest tree that extends it, whatever else was found. BadNoteError for a pin that is no checkpoint;
    OSError where a state cannot be written.
    """
    demands = demands or Demands(fingerprint=fingerprint, seen=seen)
    with resume.ended(demands.state) as ended:
        for anew in (False, True):
            with closing(open_source(path)) as source:
                result = _Audit(source, path, demands, ended, progress or _silent, anew=anew).run(processes)
            # What going on finds may come from before: only all of the log tells a fork from damage.
            if result.good or not result.since:
                break
    return result


class _Audit:
    def __init__(
        self,
        source: Source,
        path: Path,
        demands: Demands,
        ended: Ended | None,
        progress: Progress,
        *,
        anew: bool,
    ) -> None:
        self._source, self._path, self._ended, self._anew = source, path, ended, anew
        self._demands, self._progress = demands, progress
        self._origin = origin = _origin(source)
        self._seen = [
            *starmap(Seen, demands.seen),
            *(earlier.of(note, verified=False) for note in demands.pins),
            *(earlier.recalled(demands.memory, origin) if demands.memory and origin else ()),
        ]
        if ended:
            if origin and ended.origin != origin:
                raise UnreadableSourceError("the state of the last audit is another log's")
            self._seen.append(Seen(ended.size, ended.root))

    def run(self, processes: int | None) -> AuditResult:
        source, standing = self._source, None
        since = self._since()
        with at_work(source.size() - since, processes) as executor:
            form = _gather(source.malformed(since))
            walk = Walk(source, self._path, self._progress, executor)
            if self._ended and since:
                self._ended.set(walk)
            wanted = {each.size for each in self._seen}
            # To the newest published tree, which is where a later audit may go on, and then to the end.
            published = _published_size(source)
            walk.run(min(published, source.size()), wanted)
            if self._demands.state is not None and walk.tree.size == published:
                standing = Standing(walk)
            walk.run(source.size(), wanted)
            # While other cores are still at the last signatures.
            payloads = _gather(vault.check(walk, since))
            walk.finish()
        result = self._result(walk, form, payloads, since)
        if standing and result.good and not walk.excused and self._demands.state:
            resume.keep(standing, self._demands.state, self._ended if since else None)
        # What was recalled is that of the log which leaf 0 names.
        if self._demands.memory and result.origin == self._origin and _is_the_logs(result, walk):
            try:
                self._demands.memory.keep(result.origin, result.note)
            except OSError:
                return replace(result, remembered=False)
            return replace(result, remembered=True)
        return result

    def _since(self) -> int:
        """From where on to read: 0, or where the last audit ended."""
        ended = self._ended
        if ended is None or self._anew or (self._source.whole and not ended.whole):
            # Whoever audited an export has seen no payload.
            return 0
        # A checkpoint that somebody brought from before can only be compared from the beginning.
        if ended.size > self._source.size() or any(0 < each.size < ended.size for each in self._seen):
            return 0
        return ended.size

    def _result(self, walk: Walk, form: list[Finding], payloads: list[Finding], since: int) -> AuditResult:
        source, replay, demands = self._source, walk.replay, self._demands
        last, note = checkpoints.last_published(source, replay) or (None, b"")
        mechanism = replay.ledger.mechanism
        fingerprint = (
            keyfile.digest_fingerprint(bytes.fromhex(mechanism.founded)) if mechanism.founded else ""
        )
        published = last.size if last else 0
        tree = _gather(walk.tree.finish(published))
        signed = [
            *_gather(checkpoints.check_published(source, replay, since)),
            *_gather(checkpoints.check_kept_apart(source, replay)),
            *_identity(fingerprint, demands.fingerprint),
        ]
        consistent = _gather(earlier.check(self._seen, walk, last.size if last else None))
        witnessed = _gather(witnesses.check(source, replay, since=since, accept=demands.accept_unwitnessed))
        marker = mechanism.last_marker
        steps = _once(
            Step(FORM, tuple(form)),
            Step(TREE, (*walk.rows, *tree), _counted(walk.tree.size, "entry", "entries")),
            Step(CHECKPOINTS, tuple(signed), _counted(len(_kept(source)), "checkpoint")),
            Step(CONSISTENCY, tuple(consistent), earlier.about(self._seen, demands.memory)),
            Step(WITNESSES, tuple(witnessed), _about_witnesses(source, replay)),
            Step(SIGNATURES, tuple(walk.signatures), _counted(walk.tree.size - since, "event")),
            Step(RULES, tuple(walk.rules), _about_rules(source, walk)),
            Step(VAULT, tuple(payloads), _about_vault(source, since)),
        )
        return AuditResult(
            steps=steps,
            summary=blind.summary(replay.ledger, walk.chronicle),
            origin=mechanism.origin,
            fingerprint=fingerprint,
            size=published,
            root=last.root.hex() if last else "",
            entries=replay.tree.size,
            since=since,
            day=marker.day if marker else None,
            slot_hours=mechanism.slot_hours,
            note=note,
            witnessed=_witnessed(source, replay),
            chronicle=walk.chronicle,
            people={each.key_id: tuple(sorted(each.roles)) for each in mechanism.people.values()},
            policy=replay.policies.get(published, ()),
            seen=tuple(self._seen),
            source=_about_source(source),
            compared=demands.fingerprint is not None,
        )


def _once(*steps: Step) -> tuple[Step, ...]:
    """The steps, each with what no other one has found before it."""
    told = set[Finding]()
    rest = []
    for step in steps:
        fresh = tuple(each for each in dict.fromkeys(step.findings) if each not in told)
        told.update(fresh)
        rest.append(replace(step, findings=fresh, cut=len(step.findings) >= MOST))
    return tuple(rest)


def _about_rules(source: Source, walk: Walk) -> str:
    read, all_of_it = walk.tree.size, source.size()
    return "" if read == all_of_it else f"only {read:,} of {all_of_it:,} entries could be judged"


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _gather(findings: Iterator[Finding]) -> list[Finding]:
    kept: list[Finding] = []
    try:
        kept.extend(islice(findings, MOST))
    except BrokenSourceError as error:
        kept.append(error.finding)
    return kept


def _origin(source: Source) -> str:
    """The origin that leaf 0 names; not verified: it only says which memory to look into."""
    entries = source.batch(0, 1).entries
    return checkpoints.origin_of(entries[0]) if entries else ""


def _kept(source: Source) -> list[bytes]:
    try:
        return [each.note for each in source.published()]
    except BrokenSourceError:
        return []


def _published_size(source: Source) -> int:
    notes = _kept(source)
    tree = checkpoints.unverified(notes[-1]) if notes else None
    return tree.size if tree else 0


def _identity(found: str, expected: str | None) -> Iterator[Finding]:
    if expected is not None and "".join(expected.split()) != "".join(found.split()):
        yield Finding("fingerprint-is-the-posters", f"this log's fingerprint is {found}, not {expected}", 0)


def _is_the_logs(result: AuditResult, walk: Walk) -> bool:
    """Whether the entries give the newest checkpoint, and it extends what was seen before.

    Then that is what this auditor saw last, also where other things are wrong with the log.
    """
    wrong = {each.rule for each in result.findings} & _OTHER_LOG
    largest = max((each.size for each in result.seen), default=0)
    fits = walk.replay.roots.get(result.size) == result.root
    return bool(result.note) and not wrong and fits and result.size >= largest


def _witnessed(source: Source, replay: blind.Replay) -> Witnessed:
    try:
        newest = witnesses.newest_checkpoint(source)
        return witnesses.witnessed(newest, replay) if newest else Witnessed()
    except (BrokenSourceError, *witnesses.WRONG):
        return Witnessed()


def _about_witnesses(source: Source, replay: blind.Replay) -> str:
    found = _witnessed(source, replay)
    if not found.asked:
        return "the mechanism has no witnesses"
    return f"{len(found.cosigned)} of {len(found.cosigned) + len(found.missing)} have cosigned the newest"


def _about_source(source: Source) -> str:
    if source.whole:
        return "a mechanism's directory"
    return "an export" if source.recorded else "a mirror of the log's door"


def _about_vault(source: Source, since: int) -> str:
    if not source.recorded:
        return "a log without its vault: payloads were not looked at"
    if not source.whole:
        return "the record of payloads, not their bytes" + (f", of entries from {since} on" if since else "")
    if since:
        return f"every payload of entries from {since} on; of those before only that each is there"
    return "every payload"
