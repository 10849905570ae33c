"""The reporters' door for programs: what the command line and the page's script use, and nothing else.

Rules upheld here:

- Only sealed bytes and signed events come in; the events are of kinds open to reporters, all by one key that
  is not on the roster.
- Nobody proves who they are but by the receipt's own key, which signs each request for the mailbox. A key
  that no case has is answered like any refusal: the same status, and a body of the same size class.
- Answers of the mailbox are padded to a size class, so that their length does not tell how much was said.
- A visit is not written down, and no answer tells an index or a time.
"""

import json
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Final

from flask import Blueprint, Response, jsonify, request

from meyasubako.crypto.canonical import JsonValue, encode_base64
from meyasubako.crypto.keyfile import digest_fingerprint
from meyasubako.crypto.signing import VerifyKey
from meyasubako.domain import envelope, kinds
from meyasubako.domain.case import Case
from meyasubako.domain.entitlement import STRUCTURE
from meyasubako.domain.envelope import Event
from meyasubako.domain.people import Channel
from meyasubako.domain.rooms import Room
from meyasubako.domain.wishes import Wish, open_wishes
from meyasubako.service import access, callers, problems, tus, web
from meyasubako.service.additions import refuse_too_much
from meyasubako.service.errors import RequestSignatureError, ServiceError
from meyasubako.service.handler.views import cards_view, person_view
from meyasubako.service.happened import happened
from meyasubako.service.log.proofs import public_stream
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.nonces import Nonces
from meyasubako.service.payloads import not_found, payload_answer
from meyasubako.service.proofs import evidence, promise
from meyasubako.service.reporter.limits import Pace, refused
from meyasubako.service.store.errors import SeqConflictError
from meyasubako.service.web import Problem

MAILBOX_CLASS: Final = 16 * 1024


def blueprint(mechanism: Mechanism, nonces: Nonces, pace: Pace | None = None) -> Blueprint:
    """The door's views under /api, for the reporter's site to register, whose `pace` holds here too."""
    door = _Door(mechanism, nonces, pace)
    views = Blueprint("program", __name__, url_prefix="/api")
    problems.answer_refusals(views)
    views.register_error_handler(Exception, web.refusal(web.problem_page))
    views.add_url_rule("/channel", view_func=door.channel)
    views.add_url_rule("/events", view_func=door.post_events, methods=["POST"])
    views.add_url_rule("/mailbox", view_func=_padded(door.mailbox))
    views.add_url_rule("/proof", view_func=_padded(door.proof))
    views.add_url_rule("/payloads/<digest>", view_func=door.payload)
    views.register_blueprint(tus.blueprint(mechanism, "/uploads"))
    return views


