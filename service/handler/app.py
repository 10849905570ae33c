"""The handlers' door: a JSON API of signed requests, sealed payloads and signed events.

Rules upheld here:

- Every request is signed by somebody on the roster, and taken once; whoever is suspended is refused at once,
  whatever they hold.
- What a person is not shown does not exist: the answer is the same 404.
- Bytes of a payload are given out only after the person's own `payload.fetched` is in the log, and only while
  they may read that room.
- A person posts events of their own. Whether an event is allowed is the domain's to say.
- What reporters wrote appears at the next full hour, but a conflict shows it to that writer at once. Nor does
  an event's place in the log tell before that how much was written: it is shown once it is published.
"""

import time
from collections.abc import Sequence
from typing import Final

from flask import Flask, Response, request

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain import entitlement, envelope
from meyasubako.domain.people import Person
from meyasubako.service import callers, clock, problems, shown, tus, web
from meyasubako.service.handler.views import (
    event_rows,
    head_of,
    mechanism_view,
    person_view,
    reach_view,
    shown_indices,
    stream_view,
)
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.nonces import Nonces
from meyasubako.service.payloads import not_found, payload_answer
from meyasubako.service.proofs import evidence, promise
from meyasubako.service.signatures import SignedRequest
from meyasubako.service.store.errors import SeqConflictError
from meyasubako.service.web import Application, Problem

# After these the slot is closed at once, so that whoever wraps a key sees the change.
AT_ONCE: Final = frozenset(
    {"person.suspended", "person.retired", "key.rotated", "custodians.appointed", "recovery.appointed"}
)
PUBLISH_SECONDS: Final = 30.0
PAGE: Final = 500


