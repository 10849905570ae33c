"""How fast a log is verified, beside the bare work that no verification can do without, in the same run.

- Leaves and root: `TileTree` over a database's rows, beside a loop that reads the same rows and hashes each
  once. Bar 0.6.
- A full audit of an export of signed events, every rule and signature, beside Ed25519 verification of the
  same signatures alone, both on all cores. Bar 0.6.
- An audit that goes on where the last one ended, beside the full one: it should take as much less as there
  is less to read.
- The latency of one append to a log of a million leaves, beside that to a log of a thousand. Bar 1.4.

Each pair is measured in turn, round by round, since a shared machine's speed changes; ratios are medians. The
cyclic garbage collector is off throughout, as it is in an audit.
"""

import argparse
import base64
import gc
import hashlib
import os
import shutil
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from made_log import MadeLog
from nacl.signing import VerifyKey

from meyasubako.crypto.merkle import Frontier, leaf_hashes
from meyasubako.crypto.signing import EVENT_CONTEXT
from meyasubako.domain import envelope
from meyasubako.domain.audit import Replay
from meyasubako.service.inspection import Demands, audit
from meyasubako.service.inspection.database import MechanismSource
from meyasubako.service.inspection.tree import TileTree
from meyasubako.service.inspection.walk import CHUNK
from meyasubako.service.store import tree
from meyasubako.service.store.port import Entry
from meyasubako.service.store.sqlite import Store

EVENT_SIZE = 900
BATCH = 512
ROWS = (
    "SELECT leaf_index, state, originator_id, originator_version, topic FROM stored_events"
    " WHERE leaf_index >= ? AND leaf_index < ? ORDER BY leaf_index"
)
NEW = (0.02, 0.1)
APPENDS = 200


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def stored_log(directory: Path, leaves: int) -> None:
    """A database of this many rows and their tiles, filled past the store's one-by-one path."""
    Store.create(directory).close()
    with closing(sqlite3.connect(directory / "log.db", isolation_level=None)) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("BEGIN")
        edge = Frontier()
        for start in range(0, leaves, 10_000):
            some = [os.urandom(EVENT_SIZE) for _ in range(start, min(start + 10_000, leaves))]
            connection.executemany(
                "INSERT INTO stored_events VALUES (?, ?, 1, 'room.opened', ?)",
                ((start + at, str(uuid.uuid4()), data) for at, data in enumerate(some)),
            )
            edge = edge.extend(leaf_hashes(some))
        tree.keep_tiles(connection, 0, leaves, full_only=False)
        tree.keep_head(connection, edge)
        connection.execute("COMMIT")
        for _, sql in guards:
            connection.execute(sql)


def read_and_hash(directory: Path, leaves: int) -> None:
    with closing(sqlite3.connect(directory / "log.db")) as connection:
        sha256 = hashlib.sha256
        for start in range(0, leaves, BATCH):
            rows = connection.execute(ROWS, (start, start + BATCH)).fetchall()
            for row in rows:
                sha256(row[1]).digest()


def leaves_and_root(directory: Path, leaves: int) -> None:
    source = MechanismSource(directory)
    found = TileTree(source)
    for start in range(0, leaves, CHUNK):
        found.extend(leaf_hashes(source.batch(start, min(start + CHUNK, leaves)).entries))
    findings = list(found.finish(leaves))
    source.close()
    if findings or found.size != leaves:
        raise RuntimeError(f"the log does not verify: {findings[:3]}")


def bare_verification(share: list[tuple[bytes, bytes, bytes]]) -> int:
    for raw, message, signature in share:
        VerifyKey(raw).verify(message, signature)
    return len(share)


def signatures(log: MadeLog) -> list[tuple[bytes, bytes, bytes]]:
    """Key, message and signature of every event, cut out beforehand."""
    keys: list[bytes] = []
    replay = Replay(lambda _event, key: keys.append(key.raw))
    replay.ledger.root_at = lambda size: log.roots.get(size, "")
    found = []
    for index, data in enumerate(log.entries):
        if replay.judge(envelope.recall(data, hashlib.sha256(b"\0" + data).hexdigest()), index):
            raise RuntimeError("the log that was made breaks a rule")
        before, _, after = data.rpartition(b',"sig":"')
        signature, _, rest = after.partition(b'"')
        message = EVENT_CONTEXT.encode() + b"\n" + before + rest
        found.append((keys[-1], message, base64.b64decode(signature)))
    return found


class Verifiers:
    """Processes, one a core, that hold their share of the signatures already."""

    def __init__(self, every: list[tuple[bytes, bytes, bytes]]) -> None:
        self._count = os.cpu_count() or 1
        self._pools = [
            ProcessPoolExecutor(1, get_context("spawn"), _hold, (every[number :: self._count],))
            for number in range(self._count)
        ]
        for pool in self._pools:
            pool.submit(len, ()).result()

    def run(self) -> None:
        """Verify every signature once."""
        for done in [pool.submit(_verify_held) for pool in self._pools]:
            done.result()

    def close(self) -> None:
        """End the processes."""
        for pool in self._pools:
            pool.shutdown()