class _Door:
    """The views, on one open mechanism."""

    def __init__(self, mechanism: Mechanism, nonces: Nonces, pace: Pace | None) -> None:
        self._mechanism, self._nonces = mechanism, nonces
        self._pace = pace

    def channel(self) -> dict[str, JsonValue]:
        """Who would read a report now, everything that proves it, and the public cards."""
        state, published = self._mechanism.ledger().mechanism, self._mechanism.store.published()
        channels = {
            name: self._channel_view(channel) for name, channel in state.channels.items() if channel.open
        }
        return {
            "origin": state.origin,
            "fingerprint": digest_fingerprint(bytes.fromhex(state.founded)),
            "day": self._mechanism.clock().date().isoformat(),
            "marker": state.last_marker.leaf if state.last_marker else "",
            "channels": dict[str, JsonValue](channels),
            "cards": cards_view(self._mechanism, published.size if published else 0),
            "mechanism": public_stream(self._mechanism, callers.asked_seq(request)),
        }

    def post_events(self) -> dict[str, JsonValue]:
        """Accept a reporter's signed events, all or none."""
        request.max_content_length = callers.EVENTS_LIMIT
        events, payloads = callers.read_submission(request, None).decoded()
        read = [envelope.read(data) for data in events]
        people = self._mechanism.ledger().mechanism.people
        authors = {event.by for event in read}
        if len(authors) != 1 or authors & people.keys() or any(e.kind not in kinds.REPORTERS for e in read):
            raise Problem(
                422, "not-a-reporters", "this door takes what one reporter writes, and nothing else"
            )
        callers.refuse_streams_of_others(self._mechanism.ledger(), read)
        self._keep_quota(read)
        refuse_too_much(self._mechanism, read)
        try:
            accepted = self._mechanism.accept(events, payloads)
        except SeqConflictError as conflict:
            head: JsonValue = {
                "stream": conflict.stream,
                "seq": conflict.head_seq,
                "leaf": conflict.head_leaf,
            }
            raise Problem(409, "conflict", "somebody else wrote first", head=head) from conflict
        rows: list[JsonValue] = [
            {"leaf": each.leaf, "promise": promise(self._mechanism, each.leaf).decode()} for each in accepted
        ]
        return {"accepted": rows}

    def _keep_quota(self, events: Sequence[Event]) -> None:
        """Refuse a new report beyond the quotas. One that arrived already is found again."""
        cases = self._mechanism.ledger().cases
        fresh = any(event.kind == "report.submitted" and event.stream not in cases for event in events)
        wait = self._pace.report() if fresh and self._pace else 0.0
        if wait:
            raise refused(wait)

    def mailbox(self) -> dict[str, JsonValue]:
        """The dialogue, what the report's room needs for an addition, and where the case stands."""
        case, today = self._case(), self._mechanism.clock().date()
        rooms = self._rooms(case)
        head, late = self._mechanism.ledger().head(case.stream), case.overdue(today) or case.late_since
        return {
            "origin": self._mechanism.config.origin,
            "day": self._mechanism.clock().date().isoformat(),
            "case": {
                "stream": case.stream,
                "channel": case.channel,
                "state": case.state,
                "next": case.next_date.isoformat() if case.next_date else "",
                "late_since": late.isoformat() if late else "",
                "withdrawn": case.withdrawn and case.open,
                "wishes": [_wish_view(each) for each in open_wishes(case, today)],
                "head": {"seq": head.seq, "leaf": head.leaf},
            },
            "rooms": [self._room_view(room) for room in rooms],
            "elsewhere": self._elsewhere(case, rooms),
            "spent": max((room.spent for room in rooms), default=0),
            "happened": [
                {
                    "what": each.what,
                    "day": each.day.isoformat(),
                    "role": each.role,
                    "until": each.until.isoformat() if each.until else "",
                }
                for each in happened(self._mechanism, case)
            ],
            "mechanism": public_stream(self._mechanism, callers.asked_seq(request)),
        }

    def _rooms(self, case: Case) -> list[Room]:
        """The rooms that the report named, and those that the reporter joined later."""
        ledger = self._mechanism.ledger()
        rooms = [ledger.rooms[stream] for stream in ledger.case_rooms[case.stream]]
        return [room for room in rooms if room.name in case.rooms or case.reporter in room.readers]

    def _elsewhere(self, case: Case, shown: list[Room]) -> dict[str, JsonValue]:
        """Who was given a room that the reporter is not shown, who lost it, and whose key was replaced."""
        mechanism = self._mechanism
        hidden = [room for room in access.rooms_of(mechanism, case) if room not in shown]
        return {
            "given": [_access_view(each) for each in access.given(mechanism, case, hidden)],
            "lost": [_access_view(each) for each in access.lost(mechanism, case, hidden)],
            "replaced": [
                {"role": role, "day": day.isoformat()}
                for role, day in access.replaced(mechanism, case, hidden, known=shown)
            ],
        }

    def proof(self) -> dict[str, JsonValue]:
        """The dated proof that the report was filed, or the promise of one, and the event that it is of."""
        case = self._case()
        found = evidence(self._mechanism, case.stream, 1)
        submitted = next(iter(self._mechanism.store.stream(case.stream)))
        return {
            "event": encode_base64(submitted.data),
            "file": found.file_name,
            "final": found.final,
            "data": found.data.decode(),
        }

    def payload(self, digest: str) -> Response:
        """A sealed payload that belongs to the caller's mailbox, or one range of it."""
        case = self._case()
        owner = self._mechanism.ledger().owners.get(digest)
        mine = owner is not None and (
            owner.reader == case.reporter
            if owner.use == "wraps"
            else owner.stream == case.rooms["dialogue"] or self._may_read(case, owner.stream)
        )
        if owner is None or owner.case != case.stream or not mine:
            raise not_found()
        return payload_answer(self._mechanism.store, digest, request)

    def _may_read(self, case: Case, stream: str) -> bool:
        """Whether the reporter reads the room in which this stream's texts are; the report's has its own."""
        rooms = self._mechanism.ledger().rooms
        room = rooms.get(case.rooms["report"] if stream == case.stream else stream)
        return room is not None and case.reporter in room.readers

    def _case(self) -> Case:
        """The case whose reporter signed the request; the 404 of everything else if there is none."""
        ledger = self._mechanism.ledger()

        def key_of(key_id: str) -> VerifyKey | None:
            case = ledger.cases.get(ledger.reporters.get(key_id, ""))
            return case.verify_key if case else None

        try:
            signed = callers.signer_of(request, self._nonces, self._mechanism.clock(), key_of)
        except RequestSignatureError as error:
            if "server's time" in str(error):
                raise
            raise Problem(404, "no-mailbox", "no mailbox fits this receipt") from None
        callers.refuse_body(request, signed)
        return ledger.cases[ledger.reporters[signed.key_id]]

    def _channel_view(self, channel: Channel) -> dict[str, JsonValue]:
        state = self._mechanism.ledger().mechanism
        slot = state.last_marker.slot if state.last_marker else 0
        fallback = state.fallback(channel.channel, slot)
        return {
            "letterbox": channel.letterbox,
            "card": channel.card,
            "questionnaire": channel.questionnaire,
            "draw": channel.draw,
            "languages": list[JsonValue](channel.languages),
            "readers": [person_view(person) for person in state.intake(channel.channel, slot)],
            "fallback": person_view(fallback) if fallback else {},
        }

    def _room_view(self, room: Room) -> dict[str, JsonValue]:
        """A room that the reporter reads whole; of another one what an addition depends on, and its head."""
        whole = room.name == "dialogue" or room.reporter in room.readers
        events: list[JsonValue] = []
        for row in self._mechanism.store.stream(room.stream):
            event = envelope.read(row.data)
            if whole or row.kind in STRUCTURE or event.by == room.reporter:
                events.append(encode_base64(row.data))
        head = self._mechanism.ledger().head(room.stream)
        return {
            "room": room.name,
            "stream": room.stream,
            "events": events,
            "head": {"seq": head.seq, "leaf": head.leaf},
        }


def _access_view(told: access.Access) -> JsonValue:
    role, room, day = told
    return {"role": role, "room": room, "day": day.isoformat()}


def _wish_view(wish: Wish) -> JsonValue:
    return {"code": wish.code, "until": wish.until.isoformat() if wish.until else ""}


def _padded(view: Callable[[], dict[str, JsonValue]]) -> Callable[[], Response]:
    """Answer, and refuse, in sizes that are multiples of one class."""

    @wraps(view)
    def padded() -> Response:
        try:
            answer = jsonify(view())
        except (Problem, ServiceError) as error:
            problem = error if isinstance(error, Problem) else problems.problem_of(error)
            if problem is None:
                raise
            answer = web.problem_page(problem, None)
        body = json.loads(answer.get_data())
        bare = len(json.dumps({**body, "pad": ""}))
        answer.set_data(json.dumps({**body, "pad": "0" * (-bare % MAILBOX_CLASS)}))
        return answer

    return padded
