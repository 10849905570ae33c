"""The vault: every payload that the log names is there, is what the log says, and nothing else is.

- A payload's bytes have its SHA-256 and size. All but cards are age files for exactly one post-quantum
  recipient; whom they open for nobody can see.
- What the log says was destroyed is nowhere, and neither is its key; everything else that it names is
  present, and so is the key that it lies under.
- An export holds no payloads: there the record of what was present is compared.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, Final

from meyasubako.crypto import age
from meyasubako.crypto.errors import CryptoError, DamagedLayerError
from meyasubako.domain.audit import Finding, is_card
from meyasubako.domain.ledger import Ledger, Owner
from meyasubako.service.inspection.source import Payload, Place, Source
from meyasubako.service.inspection.walk import Walk
from meyasubako.service.store.errors import ErasureKeyError

_PIECE: Final = 1 << 20
_EVERY: Final = 64
_MISSING: Final = frozenset({"payload-is-there", "erasure-key-is-there"})
_ABSENT: Final = frozenset({"gone", "lost"})


def check(walk: Walk, since: int = 0) -> Iterator[Finding]:
    """Compare what the log names with what is recorded and, in a directory, with the bytes.

    From an index on, only payloads that later entries name are read; others are counted, and their names
    looked for. What must be absent is always looked for.
    """
    source, ledger = walk.source, walk.replay.ledger
    if not source.recorded:
        return
    absent, owners = walk.must_be_absent(), walk.named()
    # What entries that could not be read name, nobody knows.
    unread = walk.tree.size < source.size()
    places: dict[str, Place] = {}
    for payload in source.payloads(since, owners.keys() | absent if since else None):
        digest, owner = payload.digest, owners.get(payload.digest)
        if since and owner is None:
            owner = ledger.owners.get(digest)
        if owner is None and unread:
            continue
        if len(places) % _EVERY == 0:
            walk.progress("checking payloads", len(places), len(owners))
        if digest in places:
            yield _twice(owner, digest)
        places[digest] = payload.place
        found = _check(source, ledger, payload, owner, gone=digest in absent)
        yield from _still(walk, digest, found) if found else ()
    for digest in sorted(owners.keys() - places.keys(), key=lambda each: owners[each].index):
        yield _missing(owners[digest], digest)
    if since:
        yield from _check_others(walk, places)
        yield from _check_there(walk, places)
        yield from _check_absent(source, ledger, absent - places.keys())
    elif not unread:
        yield from _left_over(source, places)
    walk.progress("checking payloads", len(owners), len(owners))


def _still(walk: Walk, digest: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Leave out what is missing because it was erased meanwhile.

    A server does not wait until its auditor is done; it writes down what it erases before it does.
    """
    for finding in findings:
        if finding.rule in _MISSING and digest in walk.destroyed_meanwhile():
            walk.excused = True
        else:
            yield finding


def _check(
    source: Source, ledger: Ledger, payload: Payload, owner: Owner | None, *, gone: bool
) -> Iterable[Finding]:
    """What is wrong with a payload and its record; of the many of a sound export nothing, at little cost."""
    if owner is None or gone or source.whole or payload.place in _ABSENT:
        return _look(source, ledger, payload, owner, gone=gone)
    return () if _fits(payload, owner) else _check_record(payload, owner, gone=gone)


def _look(
    source: Source, ledger: Ledger, payload: Payload, owner: Owner | None, *, gone: bool
) -> Iterator[Finding]:
    if owner is None:
        yield _unnamed(payload.digest)
    else:
        yield from _check_record(payload, owner, gone=gone)
    if gone and source.could_open(payload.digest):
        yield _key_left(owner, payload.digest)
    if source.whole and owner is not None and payload.place not in _ABSENT:
        yield from _check_bytes(source, payload, owner, card=is_card(ledger, payload.digest))


def _check_others(walk: Walk, looked_at: Mapping[str, Place]) -> Iterator[Finding]:
    """Count what is recorded in all; where that is not what the log names, find out what else differs."""
    source, owners = walk.source, walk.replay.ledger.owners
    if source.count() == len(owners):
        return
    found = set[str]()
    for payload in source.payloads():
        digest, owner = payload.digest, owners.get(payload.digest)
        if digest in looked_at:
            continue
        if owner is None:
            yield _unnamed(digest)
        elif digest in found:
            yield _twice(owner, digest)
        found.add(digest)
    for digest in sorted(owners.keys() - found - looked_at.keys() - walk.named().keys()):
        yield _missing(owners[digest], digest)


