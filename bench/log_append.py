"""How fast the log takes events, beside raw SQLite with the same bytes in the same run.

Both are given events that are ready: bytes with their random stream ids, drawn beforehand.

Raw SQLite is one connection that writes the same rows under the same unique key, durable at every commit:
nothing is checked, hashed, handed over or answered. The store checks what a decision read, keeps streams
dense, hashes leaves into the tree, and answers each of its threads only after the commit. The bars: 64
threads reach 0.3 of raw SQLite at a hundred rows a commit, 8 threads 1.3 of raw one-row commits, and two
processes of four threads each 0.7 of these.
"""

import argparse
import os
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from threading import Barrier

from meyasubako.service.store.port import Entry
from meyasubako.service.store.sqlite import Store

EVENT_SIZE = 900
MECHANISM = "3f0b5a1c-7d7e-4c59-9a55-0f2a55b1f0aa"
# More than can be written in a second.
READY_A_SECOND = 60_000


def ready(seconds: float) -> Iterator[Entry]:
    """Events with their streams, drawn beforehand: more than can be written in this time."""
    data = os.urandom(EVENT_SIZE)
    count = int(READY_A_SECOND * seconds)
    return iter([Entry(str(uuid.uuid4()), 1, "room.opened", data) for _ in range(count)])


def raw_sqlite(directory: Path, rows_a_commit: int, seconds: float) -> float:
    with closing(sqlite3.connect(directory / "raw.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(
            "CREATE TABLE event (number INTEGER PRIMARY KEY, stream TEXT NOT NULL, seq INTEGER NOT NULL,"
            " kind TEXT NOT NULL, data BLOB NOT NULL, UNIQUE (stream, seq))"
        )
        entries, count = ready(seconds), 0
        start = now = time.perf_counter()
        while now - start < seconds:
            connection.execute("BEGIN IMMEDIATE")
            for entry in islice(entries, rows_a_commit):
                connection.execute(
                    "INSERT INTO event (stream, seq, kind, data) VALUES (?, ?, ?, ?)",
                    (entry.stream, entry.seq, entry.kind, entry.data),
                )
            connection.execute("COMMIT")
            count += rows_a_commit
            now = time.perf_counter()
    return count / (now - start)


def begin(directory: Path) -> None:
    with Store.create(directory) as store:
        store.append([Entry(MECHANISM, 1, "mechanism.founded", os.urandom(EVENT_SIZE))], {}, {})


def write(store: Store, threads: int, seconds: float, entries: Iterator[Entry]) -> int:
    """Append from so many threads for so long; gives how many events."""
    end = time.perf_counter() + seconds

    def work(_: int) -> int:
        count = 0
        while time.perf_counter() < end:
            store.append([next(entries)], {}, {MECHANISM: 1})
            count += 1
        return count

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(work, range(threads)))


def check(directory: Path, written: int) -> None:
    with Store.open(directory, read_only=True) as store:
        if store.head().size != written + 1:
            raise RuntimeError("the store counts other events than its writers")


def appends(directory: Path, threads: int, seconds: float) -> float:
    begin(directory)
    entries = ready(seconds)
    with Store.open(directory) as store:
        start = time.perf_counter()
        written = write(store, threads, seconds, entries)
        elapsed = time.perf_counter() - start
    check(directory, written)
    return written / elapsed


def appends_of_processes(directory: Path, processes: int, threads: int, seconds: float) -> float:
    begin(directory)
    context = get_context("spawn")
    together = context.Barrier(processes + 1)
    with ProcessPoolExecutor(processes, context, _gather, (together,)) as pool:
        done = [pool.submit(_write_in_process, directory, threads, seconds) for _ in range(processes)]
        together.wait()
        start = time.perf_counter()
        written = sum(each.result() for each in done)
        elapsed = time.perf_counter() - start
    check(directory, written)
    return written / elapsed


_together: list[Barrier] = []


def _gather(together: Barrier) -> None:
    _together.append(together)


def _write_in_process(directory: Path, threads: int, seconds: float) -> int:
    entries = ready(seconds)
    with Store.open(directory) as store:
        _together[0].wait()
        return write(store, threads, seconds, entries)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="for each measurement")
    parser.add_argument("--rounds", type=int, default=5, help="the median of so many is shown")
    parser.add_argument("--directory", type=Path, help="where to write; the disk that is measured")
    options = parser.parse_args()
    measures: dict[str, Callable[[Path], float]] = {
        "raw, 1 row a commit": lambda path: raw_sqlite(path, 1, options.seconds),
        "raw, 100 rows a commit": lambda path: raw_sqlite(path, 100, options.seconds),
        "store, 1 thread": lambda path: appends(path, 1, options.seconds),
        "store, 8 threads": lambda path: appends(path, 8, options.seconds),
        "store, 64 threads": lambda path: appends(path, 64, options.seconds),
        "store, 2 processes of 4": lambda path: appends_of_processes(path, 2, 4, options.seconds),
    }
    rates: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(options.rounds):
        for name, measure in measures.items():
            with tempfile.TemporaryDirectory(dir=options.directory) as folder:
                rates[name].append(measure(Path(folder)))
    for name, found in rates.items():
        print(f"{name:24} {median(found):9,.0f} a second   ({min(found):,.0f} to {max(found):,.0f})")
    one, hundred = rates["raw, 1 row a commit"], rates["raw, 100 rows a commit"]
    eight, many = rates["store, 8 threads"], rates["store, 64 threads"]
    print(f"8 threads reach {_ratio(eight, one):.2f} of raw one-row commits (bar 1.3)")
    print(f"64 threads reach {_ratio(many, hundred):.2f} of raw commits of a hundred rows (bar 0.3)")
    apart = rates["store, 2 processes of 4"]
    print(f"two processes of four threads reach {_ratio(apart, one):.2f} of raw one-row commits (bar 0.7)")


def _ratio(store: list[float], raw: list[float]) -> float:
    # Round by round, since a shared machine's speed changes between them.
    return median(ours / theirs for ours, theirs in zip(store, raw, strict=True))


if __name__ == "__main__":
    main()
