"""Files are sealed while they arrive; no part of one is ever written in the clear.

Rules upheld here:

- The form's parser hands each file part to a sink of ours instead of a temporary file; the sink passes every
  chunk to `Intake.receive_file()`, which seals it under a fresh key.
- A file that is too large, one too many, or for which there is no room is swallowed to its end, not cut
  off: a browser shows its own error page when a server stops listening, and all else would be lost.
- What a request left unfinished or unclaimed is deleted when the request ends, whatever ended it.
- A file that its sender sealed already is taken for one if it is called so or begins so, and then checked
  whole, without a key: nobody finds out months later that it was damaged. Like any other it is sealed once
  more.
- A body that breaks off raises instead of looking like an empty form (`silent=False`).
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import IO, Any, Final, cast

from flask import Request
from werkzeug.exceptions import BadRequest

from meyasubako.crypto.age import BEGINNING, Source, begins_sealed, check_sealed
from meyasubako.crypto.errors import CryptoError
from meyasubako.domain.sealing import SEALED_TYPE
from meyasubako.service.incoming import FileTicket, IncomingFile
from meyasubako.service.intake import ChannelView
from meyasubako.service.reporter.form_data import FormParser
from meyasubako.service.reporter.state import HeldFile

# The field for files that their senders sealed themselves: what is not sealed is refused there.
SEALED_FIELD: Final = "sealed"
# A browser that sends nothing useful as a file's name still sends a file.
_NAME_LIMIT = 200


class Refused(Enum):
    """Why a file was not kept."""

    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    NO_ROOM = "no_room"
    EMPTY = "empty"
    DAMAGED_SEAL = "damaged_seal"
    NOT_SEALED = "not_sealed"


@dataclass(frozen=True, slots=True)
class Gate:
    """How files come in: who receives, opens and discards them, what is too much, which errors mean that
    there is no room.
    """

    receive: Callable[[], IncomingFile]
    opened: Callable[[FileTicket], AbstractContextManager[Source]]
    discard: Callable[[Iterable[str]], None]
    largest: int
    most: int
    no_room: tuple[type[Exception], ...]


class Sink:
    """The write-only end of one file part. The form's parser calls `write` for each chunk, and `seek(0)` at
    its end.
    """

    def __init__(self, gate: Gate, name: str, media_type: str, *, wanted: bool) -> None:
        self._gate = gate
        self._name = name
        self._media_type = media_type
        self._incoming: IncomingFile | None = None
        self._size = 0
        self._start = b""
        self.refused: Refused | None = None if wanted else Refused.TOO_MANY
        self.held: HeldFile | None = None

    @property
    def shown_name(self) -> str:
        """The name to say back to the person who sent it."""
        return self._name

    def write(self, data: bytes) -> int:
        """Seal the next chunk, or swallow it if this file will not be kept."""
        # An empty field arrives as empty data. No file is begun for it: that would change the folder's times.
        if self.refused is None and data:
            self._size += len(data)
            self._start += data[: BEGINNING - len(self._start)]
            if self._size > self._gate.largest:
                self._refuse(Refused.TOO_LARGE)
            else:
                self._pass_on(data)
        return len(data)

    def seek(self, _offset: int, _whence: int = 0) -> int:
        """The part is complete."""
        if self.refused is None and self._size == 0:
            self.refused = Refused.EMPTY
        if self.refused is None and self._incoming is not None and self.held is None:
            try:
                ticket = self._incoming.finish()
            except self._gate.no_room:
                self._refuse(Refused.NO_ROOM)
                return 0
            if not self._is_whole(ticket):
                self._gate.discard([ticket.id])
                self._refuse(Refused.DAMAGED_SEAL)
                return 0
            self.held = HeldFile(
                ticket.id,
                ticket.seed_hex,
                ticket.size,
                ticket.sha256_hex,
                self._name,
                SEALED_TYPE if self.is_sealed else self._media_type,
            )
        return 0

    @property
    def is_sealed(self) -> bool:
        """Whether it is to be a file that its sender sealed."""
        return self._name.lower().endswith(".age") or begins_sealed(self._start)

    def _is_whole(self, ticket: FileTicket) -> bool:
        if self.is_sealed:
            try:
                with self._gate.opened(ticket) as file:
                    check_sealed(file)
            except CryptoError:
                return False
        return True

    def close(self) -> None:
        """Delete what never became complete."""
        if self.held is None and self._incoming is not None:
            incoming, self._incoming = self._incoming, None
            incoming.abort()

    def _pass_on(self, data: bytes) -> None:
        try:
            if self._incoming is None:
                self._incoming = self._gate.receive()
            self._incoming.write(data)
        except self._gate.no_room:
            self._refuse(Refused.NO_ROOM)

    def _refuse(self, why: Refused) -> None:
        self.refused = why
        self.close()


@dataclass(frozen=True, slots=True)
class Arrived:
    """The files of one request: those that are held now, and those that are not, with the reason."""

    held: tuple[HeldFile, ...]
    refused: tuple[tuple[str, Refused], ...]


class SealingRequest(Request):
    """A request whose file parts are sealed as they arrive. `gate` is set by `request_class_for`."""

    gate: Gate
    # What `Site.channels` has seen for this request.
    channels: tuple[ChannelView, ...] | None = None
    # Endpoints that take files; a file sent anywhere else is swallowed.
    taking_files: frozenset[str] = frozenset()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sinks: list[Sink] = []
        self._claimed: set[str] = set()

    def make_form_data_parser(self) -> FormParser:
        """Our parser; a broken body is an error and not an empty form."""
        return FormParser(
            stream_factory=self._get_file_stream,
            max_form_memory_size=self.max_form_memory_size,
            max_content_length=self.max_content_length,
            max_form_parts=self.max_form_parts,
            cls=self.parameter_storage_class,
            silent=False,
        )

    def _load_form_data(self) -> None:
        try:
            super()._load_form_data()
        except (ValueError, OSError):
            # The connection broke, the form ended too early, or it came too slowly.
            raise BadRequest from None

    def _get_file_stream(
        self,
        total_content_length: int | None,  # noqa: ARG002 - Werkzeug's signature; the browser's word counts for nothing
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,  # noqa: ARG002 - as above
    ) -> IO[bytes]:
        named = [sink for sink in self._sinks if sink.shown_name]
        wanted = self.endpoint in self.taking_files and len(named) < self.gate.most
        media_type = (content_type or "application/octet-stream").split(";")[0].strip()[:_NAME_LIMIT]
        sink = Sink(self.gate, plain_name(filename or ""), media_type, wanted=wanted)
        self._sinks.append(sink)
        return cast("IO[bytes]", sink)

    def claim(self, room: int) -> Arrived:
        """The files of this request, at most `room` of them; from now on they belong to the page's state."""
        held: list[HeldFile] = []
        refused: list[tuple[str, Refused]] = []
        to_be_sealed = {id(file.stream) for file in self.files.getlist(SEALED_FIELD)}
        for sink in self._sinks:
            if sink.held is not None and id(sink) in to_be_sealed and not sink.is_sealed:
                refused.append((sink.shown_name, Refused.NOT_SEALED))
            elif sink.held is not None and len(held) < room:
                held.append(sink.held)
            elif sink.held is not None:
                refused.append((sink.shown_name, Refused.TOO_MANY))
            elif sink.shown_name and sink.refused is not None:
                refused.append((sink.shown_name, sink.refused))
        self._claimed.update(file.id for file in held)
        return Arrived(tuple(held), tuple(refused))

    def drop_unclaimed(self) -> None:
        """Delete every file of this request that no page holds."""
        for sink in self._sinks:
            sink.close()
        left = [sink.held.id for sink in self._sinks if sink.held and sink.held.id not in self._claimed]
        if left:
            self.gate.discard(left)


def plain_name(name: str) -> str:
    """The last part of a path, without control characters, at most 200 characters; empty stays empty."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable())[:_NAME_LIMIT]


def request_class_for(gate: Gate, taking_files: Iterable[str]) -> type[SealingRequest]:
    """The request class of one application: its own gate, its own endpoints."""
    return type("GatedRequest", (SealingRequest,), {"gate": gate, "taking_files": frozenset(taking_files)})
