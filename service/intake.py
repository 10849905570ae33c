"""What the reporter's site does for people without scripts: everything is sealed here, in memory, at once.

- A receipt and a case id are derived from the form's single-use token under the form key, so that a doubled
  submit finds its first; the form key lives in the memory of the supervisor and this door only.
- The readers' set is fixed before anything is sealed: the intake people of the roster that the reporter was
  shown, without those excluded; where nobody is left, the fallback outside the organisation.
- A server that saw a receipt could use it: events made here say `sealed_by: server`.
"""

import random
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.keyfile import digest_fingerprint
from meyasubako.crypto.receipt import Receipt
from meyasubako.crypto.signing import SigningKey
from meyasubako.domain import acts, holders
from meyasubako.domain.acts import NewRoom, Report, Request, Told
from meyasubako.domain.case import Case
from meyasubako.domain.errors import RefusedError
from meyasubako.domain.holders import Holding
from meyasubako.domain.people import Channel, Person
from meyasubako.domain.people import Mechanism as Roster
from meyasubako.service import proofs
from meyasubako.service.cards import texts_on
from meyasubako.service.errors import ServiceError
from meyasubako.service.incoming import FileTicket, IncomingFile, IncomingFiles
from meyasubako.service.mailbox import Mailbox, Mailboxes, NoMailboxError
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.outside import OutsideList
from meyasubako.service.proofs import Evidence
from meyasubako.service.readers import Readers
from meyasubako.service.sealed_file import Arrived, SealedFiles
from meyasubako.service.store.errors import SeqConflictError

__all__ = ["FileTicket", "IncomingFile", "Intake", "Mailbox", "NoMailboxError"]

_SEALED_BY = "server"
_READERS_CHANGED = (
    "reader-on-roster",
    "channel-as-published",
    "shares-exactly",
    "custodians-read-no-report",
)