def _check_there(walk: Walk, looked_at: Mapping[str, Place]) -> Iterator[Finding]:
    """Of payloads whose bytes an earlier audit has read, whether these are still there."""
    for digest in walk.source.without_bytes():
        owner = walk.replay.ledger.owners.get(digest)
        if digest not in looked_at and owner is not None:
            yield from _still(walk, digest, [_not_there(owner, digest)])


def _not_there(owner: Owner, digest: str) -> Finding:
    return _finding(owner, "payload-is-there", digest, "is not in the vault")


def _twice(owner: Owner | None, digest: str) -> Finding:
    return _finding(owner, "payload-is-recorded", digest, "stands twice")


def _missing(owner: Owner, digest: str) -> Finding:
    return _finding(owner, "payload-is-recorded", digest, "is named, and nothing is recorded of it")


def _check_absent(source: Source, ledger: Ledger, absent: Iterable[str]) -> Iterator[Finding]:
    for digest in sorted(absent):
        owner = ledger.owners.get(digest)
        if source.holds(digest):
            yield _finding(owner, "payload-is-destroyed", digest, "should have been destroyed, and is there")
        if source.could_open(digest):
            yield _key_left(owner, digest)


def _key_left(owner: Owner | None, digest: str) -> Finding:
    what = "was destroyed, and a key that would open a copy of it is still there"
    return _finding(owner, "erasure-key-is-destroyed", digest, what)


def _unnamed(digest: str) -> Finding:
    return _finding(None, "payload-is-named", digest, "is recorded, and no event names it")


def _fits(payload: Payload, owner: Owner) -> bool:
    return payload.size == owner.size and payload.index in (None, owner.index)


def _check_record(payload: Payload, owner: Owner, *, gone: bool) -> Iterator[Finding]:
    digest = payload.digest
    if not _fits(payload, owner):
        yield _finding(owner, "payload-is-recorded", digest, "is recorded otherwise than its event names it")
    if gone:
        if payload.place not in _ABSENT:
            yield _finding(owner, "payload-is-destroyed", digest, "should have been destroyed, and is there")
    elif payload.place == "lost":
        yield _finding(owner, "payload-was-lost", digest, "was lost when the log was restored from a mirror")
    elif payload.place == "gone":
        yield _finding(owner, "payload-is-there", digest, "is gone, and the log does not say why")


def _check_bytes(source: Source, payload: Payload, owner: Owner, *, card: bool) -> Iterator[Finding]:
    try:
        file = source.open(payload)
        if file is None:
            yield _not_there(owner, payload.digest)
            return
        with file:
            start, size, digest = _read(file)
    except ErasureKeyError as error:
        yield _finding(owner, "erasure-key-is-there", payload.digest, f"cannot be opened: {error}")
        return
    except DamagedLayerError:
        start, size, digest = b"", 0, ""
    if (digest, size) != (payload.digest, owner.size):
        yield _finding(owner, "payload-is-whole", payload.digest, "has other bytes than those it is named by")
    elif not card:
        try:
            age.check_single_hybrid(start)
        except CryptoError as error:
            sentence = f"is not sealed to exactly one post-quantum recipient: {error}"
            yield _finding(owner, "payload-is-sealed", payload.digest, sentence)


def _read(file: BinaryIO) -> tuple[bytes, int, str]:
    """The first bytes of a file, its size, and its SHA-256 in hex."""
    start = piece = file.read(_PIECE)
    size, digest = 0, hashlib.sha256()
    while piece:
        size += len(piece)
        digest.update(piece)
        piece = file.read(_PIECE)
    return start[: age.HYBRID_HEADER_SIZE], size, digest.hexdigest()


def _left_over(source: Source, places: Mapping[str, Place]) -> Iterator[Finding]:
    for what in source.leftovers(places):
        yield Finding("vault-holds-nothing-else", f"{what} is named by no event, or should be gone")


def _finding(owner: Owner | None, rule: str, digest: str, what: str) -> Finding:
    where = f" ({owner.kind}, {owner.use})" if owner else ""
    index, stream = (owner.index, owner.stream) if owner else (None, "")
    return Finding(rule, f"the payload {digest}{where} {what}", index, stream)
