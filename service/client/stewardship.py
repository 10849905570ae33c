"""A steward's acts at one mechanism: enrolling and suspending people, replacing keys, choosing witnesses.

- What gives somebody power takes two people: the first proposes, the second compares and confirms; only the
  second has effect. A lone steward may enrol an auditor or a publisher, who read nothing and decide nothing;
  and may suspend anybody, because a stolen key does not wait for a second person.
- The mechanism's stream is folded from its first event with every signature checked, so neither of the two
  signs on another's word.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from meyasubako.crypto import canonical
from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.keyfile import KeyPair, Person, fingerprint
from meyasubako.crypto.signing import VerifyKey
from meyasubako.domain.acts import Request
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.people import Mechanism, Proposal
from meyasubako.domain.profiles import ProfileFile
from meyasubako.domain.rules.pairs import needs_another
from meyasubako.domain.sealing import Sealed, sealed
from meyasubako.service.client import casefile
from meyasubako.service.client.answers import ReachedCase
from meyasubako.service.client.cards import card_name, names
from meyasubako.service.client.errors import NoSuchProposalError
from meyasubako.service.client.handler import HandlerClient
from meyasubako.service.clocks import Clock, system_clock
from meyasubako.service.errors import ConflictError

_TRIES: Final = 5
_ENROLLED: Final = "person.enrolled"


@dataclass(frozen=True, slots=True)
class Proposed:
    """An enrolment that somebody proposed and nobody has confirmed yet."""

    leaf: str
    by: str
    key_id: str
    name: str
    roles: tuple[str, ...]
    fingerprint: str


class Stewardship:
    """One steward's (or outsider's) work at one mechanism."""

    def __init__(self, client: HandlerClient, pair: KeyPair, clock: Clock = system_clock) -> None:
        self._client = client
        self._pair = pair
        self._clock = clock

    def _ledger(self) -> Ledger:
        return mechanism_shown(self._client)

    def _request(self, ledger: Ledger) -> Request:
        return Request(ledger.mechanism.origin, self._pair.signing, self._clock(), dict(ledger.heads))

    def enroll(self, person: Person, given: Sequence[str]) -> tuple[Event, bool]:
        """Propose somebody, or enrol them where no second person is needed; gives the event, and which it
        was.

        The name is published on a card that can be erased; the log itself never holds it.
        """
        shown = _card({"kind": "person", "name": person.name})
        body: dict[str, JsonValue] = {
            "card": {"ref": shown.digest},
            "key": person.key.text,
            "recipient": person.recipient.text,
            "proof": person.proof,
            "roles": list[JsonValue](sorted(given)),
        }
        return self.do(_ENROLLED, body, shown)

    def do(self, kind: str, body: Mapping[str, JsonValue], *cards: Sealed) -> tuple[Event, bool]:
        """Do an act alone where one steward may, else propose it; gives the event, and whether it waits.

        The cards that the act names are published with it.
        """

        def build(ledger: Ledger, request: Request) -> Event:
            stream = ledger.mechanism.stream
            for card in cards:
                request.add("card.published", stream, {"card": card.reference}, [card])
            if needs_another(ledger.mechanism, kind, body) is None:
                return request.add(kind, stream, body)
            return _proposal(request, stream, kind, body)

        event = self._act(build)
        return event, event.kind == "act.proposed"

    def rotate(self, old: str, person: Person) -> Event:
        """Propose another key in the place of somebody's, by key id."""
        body: dict[str, JsonValue] = {
            "of": "person",
            "keys": [person.key.text],
            "person": old,
            "recipient": person.recipient.text,
            "proof": person.proof,
        }
        return self.propose("key.rotated", body)

    def adopt(self, profile: ProfileFile, text: str, channel: str) -> tuple[Event, bool]:
        """Propose that a channel takes a profile; its file is published with its sources."""
        shown = _card({"kind": "profile", "name": profile.title, "text": text})
        return self.do("profile.adopted", profile.body(channel, shown.digest), shown)

    def propose(self, kind: str, body: Mapping[str, JsonValue]) -> Event:
        """Propose an act for a second person to confirm; a body outside its schema is refused here."""
        return self._act(lambda ledger, request: _proposal(request, ledger.mechanism.stream, kind, body))

    def withdraw(self, wanted: str) -> Event:
        """Take back one's own proposal whose leaf hash begins with this text."""

        def build(ledger: Ledger, request: Request) -> Event:
            leaf = one_proposal(ledger.mechanism.proposals, wanted)
            return request.add("act.withdrawn", ledger.mechanism.stream, {"act": leaf})

        return self._act(build)

    def known(self) -> tuple[Mechanism, dict[str, str]]:
        """The mechanism as its stream tells it, and everybody's name by key id."""
        mechanism = self._ledger().mechanism
        return mechanism, names(mechanism, self._client.mechanism().cards)

    def cards(self) -> Mapping[str, bytes]:
        """Every public card that stands, by its digest."""
        return self._client.mechanism().cards

    def reach(self, person: str) -> tuple[ReachedCase, ...]:
        """What somebody could read, told blind."""
        return self._client.reach(person).cases

    def people(self) -> dict[str, str]:
        """Key id and name of everybody on the roster who is not suspended."""
        mechanism = self._ledger().mechanism
        known = names(mechanism, self._client.mechanism().cards)
        return {key_id: name for key_id, name in known.items() if mechanism.people[key_id].active}

    def suspend(self, person: str) -> Event:
        """Suspend a person, by key id, alone and at once."""
        return self._act(
            lambda ledger, request: request.add(
                "person.suspended", ledger.mechanism.stream, {"person": person}
            )
        )

    def upgraded(self, version: str, artefacts: Mapping[str, str]) -> Event:
        """Put down which software is served: its version, and the hex SHA-256 of what it gives out by
        name.
        """
        rows: list[JsonValue] = [
            {"name": name, "sha256": digest} for name, digest in sorted(artefacts.items())
        ]
        body: dict[str, JsonValue] = {"version": version, "artefacts": rows}
        return self._act(
            lambda ledger, request: request.add("software.upgraded", ledger.mechanism.stream, body)
        )

    def standing(self) -> Mapping[str, Proposal]:
        """Every proposal that waits for a second person, by its leaf hash."""
        return self._ledger().mechanism.proposals

    def proposed(self) -> list[Proposed]:
        """Enrolments that wait for a second person."""
        cards = self._client.mechanism().cards
        return [
            _described(leaf, proposal, cards)
            for leaf, proposal in self.standing().items()
            if proposal.kind == _ENROLLED
        ]

    def confirm(self, wanted: str) -> Event:
        """Be the second person for the proposal whose leaf hash begins with this text."""

        def build(ledger: Ledger, request: Request) -> Event:
            leaf = one_proposal(ledger.mechanism.proposals, wanted)
            proposal = ledger.mechanism.proposals[leaf]
            return request.add(proposal.kind, ledger.mechanism.stream, {**proposal.body, "proposal": leaf})

        return self._act(build)

    def _act(self, build: Callable[[Ledger, Request], Event]) -> Event:
        """Sign what `build` makes of the mechanism as it stands, and again where somebody else was first."""
        for last in (False,) * (_TRIES - 1) + (True,):
            ledger = self._ledger()
            request = self._request(ledger)
            event = build(ledger, request)
            if self._sent(request, last=last):
                return event
        raise AssertionError("unreachable: the last try returns or raises")

    def _sent(self, request: Request, *, last: bool) -> bool:
        try:
            self._client.post(request.events, request.payloads)
        except ConflictError:
            if last:
                raise
            return False
        return True


