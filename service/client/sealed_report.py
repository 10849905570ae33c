"""A report sealed on the reporter's own machine, so that no server ever holds a word of it.

- Readers come from a roster that was verified against the mechanism's public log, never from a page.
- The receipt is made here; the server learns two public keys of it. What carries it is shown once and kept
  nowhere.
- Sending is repeated with the very same bytes where an answer was lost: it cannot arrive twice.
"""

import random
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import acts, deadlines, holders
from meyasubako.domain.acts import NewRoom, Report, Request, Told
from meyasubako.domain.holders import Holding
from meyasubako.domain.people import Channel, Person
from meyasubako.service.client import files, proofs, roster
from meyasubako.service.client.answers import AcceptedEvent
from meyasubako.service.client.cards import card_name, names
from meyasubako.service.client.errors import NoCustodiansError, NoReaderError, NoSuchChannelError
from meyasubako.service.client.files import LocalFile, Progress, no_progress
from meyasubako.service.client.reporter import ReporterClient
from meyasubako.service.client.roster import Fetch, VerifiedMechanism
from meyasubako.service.clocks import Clock, system_clock
from meyasubako.service.errors import UnreachableError

SEALED_BY: Final = "reporter_tool"
_SENDS: Final = 3


@dataclass(frozen=True, slots=True)
class Offer:
    """A mechanism as it was verified: who would read a report on which channel, by name."""

    verified: VerifiedMechanism
    names: Mapping[str, str]
    titles: Mapping[str, str]

    def channel(self, name: str) -> Channel:
        """A channel; NoSuchChannelError names those that there are."""
        channels = {each: found for each, found in self.verified.mechanism.channels.items() if found.open}
        if name not in channels:
            raise NoSuchChannelError(f"there is no channel {name}; there are: {', '.join(sorted(channels))}")
        return channels[name]

    def readers(self, channel: str) -> dict[str, str]:
        """Key id and name of everybody who may be left out: readers, the fallback, holders of shares."""
        fallback = self._fallback(channel)
        people = [*self._intake(channel), *((fallback,) if fallback else ())]
        listed = [person.key_id for person in people]
        for found in (self.recovery(channel), self.custodians(channel)):
            listed += found.people if found else ()
        return {key_id: self.names[key_id] for key_id in listed}

    def recovery(self, channel: str, excluded: frozenset[str] = frozenset()) -> Holding | None:
        """Who can restore lost access, some of them together."""
        found = holders.holding(self.verified.mechanism, self.channel(channel), "report", excluded)
        return found if found and found.people else None

    def custodians(self, channel: str, without: Collection[str] = ()) -> Holding | None:
        """Who would hold shares of what a reporter tells of themselves; None where it is not offered."""
        return holders.identity_offered(self.verified.mechanism, self.channel(channel), without)

    def staying(self, channel: str, excluded: frozenset[str] = frozenset()) -> list[Person]:
        """From whom the readers are taken: those not left out, else the fallback; NoReaderError if nobody."""
        people = [person for person in self._intake(channel) if person.key_id not in excluded]
        if people:
            return people
        fallback = self._fallback(channel)
        if fallback is None or fallback.key_id in excluded:
            raise NoReaderError("nobody is left who could read the report")
        return [fallback]

    def _intake(self, channel: str) -> list[Person]:
        mechanism, slot = self.verified.mechanism, self.verified.marker.slot
        return list(mechanism.intake(self.channel(channel).channel, slot))

    def _fallback(self, channel: str) -> Person | None:
        found, verified = self.channel(channel).fallback, self.verified
        return verified.mechanism.usable(found, verified.marker.slot) if found else None


@dataclass(frozen=True, slots=True)
class Words:
    """What a reporter says; `excluded` are key ids of people who must not read, `identity` who they are."""

    text: str
    language: str = "en"
    excluded: frozenset[str] = frozenset()
    answers: Mapping[str, JsonValue] = field(default_factory=dict)
    identity: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Prepared:
    """A report sealed and signed, its large files sent ahead, and the receipt that leads back to it."""

    receipt: Receipt
    request: Request
    case: str
    readers: tuple[str, ...]
    # The day by which the reporter hears something.
    next_date: date