_held: list[tuple[bytes, bytes, bytes]] = []


def _hold(share: list[tuple[bytes, bytes, bytes]]) -> None:
    _held.extend(share)


def _verify_held() -> int:
    return bare_verification(_held)


def full_audit(out: Path, entries: int) -> None:
    result = audit(out)
    if not result.good or result.entries != entries:
        raise RuntimeError(f"the log does not audit: {result.findings[:3]}")


def append_latency(store: Store) -> float:
    """The median of single appends, in seconds."""
    data, found = os.urandom(EVENT_SIZE), []
    for _ in range(APPENDS):
        entry = Entry(str(uuid.uuid4()), 1, "room.opened", data)
        found.append(timed(lambda entry=entry: store.append([entry], {}, {})))
    return median(found)


def measure_leaves(place: Path, leaves: int, rounds: int) -> None:
    (place / "million").mkdir()
    stored_log(place / "million", leaves)
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(timed(lambda: read_and_hash(place / "million", leaves)))
        ours.append(timed(lambda: leaves_and_root(place / "million", leaves)))
    told = f"{leaves:,} leaves and root: {leaves / median(ours):,.0f} a second"
    bare = f"reading and hashing once {leaves / median(theirs):,.0f}"
    print(f"{told}, {bare}: {_ratio(theirs, ours):.2f} (bar 0.6)")


def measure_appends(place: Path, leaves: int, rounds: int) -> None:
    (place / "thousand").mkdir()
    stored_log(place / "thousand", 1000)
    large, small = [], []
    with Store.open(place / "million") as of_many, Store.open(place / "thousand") as of_few:
        for _ in range(2 * rounds):
            small.append(append_latency(of_few))
            large.append(append_latency(of_many))
    told = f"one append at {leaves:,} leaves: {median(large) * 1e6:,.0f} µs"
    print(f"{told}, at 1,000 {median(small) * 1e6:,.0f} µs: {_ratio(large, small):.2f} (bar 1.4)")


def measure_audits(place: Path, events: int, rounds: int) -> None:
    log = MadeLog(place / "box")
    log.grow(events)
    entries = len(log.entries)
    log.export(place / "out")
    verifiers = Verifiers(signatures(log))
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(timed(verifiers.run))
        ours.append(timed(lambda: full_audit(place / "out", entries)))
    verifiers.close()
    told = f"full audit of {entries:,} events: {entries / median(ours):,.0f} a second"
    bare = f"bare Ed25519 {entries / median(theirs):,.0f}"
    print(f"{told}, {bare}, all cores: {_ratio(theirs, ours):.2f} (bar 0.6)")
    measure_going_on(place, log, rounds)


def measure_going_on(place: Path, log: MadeLog, rounds: int) -> None:
    """Go on from an audit of what was exported, after little and after more that is new."""
    state, entries = place / "state", len(log.entries)
    audit(place / "out", Demands(state=state))
    for new in NEW:
        log.grow(entries + int(new * entries))
        grown, size = place / f"grown-{len(log.entries)}", len(log.entries)
        log.export(grown)
        since, again = [], []
        for _ in range(rounds):
            again.append(timed(partial(full_audit, grown, size)))
            # A good audit writes to its state.
            copy = Path(shutil.copy(state, place / "copy"))
            since.append(timed(partial(audit, grown, Demands(state=copy))))
        told = f"audit since the last one, {(size - entries) / size:.1%} new: {median(since):.2f} s"
        print(f"{told}, a full one {median(again):.2f} s: {_ratio(since, again):.1%}")
    print(f"the state of {entries:,} entries: {state.stat().st_size / 1e6:.1f} MB")


def _ratio(above: list[float], below: list[float]) -> float:
    return median(one / other for one, other in zip(above, below, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--leaves", type=int, default=1_000_000, help="rows of the database")
    parser.add_argument("--events", type=int, default=100_000, help="signed events that are audited")
    parser.add_argument("--rounds", type=int, default=3, help="ratios are the medians of so many rounds")
    parser.add_argument(
        "--directory", type=Path, help="where to write: about a gigabyte for a million leaves"
    )
    options = parser.parse_args()
    gc.disable()
    with tempfile.TemporaryDirectory(dir=options.directory) as folder:
        measure_leaves(Path(folder), options.leaves, options.rounds)
        measure_appends(Path(folder), options.leaves, options.rounds)
        measure_audits(Path(folder), options.events, options.rounds)


if __name__ == "__main__":
    main()
