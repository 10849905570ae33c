"""What can be seen of entries one by one, so that every core can look at some: their form and signatures.

These functions run in processes of their own. They open the source themselves, take and give what is cheap
to hand over, and say what is wrong instead of raising it.
"""

import gc
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from meyasubako.crypto.errors import BadSignatureError
from meyasubako.crypto.merkle import leaf_hashes
from meyasubako.crypto.signing import VerifyKey, verify_encoded
from meyasubako.domain import envelope
from meyasubako.domain.audit import Finding
from meyasubako.domain.errors import BadEventError
from meyasubako.service.inspection.opening import open_source
from meyasubako.service.inspection.source import Source


@dataclass(frozen=True, slots=True)
class Examined:
    """Entries as stored, their leaf hashes, and what is wrong with each on its own.

    `bad` says of an index why what stands there is no event; `rows` are findings about the columns beside
    entries; `broken` is why there are fewer entries than were asked for.
    """

    start: int
    entries: list[bytes]
    leaves: list[bytes]
    bad: dict[int, str]
    rows: list[Finding]
    broken: Finding | None


def begin() -> None:
    """Set up a process: the keyboard's interrupt is for the one that waits for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()


@lru_cache(maxsize=1)
def _opened(path: Path) -> Source:
    return open_source(path)


def examine(path: Path, start: int, stop: int) -> Examined:
    """Read the entries from start to stop in a directory."""
    return examine_source(_opened(path), start, stop)


def examine_source(source: Source, start: int, stop: int) -> Examined:
    """Read entries, hash them, and see whether each is an event and the one that its row says."""
    batch = source.batch(start, stop)
    bad: dict[int, str] = {}
    rows: list[Finding] = []
    leaves = leaf_hashes(batch.entries)
    for place, data in enumerate(batch.entries):
        try:
            stream, seq, kind = envelope.check(data)
        except BadEventError as error:
            bad[start + place] = str(error)
            continue
        if batch.rows is not None and batch.rows[place] != (stream.decode(), int(seq), kind.decode()):
            sentence = "what stands beside the event is not what the event says"
            rows.append(Finding("row-is-its-event", sentence, start + place, stream.decode()))
    return Examined(start, batch.entries, leaves, bad, rows, batch.broken)


def wrong_signatures(signed: Sequence[tuple[int, bytes, VerifyKey]]) -> list[Finding]:
    """Verify events, each given as index, bytes and key; a finding for each wrong signature.

    Whoever made a key has seen that it is a good one, which takes longer than a signature: it comes as it is.
    """
    found = []
    for index, data, key in signed:
        try:
            verify_encoded(data, key)
        except BadSignatureError:
            stream = envelope.recall(data, "").stream
            sentence = "the signature does not fit the event and its author's key"
            found.append(Finding("signature-fits", sentence, index, stream))
    return found