def look(
    client: ReporterClient,
    *,
    fingerprint: str | None = None,
    log: Fetch | None = None,
    clock: Clock = system_clock,
    accept_stale: bool = False,
    accept_unwitnessed: bool = False,
) -> Offer:
    """Verify who reads at this mechanism, by its log's own door where that is known.

    Raises RosterError, WrongMechanismError and what the doors raise.
    """
    shown = client.channels()
    verified = roster.verify(
        log or client.mechanism_page,
        clock().date(),
        fingerprint=fingerprint,
        accept_stale=accept_stale,
        accept_unwitnessed=accept_unwitnessed,
    )
    titles = {
        name: card_name(shown.cards, channel.card) for name, channel in verified.mechanism.channels.items()
    }
    return Offer(verified, names(verified.mechanism, shown.cards), titles)


def prepare(
    client: ReporterClient,
    offer: Offer,
    words: Words,
    attached: Sequence[LocalFile] = (),
    *,
    channel: str = "main",
    progress: Progress = no_progress,
    clock: Clock = system_clock,
) -> Prepared:
    """Seal a report to its readers; its large files are sent ahead, sealed, and swept if it never follows."""
    receipt, mechanism = Receipt.generate(), offer.verified.mechanism
    origin, case = mechanism.origin, str(uuid.uuid4())
    readers = _readers(offer, channel, words.excluded)
    request = Request(origin, receipt.signing_key(origin), clock())
    report_room, dialogue = (NewRoom(str(uuid.uuid4()), HybridIdentity.generate()) for _ in range(2))
    sealed = [
        files.attach(
            request,
            file,
            stream=case,
            kind="report.submitted",
            recipient=report_room.recipient,
            upload=client.upload,
            progress=progress,
        )
        for file in attached
    ]
    document: dict[str, JsonValue] = {
        "answers": dict(words.answers),
        "excluded": list[JsonValue](sorted(words.excluded)),
        "language": words.language,
        "text": words.text,
        "v": 1,
    }
    acts.submit(
        request,
        Report(
            document,
            words.text,
            sealed,
            told=_told(offer, channel, words, readers),
            holding=holders.holding(mechanism, offer.channel(channel), "report", words.excluded),
        ),
        case=case,
        rooms=(report_room, dialogue),
        reporter=receipt.identity(origin).recipient,
        channel=offer.channel(channel),
        marker=offer.verified.marker.leaf,
        readers=readers,
        sealed_by=SEALED_BY,
    )
    due = deadlines.acknowledged_by(offer.channel(channel), request.today)
    return Prepared(receipt, request, case, tuple(readers), due)


def _told(offer: Offer, channel: str, words: Words, readers: Mapping[str, HybridRecipient]) -> Told | None:
    """Who the reporter is, in a room whose key is cut into shares here and then forgotten."""
    if not words.identity:
        return None
    found = offer.custodians(channel, {*words.excluded, *readers})
    if found is None:
        raise NoCustodiansError("too few custodians are left to keep who you are")
    room = NewRoom(str(uuid.uuid4()), HybridIdentity.generate())
    return Told(room, {"text": words.identity, "v": 1}, found)


def _readers(offer: Offer, channel: str, excluded: frozenset[str]) -> dict[str, HybridRecipient]:
    people, draw = offer.staying(channel, excluded), offer.channel(channel).draw
    if draw and len(people) > draw:
        # Drawn, so that the absence of one of them says nothing about the report.
        people = random.SystemRandom().sample(people, draw)
    return {person.key_id: HybridRecipient.parse(person.recipient) for person in people}


def send(client: ReporterClient, prepared: Prepared) -> list[AcceptedEvent]:
    """Send a prepared report; gives a promise for each event.

    Raises UnreachableError where no answer came: it may have arrived, and may be sent again as it is.
    """
    return repeated(lambda: client.post(prepared.request.events, prepared.request.payloads))


def promise_of(offer: Offer, accepted: Sequence[AcceptedEvent]) -> bytes:
    """The promise that the report, the first of the events, will be in the log; verified, or BadNoteError."""
    promise, keys = accepted[0].promise.encode(), proofs.promise_keys(offer.verified.mechanism)
    proofs.verify_promise(promise, keys, accepted[0].leaf)
    return promise


def repeated(post: Callable[[], list[AcceptedEvent]]) -> list[AcceptedEvent]:
    """Post the same bytes again where the answer was lost."""
    for _ in range(_SENDS - 1):
        try:
            return post()
        except UnreachableError:
            continue
    return post()
