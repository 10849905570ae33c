"""A report that was sealed without a connection, as the one file that the saved page made.

Rules upheld here (`meyasubako/sealed-report/v1`, docs/page.md):

- First line: the name. Second line: JSON with the events without day and signature, the signatures of each
  day on which the file may arrive, and digest and size of each payload. Then the payloads, one after another.
- Whoever sends it proves nothing and needs no key: what is accepted is what the signatures say, by the rules
  that every submission meets. The same file sent again finds that it has arrived.
- Large payloads go straight into the object store; of a file that is refused nothing stays.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Annotated, Final, Protocol

import msgspec

from meyasubako.crypto import canonical
from meyasubako.crypto.age import HYBRID_HEADER_SIZE, check_single_hybrid
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.errors import CryptoError
from meyasubako.domain import envelope, kinds
from meyasubako.domain.envelope import MAX_BATCH, Event
from meyasubako.domain.errors import DomainError, RefusedError
from meyasubako.service import proofs
from meyasubako.service.errors import ServiceError
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.store.errors import StoreError
from meyasubako.service.store.port import SMALL_PAYLOAD

NAME: Final = b"meyasubako/sealed-report/v1\n"
_LONGEST_HEAD: Final = 1024**2
_MOST_PAYLOADS: Final = 512
_CHUNK: Final = 256 * 1024
_READERS_CHANGED: Final = (
    "reader-on-roster",
    "channel-as-published",
    "shares-exactly",
    "custodians-read-no-report",
)


class NotSealedFileError(ServiceError):
    """The file is none that the saved page made, or was damaged since."""


class SealedFileTooOldError(ServiceError):
    """The file holds no signature for today."""


class SealedForOthersError(ServiceError):
    """Somebody whom the file was sealed to may no longer read: it has to be sealed again."""


class Source(Protocol):
    """What the file is read by."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes, none at the end."""


class _Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, msgspec.Meta(gt=0, le=canonical.MAX_INTEGER)]


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    events: Annotated[list[dict[str, object]], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]
    payloads: Annotated[list[_Payload], msgspec.Meta(max_length=_MOST_PAYLOADS)]
    signatures: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Arrived:
    """What somebody may know who sent the file: the next date, and the promise that the log will hold it."""

    next_date: date
    promise: str


class SealedFiles:
    """Takes such files for one mechanism."""

    def __init__(self, mechanism: Mechanism) -> None:
        self._mechanism = mechanism

    def take(self, source: Source) -> Arrived:
        """Store the report in the file. Success means that it would survive the power going out.

        Raises NotSealedFileError, SealedFileTooOldError, SealedForOthersError and the store's errors.
        """
        reader = _Reader(source)
        events, head = self._events(reader)
        if known := self._arrived(events[0]):
            return known
        large: list[str] = []
        try:
            payloads = self._payloads(reader, head.payloads, large)
            try:
                self._mechanism.accept([event.data for event in events], payloads)
            except RefusedError as refused:
                if refused.rule in _READERS_CHANGED:
                    raise SealedForOthersError("the people who read reports have changed") from None
                raise NotSealedFileError("the report in this file is not one that can be accepted") from None
            except (CryptoError, DomainError):
                raise NotSealedFileError("the file does not hold a sealed report") from None
        except BaseException:
            self._forget(large)
            raise
        arrived = self._arrived(events[0])
        if arrived is None:
            raise NotSealedFileError("the file does not hold a report")
        return arrived

    def _arrived(self, report: Event) -> Arrived | None:
        # By another day's signature it is another event, and the same report.
        case = self._mechanism.ledger().cases.get(report.stream)
        if case is None or case.reporter != report.by:
            return None
        promise = proofs.evidence(self._mechanism, case.stream, 1)
        return Arrived(case.next_date or case.submitted_on, promise.data.decode())

    def _events(self, reader: "_Reader") -> tuple[list[Event], _Head]:
        if reader.line(len(NAME)) != NAME:
            raise NotSealedFileError("the file does not begin as a sealed report does")
        try:
            head = msgspec.json.decode(reader.line(_LONGEST_HEAD), type=_Head)
        except msgspec.MsgspecError:
            raise NotSealedFileError("the file does not say what it holds") from None
        today = self._mechanism.clock().date().isoformat()
        signatures = head.signatures.get(today)
        if signatures is None:
            raise SealedFileTooOldError("the file holds no signature for today")
        try:
            events = [
                envelope.read(canonical.encode(_event(fields, today, signature)))
                for fields, signature in zip(head.events, signatures, strict=True)
            ]
        except (ValueError, CryptoError, DomainError):
            raise NotSealedFileError("the events in the file are malformed") from None
        authors = {event.by for event in events}
        staff = self._mechanism.ledger().mechanism.people.keys()
        whole = events[0].kind == "report.submitted" and all(e.kind in kinds.REPORTERS for e in events)
        if len(authors) != 1 or authors & staff or not whole:
            raise NotSealedFileError("the file holds something else than one reporter's report")
        return events, head

    def _payloads(self, reader: "_Reader", rows: Sequence[_Payload], large: list[str]) -> Mapping[str, bytes]:
        small: dict[str, bytes] = {}
        for row in rows:
            if row.size <= SMALL_PAYLOAD:
                small[row.sha256] = reader.exactly(row.size)
            elif row.size > self._mechanism.config.limits.upload_bytes:
                raise NotSealedFileError("a payload in the file is larger than this mechanism takes")
            else:
                self._store(reader, row)
                large.append(row.sha256)
        if reader.some(1):
            raise NotSealedFileError("the file is longer than it says")
        return small

    def _store(self, reader: "_Reader", row: _Payload) -> None:
        data = reader.exactly(HYBRID_HEADER_SIZE)
        try:
            check_single_hybrid(data)
        except CryptoError:
            raise NotSealedFileError("a payload in the file is not sealed as it should be") from None
        digest, left = sha256(data), row.size - len(data)
        with self._mechanism.store.receive(self._mechanism.clock().date()) as receiving:
            receiving.write(data)
            while left:
                data = reader.exactly(min(left, _CHUNK))
                left -= len(data)
                digest.update(data)
                receiving.write(data)
            if digest.hexdigest() != row.sha256:
                raise NotSealedFileError("a payload in the file was damaged")
            receiving.commit()

    def _forget(self, large: Sequence[str]) -> None:
        # What an event owns after all (the same file, sent twice) is kept.
        if large:
            with suppress(StoreError):  # whatever is left is swept with everything that was never sent
                self._mechanism.store.drop_unowned(*large)


class _Reader:
    """Reads lines and exact counts of bytes; NotSealedFileError where the file ends before."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._rest = b""

    def some(self, size: int) -> bytes:
        data = self._rest or self._source.read(_CHUNK)
        self._rest = data[size:]
        return data[:size]

    def exactly(self, size: int) -> bytes:
        pieces: list[bytes] = []
        while size:
            piece = self.some(size)
            if not piece:
                raise NotSealedFileError("the file is cut short")
            size -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def line(self, longest: int) -> bytes:
        found = b""
        while not found.endswith(b"\n"):
            data = self.some(_CHUNK)
            head, newline, rest = data.partition(b"\n")
            found += head + newline
            if not data or len(found) > longest:
                raise NotSealedFileError("the file does not hold the lines that it should")
            if newline:
                self._rest = rest + self._rest
        return found


def _event(fields: Mapping[str, object], day: str, signature: str) -> dict[str, JsonValue]:
    return {**fields, "at": day, "sig": signature}  # type: ignore[dict-item]  # canonical.encode refuses other values
