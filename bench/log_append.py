"""How fast the log takes events, beside raw SQLite with the same bytes in the same run.

Raw SQLite is one connection that writes the same rows under the same unique key, durable at every commit:
nothing is checked, hashed, handed over or answered. The store checks what a decision read, keeps streams
dense, hashes leaves into the tree, and answers each of its threads only after the commit. The bars: 64
threads reach 0.3 of raw SQLite at a hundred rows a commit, 8 threads 1.3 of raw one-row commits.
"""

import argparse
import os
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from threading import Thread

from meyasubako.service.store.port import Entry
from meyasubako.service.store.sqlite import Store

EVENT_SIZE = 900
MECHANISM = str(uuid.uuid4())


def raw_sqlite(directory: Path, rows_a_commit: int, seconds: float) -> float:
    with closing(sqlite3.connect(directory / "raw.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(
            "CREATE TABLE event (number INTEGER PRIMARY KEY, stream TEXT NOT NULL, seq INTEGER NOT NULL,"
            " kind TEXT NOT NULL, data BLOB NOT NULL, UNIQUE (stream, seq))"
        )
        data, count = os.urandom(EVENT_SIZE), 0
        start = now = time.perf_counter()
        while now - start < seconds:
            connection.execute("BEGIN IMMEDIATE")
            for _ in range(rows_a_commit):
                connection.execute(
                    "INSERT INTO event (stream, seq, kind, data) VALUES (?, ?, ?, ?)",
                    (str(uuid.uuid4()), 1, "room.opened", data),
                )
            connection.execute("COMMIT")
            count += rows_a_commit
            now = time.perf_counter()
    return count / (now - start)


def appends(directory: Path, threads: int, seconds: float) -> float:
    counts = [0] * threads
    data = os.urandom(EVENT_SIZE)
    with Store.create(directory) as store:
        store.append([Entry(MECHANISM, 1, "mechanism.founded", data)], {}, {})

        def work(place: int) -> None:
            while time.perf_counter() < end:
                store.append([Entry(str(uuid.uuid4()), 1, "room.opened", data)], {}, {MECHANISM: 1})
                counts[place] += 1

        start = time.perf_counter()
        end = start + seconds
        writers = [Thread(target=work, args=(place,)) for place in range(threads)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        elapsed = time.perf_counter() - start
        if store.head().size != sum(counts) + 1:
            raise RuntimeError("the store counts other events than its writers")
    return sum(counts) / elapsed


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
    }
    rates: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(options.rounds):
        for name, measure in measures.items():
            with tempfile.TemporaryDirectory(dir=options.directory) as folder:
                rates[name].append(measure(Path(folder)))
    for name, found in rates.items():
        print(f"{name:24} {median(found):9,.0f} a second   ({min(found):,.0f} to {max(found):,.0f})")
    print(f"8 threads reach {_ratio(rates, 8, 1):.2f} of raw one-row commits (bar 1.3)")
    print(f"64 threads reach {_ratio(rates, 64, 100):.2f} of raw commits of a hundred rows (bar 0.3)")


def _ratio(rates: dict[str, list[float]], threads: int, rows: int) -> float:
    # Round by round, since a shared machine's speed changes between them.
    store, raw = rates[f"store, {threads} threads"], rates[f"raw, {rows} row{'s' * (rows > 1)} a commit"]
    return median(ours / theirs for ours, theirs in zip(store, raw, strict=True))


if __name__ == "__main__":
    main()