def create_app(mechanism: Mechanism, nonces: Nonces) -> Flask:
    """The handlers' API on an open mechanism, with the table of what its processes have taken."""
    app = Application(__name__, static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider's, typed as its base
    app.config["MAX_CONTENT_LENGTH"] = callers.EVENTS_LIMIT
    problems.answer_refusals(app)
    door = _Door(mechanism, nonces)
    app.add_url_rule("/v1/me", view_func=door.me)
    app.add_url_rule("/v1/mechanism", view_func=door.mechanism_state)
    app.add_url_rule("/v1/streams/<stream>", view_func=door.stream)
    app.add_url_rule("/v1/events", view_func=door.post_events, methods=["POST"])
    app.add_url_rule("/v1/payloads/<digest>", view_func=door.payload)
    app.add_url_rule("/v1/proofs/<stream>/<int:seq>", view_func=door.proof)
    app.add_url_rule("/v1/people/<key_id>/reach", view_func=door.reach)
    app.add_url_rule("/v1/publish", view_func=door.publish, methods=["POST"])
    app.register_blueprint(tus.blueprint(mechanism, "/v1/uploads", door.body_signed))
    web.harden(app, csp=web.API_CSP)
    return app


class _Door:
    """The views, on one open mechanism."""

    def __init__(self, mechanism: Mechanism, nonces: Nonces) -> None:
        self._mechanism, self._nonces = mechanism, nonces

    def me(self) -> dict[str, JsonValue]:
        """Who the caller is, and every stream that they are shown."""
        person, _ = self._caller_without_body()
        ledger, store = self._mechanism.ledger(), self._mechanism.store
        hidden = shown.hidden(self._mechanism)
        streams: list[JsonValue] = [
            {
                "stream": seen.stream,
                "sort": seen.sort,
                "case": seen.case,
                "room": seen.room,
                "whole": seen.whole,
                "head": head,
            }
            for seen in entitlement.streams_of(ledger, person.key_id)
            if (head := head_of(store, ledger, seen.stream, hidden.get(seen.stream)))["seq"]
        ]
        return self._with_checkpoint({"person": person_view(person), "streams": streams})

    def mechanism_state(self) -> dict[str, JsonValue]:
        """What the mechanism is, and its public cards."""
        self._caller_without_body()
        return self._with_checkpoint(mechanism_view(self._mechanism))

    def stream(self, stream: str) -> dict[str, JsonValue]:
        """The events of a stream from a seq on, at most a page of them."""
        person, _ = self._caller_without_body()
        ledger, part = self._mechanism.ledger(), frozenset[str]()
        if not entitlement.may_see(ledger, person.key_id, stream):
            part = entitlement.part_of(ledger, person.key_id, stream)
            if not part:
                raise not_found()
        start = callers.asked_seq(request)
        stop = shown.hidden(self._mechanism).get(stream)
        if stop == 1:
            raise not_found()
        return self._with_checkpoint(stream_view(self._mechanism, stream, start, stop, PAGE, part))

    def post_events(self) -> dict[str, JsonValue]:
        """Accept signed events of the caller's own, all or none."""
        person, signed = self._caller()
        events, payloads = callers.read_submission(request, signed).decoded()
        read = [envelope.read(data) for data in events]
        if any(event.by != person.key_id for event in read):
            raise Problem(422, "not-yours", "a person posts events that they signed themselves")
        callers.refuse_streams_of_others(self._mechanism.ledger(), read)
        try:
            accepted = self._mechanism.accept(events, payloads)
        except SeqConflictError as conflict:
            raise self._conflict(conflict, person, read) from conflict
        if any(event.kind in AT_ONCE for event in read):
            clock.request_publication(self._mechanism.directory)
        indices = shown_indices(self._mechanism.store, (each.index for each in accepted))
        rows: list[JsonValue] = [
            {"index": index, "leaf": each.leaf, "promise": promise(self._mechanism, each.leaf).decode()}
            for index, each in zip(indices, accepted, strict=True)
        ]
        return self._with_checkpoint({"accepted": rows})

    def proof(self, stream: str, seq: int) -> dict[str, JsonValue]:
        """The dated proof that an event is in the log, or the promise of one, for whoever sees its stream."""
        person, _ = self._caller_without_body()
        ledger, hidden = self._mechanism.ledger(), shown.hidden(self._mechanism).get(stream)
        seen = entitlement.may_see(ledger, person.key_id, stream) and 1 <= seq <= ledger.head(stream).seq
        if not seen or (hidden is not None and seq >= hidden):
            raise not_found()
        found = evidence(self._mechanism, stream, seq)
        return {"file": found.file_name, "final": found.final, "data": found.data.decode()}

    def body_signed(self) -> bytes:
        """The SHA-256 that the body of a part of an upload must have."""
        return self._caller()[1].digest

    def payload(self, digest: str) -> Response:
        """A payload's sealed bytes, or one range of them."""
        person, _ = self._caller_without_body()
        ledger = self._mechanism.ledger()
        if digest not in ledger.mechanism.cards and not entitlement.may_read(ledger, person.key_id, digest):
            raise not_found()
        return payload_answer(self._mechanism.store, digest, request)

    def reach(self, key_id: str) -> dict[str, JsonValue]:
        """What somebody could read, told blind: for stewards, who see somebody off, and for auditors."""
        person, _ = self._caller_without_body()
        if not person.has("steward") and not person.has("auditor"):
            raise Problem(
                403, "not-a-steward", "only stewards and auditors are told what somebody could read"
            )
        if key_id not in self._mechanism.ledger().mechanism.people:
            raise not_found()
        return self._with_checkpoint({"cases": reach_view(self._mechanism, key_id)})

    def publish(self) -> dict[str, JsonValue]:
        """Close the slot now, on a steward's word; answers when it is published."""
        person, _ = self._caller_without_body()
        if not person.has("steward"):
            raise Problem(403, "not-a-steward", "only a steward closes a slot before its time")
        size = self._mechanism.store.size()
        clock.request_publication(self._mechanism.directory)
        deadline = time.monotonic() + PUBLISH_SECONDS
        while True:
            published = self._mechanism.store.published()
            # The tree of the slot ends with its marker, so it holds more than was there when we asked.
            if published is not None and published.size > size:
                return self._with_checkpoint({"size": published.size})
            if time.monotonic() > deadline:
                raise Problem(503, "clock", "the clock has not closed the slot yet; it goes on trying")
            time.sleep(clock.TICK_SECONDS / 4)

    def _caller(self) -> tuple[Person, SignedRequest]:
        """The active person who signed the request. Suspension counts from the event on, not from the
        slot.
        """
        callers.refuse_other_names(request, self._mechanism.config.doors)
        ledger = self._mechanism.ledger()
        people = ledger.mechanism.people
        signed = callers.signer_of(
            request,
            self._nonces,
            self._mechanism.clock(),
            lambda key_id: people[key_id].verify_key if key_id in people else None,
        )
        person = ledger.mechanism.active(signed.key_id)
        if person is None:
            raise Problem(403, "suspended", "this key may not act here any more")
        return person, signed

    def _caller_without_body(self) -> tuple[Person, SignedRequest]:
        person, signed = self._caller()
        callers.refuse_body(request, signed)
        return person, signed

    def _conflict(
        self, conflict: SeqConflictError, person: Person, posted: Sequence[envelope.Event]
    ) -> Problem:
        """409 with the stream's head and, where the caller reads the stream, what stands there already."""
        extra: dict[str, JsonValue] = {}
        if entitlement.may_see(self._mechanism.ledger(), person.key_id, conflict.stream):
            first = min(event.seq for event in posted if event.stream == conflict.stream)
            store = self._mechanism.store
            extra["events"] = event_rows(store, store.stream(conflict.stream, first)[:PAGE])
        head: JsonValue = {
            "stream": conflict.stream,
            "seq": conflict.head_seq,
            "leaf": conflict.head_leaf,
        }
        return Problem(409, "conflict", "somebody else wrote to the stream first", head=head, **extra)

    def _with_checkpoint(self, answer: dict[str, JsonValue]) -> dict[str, JsonValue]:
        published = self._mechanism.store.published()
        note = published.note.decode() if published else ""
        return {**answer, "day": self._mechanism.clock().date().isoformat(), "checkpoint": note}
