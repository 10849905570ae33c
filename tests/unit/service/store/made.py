"""What the store's tests are made of: events, payloads, a log key."""

import hashlib
import os
import uuid
from threading import Thread

from meyasubako.crypto.checkpoint import Checkpoint, sign_checkpoint
from meyasubako.crypto.note import NoteSigner
from meyasubako.service.store.port import Entry

ORIGIN = "log.example.org/box"
LOG_KEY = NoteSigner(ORIGIN, bytes(range(32)))


def new_stream():
    return str(uuid.uuid4())


def event(stream, seq, data=None, *, kind="room.opened", owns=()):
    return Entry(stream, seq, kind, data or os.urandom(60), tuple(owns))


def payload(size=5000):
    """A payload's bytes and the reference by which an event names it."""
    sealed = os.urandom(size)
    return sealed, (hashlib.sha256(sealed).hexdigest(), size)


def append_some(store, count):
    """As many events in streams of their own; gives their entries."""
    entries = [event(new_stream(), 1) for _ in range(count)]
    for start in range(0, count, 8):
        store.append(entries[start : start + 8], {}, {})
    return entries


def sign(size, root):
    return sign_checkpoint(Checkpoint(ORIGIN, size, root), [LOG_KEY], 0)


def upload(store, sealed):
    with store.receive() as receiving:
        receiving.write(sealed)
        return receiving.commit()


def together(works):
    """Run the works in threads of their own; raises the first error that one of them met."""
    errors = []

    def run(work):
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # handed to the test, which raises it
            errors.append(error)

    threads = [Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