def one_proposal(proposals: Mapping[str, Proposal], wanted: str) -> str:
    """The leaf hash of the one proposal that begins with this text; NoSuchProposalError."""
    found = [leaf for leaf in proposals if leaf.startswith(wanted.lower())] if wanted else []
    if len(found) != 1:
        raise NoSuchProposalError(f"no single proposal that stands begins with {wanted}")
    return found[0]


def _card(fields: Mapping[str, JsonValue]) -> Sealed:
    """A public text, salted so that its digest tells nothing once it is erased."""
    return sealed(canonical.encode_document({**fields, "salt": os.urandom(16).hex(), "v": 1}))


def _proposal(request: Request, stream: str, kind: str, body: Mapping[str, JsonValue]) -> Event:
    return request.add("act.proposed", stream, {"kind": kind, "v": 1, "body": dict(body)})


def mechanism_shown(client: HandlerClient) -> Ledger:
    """The mechanism's stream as the handlers' door shows it, every signature checked, but not its proofs."""
    return casefile.founded(client.stream(client.mechanism().stream))


def _described(leaf: str, proposal: Proposal, cards: Mapping[str, bytes]) -> Proposed:
    body = proposal.body
    card, listed = body["card"], body["roles"]
    key = VerifyKey.parse(str(body["key"]))
    return Proposed(
        leaf=leaf,
        by=proposal.by,
        key_id=key.key_id,
        name=card_name(cards, str(card["ref"]) if isinstance(card, dict) else ""),
        roles=tuple(str(role) for role in listed) if isinstance(listed, list) else (),
        fingerprint=fingerprint(str(body["recipient"]), key.key_id),
    )
