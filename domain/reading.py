"""Reading a room: from its events and one's own identity to the texts in it.

Whoever fetches sealed bytes (from a store, from a door) hands in the function that does.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.errors import CryptoError
from meyasubako.domain.envelope import Event
from meyasubako.domain.errors import BadDocumentError
from meyasubako.domain.opening import Document, open_document, unwrap
from meyasubako.domain.rooms import Room

Fetch = Callable[[str], bytes]

# The kinds that hold a text, and the name under which each names it.
TEXTS = {
    "report.submitted": "report",
    "report.added": "addition",
    "message.posted": "message",
    "note.added": "note",
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A text as its reader sees it; `document` is None where it could not be opened, `trouble` says why."""

    event: Event
    epoch: int
    document: Document | None
    trouble: str = ""


class Keys(dict[int, HybridIdentity]):
    """A room's identities by epoch; `troubles` says why an epoch that was wrapped to the reader has none."""

    def __init__(self) -> None:
        super().__init__()
        self.troubles: dict[int, str] = {}


def epoch_keys(
    room: Room,
    reader: str,
    identity: HybridIdentity,
    fetch: Fetch,
    *,
    epochs: Collection[int] | None = None,
) -> Keys:
    """The room's identities of every epoch that was wrapped to this reader and whose wrap is still there.

    `epochs` says of which ones only. What is not asked for is not fetched either.

    A wrap that does not open, or that holds another key than the room's, opens nothing. It closes nothing
    either: whoever advances a room could otherwise lock another reader out of all that was said before.
    """
    keys = Keys()
    for wrap in room.wraps:
        if wrap.reader != reader or (epochs is not None and wrap.epoch not in epochs):
            continue
        try:
            keys[wrap.epoch] = unwrap(fetch(wrap.digest), identity, room.recipients[wrap.epoch - 1])
        except (CryptoError, BadDocumentError) as error:
            keys.troubles[wrap.epoch] = str(error)
    return keys


def text_digest(event: Event) -> str:
    """The digest of the text that an event names."""
    use = TEXTS[event.kind]
    return next(payload.digest for payload in event.payloads() if payload.use == use)


def epoch_of(event: Event) -> int:
    """The epoch that an event's payloads are sealed to; a report's is the first."""
    return 1 if event.kind == "report.submitted" else event.number("epoch")


def open_texts(events: Iterable[Event], keys: Mapping[int, HybridIdentity], fetch: Fetch) -> list[Opened]:
    """Every text among the events, opened where a key for its epoch is there."""
    opened = []
    for event in events:
        if event.kind not in TEXTS:
            continue
        epoch = epoch_of(event)
        if epoch not in keys:
            troubles = keys.troubles if isinstance(keys, Keys) else {}
            trouble = troubles.get(epoch, "it was written when you had no access")
            opened.append(Opened(event, epoch, None, trouble))
            continue
        try:
            document = open_document(event, fetch(text_digest(event)), keys[epoch])
        except (CryptoError, BadDocumentError) as error:
            opened.append(Opened(event, epoch, None, str(error)))
        else:
            opened.append(Opened(event, epoch, document))
    return opened
