"""A process that writes to a store and says what was acknowledged, one line each, until it ends or is killed.

Arguments: directory, number of threads, appends for each thread (0 for without end).
Lines: `event INDEX STREAM SEQ SHA256 DIGEST`, `published SIZE ROOT`.
"""

import hashlib
import itertools
import os
import sys
from pathlib import Path

from meyasubako.service.store.errors import RolledBackError
from meyasubako.service.store.port import SMALL_PAYLOAD
from meyasubako.service.store.sqlite import Store
from tests.unit.service.store.made import event, new_stream, payload, sign, together, upload


def say(*words):
    # One write of less than a pipe's buffer is not mixed with those of other threads and processes.
    os.write(sys.stdout.fileno(), (" ".join(map(str, words)) + "\n").encode())


def write(store, count):
    stream = new_stream()
    for seq in range(1, count + 1) if count else itertools.count(1):
        large = seq % 16 == 5
        sealed, reference = payload(SMALL_PAYLOAD + 1 if large else 3000)
        if large:
            upload(store, sealed)
        entry = event(stream, seq, owns=[reference])
        small = {} if large else {reference[0]: sealed}
        [index] = store.append([entry], small, {stream: seq - 1})
        say("event", index, stream, seq, hashlib.sha256(entry.data).hexdigest(), reference[0])


def publish(store, count):
    for _ in range(count) if count else itertools.count():
        size = store.head().size
        if not size:
            continue
        try:
            store.publish(size, sign)
        except RolledBackError:
            continue  # another process has published a larger tree meanwhile
        published = store.published()
        say("published", published.size, published.root.hex())


def main():
    directory, threads, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with Store.open(directory) as store:
        works = [lambda: write(store, count)] * threads
        together([*works, lambda: publish(store, count // 8)])


if __name__ == "__main__":
    main()
