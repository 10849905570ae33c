"""What the desk and the command line ask of the handlers' door."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING

from meyasubako.crypto.canonical import encode_base64
from meyasubako.domain.envelope import Event, Head
from meyasubako.service.client import answers, uploading
from meyasubako.service.client.http import Http
from meyasubako.service.errors import BadAnswerError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class HandlerClient:
    """The handlers' door, for the person whose key signs the requests of this `Http`."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def me(self) -> answers.Me:
        """Who I am here, and every stream that I am shown."""
        return answers.read(self._http.get_json("/v1/me"), answers.Me)

    def mechanism(self) -> answers.MechanismShown:
        """What the mechanism says of itself; a card whose bytes do not fit its digest is refused."""
        found = answers.read(self._http.get_json("/v1/mechanism"), answers.MechanismShown)
        check_cards(found.cards)
        return found

    def stream(self, stream: str, from_seq: int = 1) -> list[Event]:
        """The events of a stream from a seq on; `RefusedError` (404) for one that I am not shown."""
        found: list[Event] = []
        more = True
        while more:
            fields = self._http.get_json(f"/v1/streams/{stream}", {"from": from_seq + len(found)})
            page = answers.read(fields, answers.Events)
            found += answers.read_events([row.event for row in page.events], stream)
            more = page.more and bool(page.events)
        return found

    def part(self, stream: str) -> tuple[list[Event], Head]:
        """What I am shown of a stream, perhaps with events left out, and where it ends."""
        found: list[Event] = []
        more, head = True, Head()
        while more:
            start = found[-1].seq + 1 if found else 1
            page = answers.read(self._http.get_json(f"/v1/streams/{stream}", {"from": start}), answers.Events)
            found += answers.read_events([row.event for row in page.events], stream)
            head = Head(page.head.seq, page.head.leaf)
            more = page.more and bool(page.events)
        return found, head

    def post(self, events: Sequence[Event], payloads: Mapping[str, bytes]) -> list[answers.AcceptedEvent]:
        """Post signed events with the small payloads that they name; all or none.

        Raises `ConflictError` with what stands in the stream, and `RefusedError` with a rule's name.
        """
        return answers.read_accepted(self._http.post_json("/v1/events", submission(events, payloads)), events)

    def proof(self, stream: str, seq: int) -> answers.EventProof:
        """The proof that an event is in the log; its promise until the slot has closed."""
        return answers.read(self._http.get_json(f"/v1/proofs/{stream}/{seq}"), answers.EventProof)

    def upload(self, chunks: Iterable[bytes], size: int) -> None:
        """Upload so many sealed bytes in chunks of any size; a broken connection is taken up again."""
        uploading.upload(self._http, "/v1/uploads", chunks, size)

    def payload(self, digest: str) -> bytes:
        """A payload's sealed bytes, for those that fit in memory; see `open_payload`."""
        return checked(self._http.get_bytes(f"/v1/payloads/{digest}"), digest)

    @contextmanager
    def open_payload(self, digest: str) -> Iterator[BufferedReader]:
        """A payload's sealed bytes to read as they arrive; opening them authenticates them."""
        with self._http.stream(f"/v1/payloads/{digest}") as chunks:
            yield reader(chunks)

    def payload_range(self, digest: str, start: int, stop: int) -> bytes:
        """The sealed bytes from `start` up to, not including, `stop`: authenticated only when opened."""
        with self._http.stream(f"/v1/payloads/{digest}", {"Range": f"bytes={start}-{stop - 1}"}) as chunks:
            data = b"".join(chunks)
        if len(data) > stop - start:
            raise BadAnswerError("the answer is longer than what was asked for")
        return data

    def reach(self, key_id: str) -> answers.Reach:
        """What somebody could read, told blind (stewards and auditors)."""
        return answers.read(self._http.get_json(f"/v1/people/{key_id}/reach"), answers.Reach)

    def publish(self) -> str:
        """Close the slot now (stewards); gives the checkpoint's note when it is published."""
        return str(self._http.post_json("/v1/publish", {}).get("checkpoint", ""))


def submission(events: Sequence[Event], payloads: Mapping[str, bytes]) -> dict[str, object]:
    """The body of a request that posts events."""
    return {
        "events": [encode_base64(event.data) for event in events],
        "payloads": {digest: encode_base64(data) for digest, data in payloads.items()},
    }


def checked(data: bytes, digest: str) -> bytes:
    """The bytes, if they have this hex SHA-256."""
    if hashlib.sha256(data).hexdigest() != digest:
        raise BadAnswerError("the service sent other bytes than the event names")
    return data


def check_cards(cards: Mapping[str, bytes]) -> None:
    """Refuse cards of which one does not have its digest."""
    for digest, data in cards.items():
        checked(data, digest)


def reader(chunks: Iterator[bytes]) -> BufferedReader:
    """Chunks as a file to read."""
    return BufferedReader(_Chunks(chunks), 256 * 1024)


class _Chunks(RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        while not self._rest and (more := next(self._chunks, None)) is not None:
            self._rest = more
        size = min(len(view), len(self._rest))
        view[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
