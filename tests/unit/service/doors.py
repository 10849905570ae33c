"""What the tests of the doors share: people who sign requests, and a report in the log."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from flask import Flask
from werkzeug.test import Client, TestResponse

from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.crypto.canonical import JsonValue, encode_base64
from meyasubako.crypto.receipt import Receipt
from meyasubako.crypto.signing import SigningKey
from meyasubako.domain import acts
from meyasubako.domain.acts import NewRoom, Report, Request
from meyasubako.domain.envelope import Event
from meyasubako.service import web
from meyasubako.service.clocks import system_clock
from meyasubako.service.errors import PROBLEM_TYPE
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.nonces import Nonces
from meyasubako.service.reporter import program
from meyasubako.service.signatures import sign_request
from tests.system.box import ORIGIN, Box

BASE = "http://localhost"
# The table of doors that opened long ago; every request of a test is another one.
NONCES = Nonces.begin(datetime(2020, 1, 1, tzinfo=UTC))


class Usage(NamedTuple):
    """What a disk says of itself."""

    total: int
    used: int
    free: int


def problem(answer: TestResponse) -> str:
    """The name of the problem that was answered."""
    assert answer.mimetype == "application/problem+json"
    answered: dict[str, Any] = answer.get_json()
    return str(answered["type"]).removeprefix(PROBLEM_TYPE)


def program_door(mechanism: Mechanism) -> Flask:
    """The reporters' door for programs alone."""
    app = Flask("reporter")
    app.register_blueprint(program.blueprint(mechanism, NONCES))
    web.harden(app, csp=web.API_CSP)
    return app


@dataclass(frozen=True)
class Caller:
    """Somebody who signs every request to an application."""

    app: Flask
    key: SigningKey
    base: str = BASE

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.send("GET", path, b"", headers)

    def post(self, path: str, body: bytes | dict[str, Any]) -> TestResponse:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", path, data, {})

    def send(
        self, method: str, path: str, data: bytes, headers: dict[str, str], signed: bytes | None = None
    ) -> TestResponse:
        digest = hashlib.sha256(data if signed is None else signed).digest()
        signature = sign_request(method, self.base + path, digest, self.key, system_clock())
        fields = {name.replace("_", "-"): value for name, value in headers.items()} | signature
        # Buffered, so that what an answer's body raises is raised here.
        return Client(self.app).open(
            path, method=method, data=data, headers=fields, base_url=self.base, buffered=True
        )

    def post_events(self, *events: Event, payloads: dict[str, bytes] | None = None) -> TestResponse:
        return self.post("/v1/events", submission(*events, payloads=payloads))


def submission(*events: Event, payloads: dict[str, bytes] | None = None) -> dict[str, Any]:
    return {
        "events": [encode_base64(event.data) for event in events],
        "payloads": {digest: encode_base64(data) for digest, data in (payloads or {}).items()},
    }


def begin(mechanism: Mechanism, key: SigningKey) -> Request:
    """A request that continues every stream there is."""
    return Request(ORIGIN, key, mechanism.clock(), dict(mechanism.ledger().heads))


@dataclass(frozen=True)
class Reported:
    """A report that is in the log, and who wrote it."""

    case: str
    report: str
    dialogue: str
    receipt: Receipt
    digest: str

    @property
    def key(self) -> SigningKey:
        return self.receipt.signing_key(ORIGIN)


def report_request(mechanism: Mechanism, box: Box, text: str = "what happened") -> tuple[Request, Reported]:
    """A report to both people of the intake, signed and sealed as a reporter's own program does."""
    receipt = Receipt.generate()
    ledger = mechanism.ledger().mechanism
    request = Request(ORIGIN, receipt.signing_key(ORIGIN), mechanism.clock())
    rooms = tuple(NewRoom(mechanism.fresh_id(), HybridIdentity.generate()) for _ in range(2))
    case = mechanism.fresh_id()
    marker = ledger.last_marker
    assert marker is not None
    acts.submit(
        request,
        Report({"text": text, "v": 1}, text),
        case=case,
        rooms=(rooms[0], rooms[1]),
        reporter=receipt.identity(ORIGIN).recipient,
        channel=ledger.channels["main"],
        marker=marker.leaf,
        readers={
            person.key_id: HybridRecipient.parse(person.recipient)
            for person in ledger.intake("main", marker.slot)
        },
        sealed_by="reporter_tool",
    )
    digest = request.events[0].payloads()[0].digest
    return request, Reported(case, rooms[0].stream, rooms[1].stream, receipt, digest)


def report(mechanism: Mechanism, box: Box, text: str = "what happened") -> Reported:
    """A report in the log."""
    request, reported = report_request(mechanism, box, text)
    mechanism.accept([event.data for event in request.events], request.payloads)
    return reported


def fetched(mechanism: Mechanism, reported: Reported, key: SigningKey, *digests: str) -> Event:
    """A person's first `payload.fetched` of a case."""
    request = begin(mechanism, key)
    named: list[JsonValue] = list(digests)
    return request.add("payload.fetched", mechanism.fresh_id(), {"case": reported.case, "payloads": named})


def rotate(mechanism: Mechanism, box: Box, of: str, keys: Sequence[str]) -> None:
    """Two people replace keys of the server."""
    stream, proposed = mechanism.ledger().mechanism.stream, ""
    body: dict[str, JsonValue] = {"of": of, "keys": list[JsonValue](keys)}
    for name in ("Ada Berg", "Jonas Mori"):
        request = begin(mechanism, box.people[name].signing)
        if proposed:
            request.add("key.rotated", stream, {**body, "proposal": proposed})
        else:
            act: dict[str, JsonValue] = {"kind": "key.rotated", "v": 1, "body": body}
            proposed = request.add("act.proposed", stream, act).leaf
        mechanism.accept([request.events[0].data], {})
