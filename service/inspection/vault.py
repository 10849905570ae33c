"""The vault: every payload that the log names is there, is what the log says, and nothing else is.

- A payload's bytes have its SHA-256 and size. All but cards are age files for exactly one post-quantum
  recipient; whom they open for nobody can see.
- What the log says was destroyed is nowhere, and neither is its key; everything else that it names is
  present, and so is the key that it lies under.
- An export holds no payloads: there the record of what was present is compared.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import BinaryIO, Final

from meyasubako.crypto import age
from meyasubako.crypto.errors import CryptoError, DamagedLayerError
from meyasubako.domain.audit import Finding, is_card, must_be_absent
from meyasubako.domain.ledger import Ledger, Owner
from meyasubako.service.inspection.source import Payload, Place, Progress, Source
from meyasubako.service.store.errors import ErasureKeyError

_PIECE: Final = 1 << 20
_EVERY: Final = 64
_ABSENT: Final = frozenset({"gone", "lost"})


def check(source: Source, ledger: Ledger, progress: Progress, since: int = 0) -> Iterator[Finding]:
    """Compare what the log names with what is recorded and, in a directory, with the bytes.

    From an index on, only payloads that later entries name are read; what must be absent always is.
    """
    if not source.recorded:
        return
    absent, owners = must_be_absent(ledger), _named_since(ledger, since)
    places: dict[str, Place] = {}
    for payload in source.payloads(since):
        digest, owner = payload.digest, owners.get(payload.digest)
        if since and owner is None and digest in ledger.owners:
            continue
        if len(places) % _EVERY == 0:
            progress("checking payloads", len(places), len(owners))
        if digest in places:
            yield _finding(owner, "payload-is-recorded", digest, "stands twice")
        places[digest] = payload.place
        gone = digest in absent
        yield from _check(payload, owner, gone=gone)
        if gone and source.could_open(digest):
            yield _key_left(owner, digest)
        if source.whole and owner is not None and payload.place not in _ABSENT:
            yield from _check_bytes(source, payload, owner, card=is_card(ledger, digest))
    for digest in sorted(owners.keys() - places.keys(), key=lambda each: owners[each].index):
        yield _finding(
            owners[digest], "payload-is-recorded", digest, "is named, and nothing is recorded of it"
        )
    if since:
        yield from _check_absent(source, ledger, absent - places.keys())
    else:
        yield from _left_over(source, places)
    progress("checking payloads", len(owners), len(owners))


def _named_since(ledger: Ledger, since: int) -> Mapping[str, Owner]:
    """The payloads that entries from an index on name: the last ones that were put down."""
    if not since:
        return ledger.owners
    newest = takewhile(lambda item: item[1].index >= since, reversed(list(ledger.owners.items())))
    return dict(newest)


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


def _check(payload: Payload, owner: Owner | None, *, gone: bool) -> Iterable[Finding]:
    """What is wrong with what is recorded; of a sound log's many payloads nothing, at little cost."""
    if owner is None:
        return [_finding(None, "payload-is-named", payload.digest, "is recorded, and no event names it")]
    known = payload.size == owner.size and payload.index in (None, owner.index)
    return () if known and not gone and payload.place not in _ABSENT else _wrong(payload, owner, gone=gone)


def _wrong(payload: Payload, owner: Owner, *, gone: bool) -> Iterator[Finding]:
    digest = payload.digest
    if payload.size != owner.size or payload.index not in (None, owner.index):
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
            yield _finding(owner, "payload-is-there", payload.digest, "is not in the vault")
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