@dataclass(frozen=True, slots=True)
class ReaderView:
    """Somebody who may read, as the reporter is shown them."""

    key_id: str
    name: str
    title: str = ""
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class HoldersView:
    """People of whom any `needed` together can open something."""

    needed: int
    people: tuple[ReaderView, ...]


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A channel as the reporter is shown it; `marker` names the roster that `readers` are from."""

    name: str
    title: str
    readers: tuple[ReaderView, ...]
    marker: str
    fingerprint: str
    origin: str
    languages: tuple[str, ...]
    fallback: ReaderView | None = None
    letterbox: bool = False
    # Any so many of these people together: restore lost access; open what somebody told of themselves.
    recovery: "HoldersView | None" = None
    custodians: "HoldersView | None" = None


@dataclass(frozen=True, slots=True, repr=False)
class Draft:
    """A report as the pages collected it; `readable` is all of it as text, in the words the reporter saw."""

    token: str
    channel: str
    marker: str
    excluded: tuple[str, ...]
    answers: Mapping[str, object]
    text: str
    readable: str
    language: str
    files: tuple[tuple[FileTicket, str, str], ...] = ()
    # Who the reporter is, in their own words; empty where they do not say.
    identity: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Submitted:
    """What the reporter takes away; `repeated` if this very form was sent before, `evidence` that it was."""

    receipt: Receipt
    next_date: date
    repeated: bool
    evidence: Evidence


class ReadersChangedError(ServiceError):
    """Somebody who was chosen to read may no longer; the reporter is shown the list anew."""

    def __init__(self, channel: ChannelView) -> None:
        super().__init__("the people who read reports have changed")
        self.channel = channel


class NobodyLeftError(ServiceError):
    """Everybody who could read the report is excluded, and the channel has no fallback."""


class Intake:
    """The reporter's site's way into a mechanism."""

    def __init__(self, mechanism: Mechanism, form_key: bytes) -> None:
        self.form_key = form_key
        self._mechanism = mechanism
        # The channels as they were shown last, and the roster that they are of.
        self._shown: tuple[Roster, tuple[ChannelView, ...]] | None = None
        limits = mechanism.config.limits
        self._files = IncomingFiles(
            mechanism.directory / "incoming", mechanism.store, mechanism.clock, limits.disk_free_bytes
        )
        self._mailboxes = Mailboxes(mechanism, self._files, self._derived)
        # The files that a page discards, and attachments, answers: one object for the site to hold.
        self.receive_file = self._files.receive
        self.open_file = self._files.opened
        self.discard = self._files.discard
        self.open_mailbox = self._mailboxes.open
        self.open_attachment = self._mailboxes.attachment
        self.reply = self._mailboxes.reply
        self.evidence = self._mailboxes.evidence
        self.close_mailbox = self._mailboxes.close_to_reading
        self.readers = Readers(mechanism).view
        self.outside = OutsideList(mechanism).view
        self._sealed = SealedFiles(mechanism)

    def _derived(self, token: str, label: str) -> bytes:
        info = f"meyasubako form v1\n{label}\n{token}".encode()
        return HKDF(SHA256(), 16, salt=None, info=info).derive(self.form_key)

    def token(self) -> str:
        """A fresh single-use form token."""
        return secrets.token_urlsafe(18)

    def filed(self) -> int:
        """How many reports there are."""
        return len(self._mechanism.ledger().cases)

    def filed_on(self, day: date) -> int:
        """How many reports there are of this day."""
        return sum(case.submitted_on == day for case in self._mechanism.ledger().cases.values())

    def has_sent(self, token: str) -> bool:
        """Whether the form with this token was sent already."""
        return self._case_of(token) in self._mechanism.ledger().cases

    def _case_of(self, token: str) -> str:
        return str(uuid.UUID(bytes=self._derived(token, "case"), version=4))

    def take_sealed(self, ticket: FileTicket) -> Arrived:
        """Store the report in a file of `incoming/` that the saved page sealed; see `SealedFiles.take`."""
        with self._files.opened(ticket) as source:
            return self._sealed.take(source)

    def channels(self) -> tuple[ChannelView, ...]:
        """Every open channel; the very same object as long as nothing of them changes."""
        return self._views()

    def channel(self, name: str = "main") -> ChannelView:
        """One channel with the people who would read a report sent now; KeyError for an unknown name."""
        found = next((view for view in self._views() if view.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def _views(self) -> tuple[ChannelView, ...]:
        """Every open channel, opened anew with each event of the mechanism's: its markers come every slot."""
        roster, shown = self._mechanism.ledger().mechanism, self._shown
        if shown is None or shown[0] is not roster:
            opened = (name for name, channel in sorted(roster.channels.items()) if channel.open)
            views = tuple(self._channel_view(roster, name) for name in opened)
            shown = self._shown = (roster, views)
        return shown[1]

    def _channel_view(self, roster: Roster, name: str) -> ChannelView:
        channel, marker = roster.channels[name], roster.last_marker
        if marker is None:
            raise KeyError(name)
        # In a letterbox whoever stands outside is the reader, and nobody stands behind them.
        fallback = None if channel.letterbox else roster.fallback(name, marker.slot)
        return ChannelView(
            name=name,
            title=self._card(channel.card).get("name", ""),
            readers=tuple(self._view(person) for person in roster.intake(name, marker.slot)),
            marker=marker.leaf,
            fingerprint=digest_fingerprint(bytes.fromhex(roster.founded)),
            origin=roster.origin,
            languages=channel.languages,
            fallback=self._view(fallback) if fallback else None,
            letterbox=channel.letterbox,
            recovery=self._holders(roster, holders.holding(roster, channel, "report")),
            custodians=self._holders(roster, holders.identity_offered(roster, channel)),
        )

    def _holders(self, roster: Roster, found: Holding | None) -> HoldersView | None:
        if found is None or not found.people:
            return None
        return HoldersView(found.threshold, tuple(self._view(roster.people[each]) for each in found.people))

    def _view(self, person: Person) -> ReaderView:
        card = self._card(person.card)
        return ReaderView(person.key_id, card.get("name", ""), card.get("title", ""), person.recipient)

    def _card(self, digest: str) -> dict[str, str]:
        return texts_on(self._mechanism.store, digest)

    def submit(self, draft: Draft) -> Submitted:
        """Seal and store a report. Success means that it would survive the power going out.

        Raises ReadersChangedError, NobodyLeftError and the store's errors; a refused report leaves nothing.
        """
        receipt = Receipt.from_entropy(self._derived(draft.token, "receipt"))
        case = self._case_of(draft.token)
        key = receipt.signing_key(self._mechanism.config.origin)
        known = self._mechanism.ledger().cases.get(case)
        leaf = ""
        if known is None:
            try:
                leaf = self._send(draft, receipt, key, case)
            except (SeqConflictError, RefusedError, FileNotFoundError) as error:
                # The same form, sent twice at the same moment: the other one was first, and took the files.
                known = self._mechanism.ledger().cases.get(case)
                if known is None:
                    if isinstance(error, RefusedError) and error.rule in _READERS_CHANGED:
                        raise ReadersChangedError(self.channel(draft.channel)) from None
                    raise
        stored = self._mechanism.ledger().cases[case]
        if stored.reporter != key.verify_key.key_id:
            raise ServiceError("this form cannot be sent: please begin again")
        self.discard(ticket.id for ticket, _, _ in draft.files)
        # What was stored just now needs no look into the log for what it can have.
        evidence = (
            proofs.promised(self._mechanism, leaf) if leaf else proofs.evidence(self._mechanism, case, 1)
        )
        return Submitted(receipt, _next_date(stored), repeated=known is not None, evidence=evidence)

    def _send(self, draft: Draft, receipt: Receipt, key: SigningKey, case: str) -> str:
        mechanism, origin = self._mechanism, self._mechanism.config.origin
        roster = mechanism.ledger().mechanism
        channel = roster.channels[draft.channel]
        readers = self._readers(roster, channel, draft)
        request = Request(origin, key, mechanism.clock())
        rooms = tuple(NewRoom(mechanism.fresh_id(), HybridIdentity.generate()) for _ in range(2))
        about = request.binding(case, "report.submitted")
        with self._files.attached(request, draft.files, rooms[0].recipient, about) as files:
            acts.submit(
                request,
                Report(
                    _document(draft),
                    draft.readable,
                    files,
                    told=self._told(roster, channel, draft, readers),
                    holding=holders.holding(roster, channel, "report", draft.excluded),
                ),
                case=case,
                rooms=(rooms[0], rooms[1]),
                reporter=receipt.identity(origin).recipient,
                channel=channel,
                marker=draft.marker,
                readers=readers,
                sealed_by=_SEALED_BY,
            )
            accepted = mechanism.accept([event.data for event in request.events], request.payloads)
        return accepted[0].leaf

    def _told(
        self, roster: Roster, channel: Channel, draft: Draft, readers: Mapping[str, HybridRecipient]
    ) -> Told | None:
        """Who the reporter is, in a room whose key is cut into shares here and then forgotten."""
        if not draft.identity:
            return None
        found = holders.identity_offered(roster, channel, {*draft.excluded, *readers})
        if found is None:
            raise ReadersChangedError(self.channel(channel.channel))
        room = NewRoom(self._mechanism.fresh_id(), HybridIdentity.generate())
        return Told(room, {"text": draft.identity, "v": 1}, found)

    def _readers(self, roster: Roster, channel: Channel, draft: Draft) -> dict[str, HybridRecipient]:
        marker = roster.marker(draft.marker)
        if marker is None:
            raise ReadersChangedError(self.channel(channel.channel))
        people = [p for p in roster.intake(channel.channel, marker.slot) if p.key_id not in draft.excluded]
        if channel.draw and len(people) > channel.draw:
            # Drawn, so that the absence of one of them says nothing about the report.
            people = random.SystemRandom().sample(people, channel.draw)
        if not people:
            fallback = roster.usable(channel.fallback, marker.slot) if channel.fallback else None
            if fallback is None or fallback.key_id in draft.excluded:
                raise NobodyLeftError("nobody is left who could read the report")
            people = [fallback]
        return {person.key_id: HybridRecipient.parse(person.recipient) for person in people}


def _document(draft: Draft) -> dict[str, JsonValue]:
    answers: dict[str, JsonValue] = {}
    for name, value in draft.answers.items():
        if isinstance(value, (list, tuple)):
            answers[name] = [str(item) for item in value]
        elif isinstance(value, (str, int)):
            answers[name] = value
    return {
        "answers": answers,
        "excluded": list[JsonValue](draft.excluded),
        "language": draft.language,
        "text": draft.text,
        "v": 1,
    }


def _next_date(case: Case) -> date:
    return case.next_date or case.submitted_on
