"""What the `report` and `mailbox` commands ask of the reporters' door for programs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader

from meyasubako.domain.envelope import Event
from meyasubako.service.client import answers, uploading
from meyasubako.service.client.handler import check_cards, checked, reader, submission
from meyasubako.service.client.http import Http


class ReporterClient:
    """The door under /api of the reporter's site.

    For the mailbox and its payloads the `Http` signs with the receipt's key; everything else is sent by an
    `Http` without a key, so that a report is not tied to a mailbox by its requests.
    """

    def __init__(self, http: Http) -> None:
        self._http = http

    def channels(self, from_seq: int = 1) -> answers.Channels:
        """The channels, the public cards (checked against their digests), and the stream to verify them
        by.
        """
        found = answers.read(self._http.get_json("/api/channel", {"from": from_seq}), answers.Channels)
        check_cards(found.cards)
        return found

    def mechanism_page(self, from_seq: int) -> answers.MechanismPage:
        """A page of the mechanism's public stream, as `roster.verify` asks for it."""
        return self.channels(from_seq).mechanism

    def upload(self, chunks: Iterable[bytes], size: int) -> None:
        """Upload so many sealed bytes in chunks of any size; a broken connection is taken up again."""
        uploading.upload(self._http, "/api/uploads", chunks, size)

    def post(self, events: Sequence[Event], payloads: Mapping[str, bytes]) -> list[answers.AcceptedEvent]:
        """Post a reporter's signed events; all or none. Raises `ConflictError` and `RefusedError`."""
        return answers.read_accepted(
            self._http.post_json("/api/events", submission(events, payloads)), events
        )

    def mailbox(self) -> answers.Mailbox:
        """The mailbox of the receipt whose key signs; `RefusedError` (404) if there is none."""
        return answers.read(self._http.get_json("/api/mailbox"), answers.Mailbox)

    def proof(self) -> answers.Proof:
        """The evidence that the report of the receipt whose key signs was filed; not verified yet."""
        return answers.read(self._http.get_json("/api/proof"), answers.Proof)

    def payload(self, digest: str) -> bytes:
        """A sealed payload of the mailbox."""
        return checked(self._http.get_bytes(f"/api/payloads/{digest}"), digest)

    @contextmanager
    def open_payload(self, digest: str) -> Iterator[BufferedReader]:
        """A sealed payload of the mailbox to read as it arrives; opening it authenticates it."""
        with self._http.stream(f"/api/payloads/{digest}") as chunks:
            yield reader(chunks)
