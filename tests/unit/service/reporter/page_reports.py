"""One report, sealed by the page's library, by the code of the command, and by the server."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from meyasubako.crypto import age
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import acts, envelope, holders
from meyasubako.domain.acts import Request
from meyasubako.service.intake import Draft, Intake
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.readers import Readers
from tests.system.box import ORIGIN
from tests.unit.service.reporter.page_library import Library, ref

QUIET = {"$quiet": True}
STORE = {"$store": True}
NOW = datetime(2026, 11, 22, 12, 30, 15, tzinfo=UTC)


@dataclass(frozen=True)
class Sealed:
    """The events of a report and its payloads by digest."""

    events: list[bytes]
    payloads: Mapping[str, bytes]


def words(**more: Any) -> dict[str, Any]:
    """What a reporter says, as the page's steps give it."""
    said = {
        "channel": "main",
        "excluded": [],
        "rather_not_say": False,
        "text": "工場で起きたこと",
        "answers": {"kinds": ["safety"], "place": "Osaka"},
        "readable": "工場で起きたこと\n\nOsaka",
        "language": "ja",
        "identity": "",
    }
    return said | more


def submitted(page: Library, mechanism: Mechanism, files: Any = (), **more: Any) -> tuple[Any, Any]:
    """A report as the page makes it: what it began with, receipt among it, and its request."""
    page("roster.verifyReaders", Readers(mechanism).view())
    begun = page("submission.Submission.begin", ref(page.number))
    number = page.number
    day = mechanism.clock().date().isoformat()
    request = page("prepare", words(**more), list(files), day, STORE, QUIET, on=number)
    return begun, request


def by_the_page(page: Library, mechanism: Mechanism, identity: str = "") -> Sealed:
    """The report as the page seals it; it is not sent."""
    _, request = submitted(page, mechanism, identity=identity)
    return Sealed([event["data"] for event in request["events"]], request["payloads"])


def by_the_command(mechanism: Mechanism, identity: str = "") -> Sealed:
    """The report as the code of the command seals it; it is not sent."""
    state = mechanism.ledger().mechanism
    marker, channel = state.last_marker, state.channels["main"]
    assert marker is not None
    made = Request(ORIGIN, Receipt.generate().signing_key(ORIGIN), NOW)
    rooms = [acts.NewRoom(mechanism.fresh_id(), age.HybridIdentity.generate()) for _ in range(3)]
    readers = {p.key_id: age.HybridRecipient.parse(p.recipient) for p in state.intake("main", marker.slot)}
    said = words()
    document = {
        "answers": said["answers"],
        "excluded": [],
        "language": said["language"],
        "text": said["text"],
        "v": 1,
    }
    keeping = holders.identity_offered(state, channel, readers.keys())
    told = acts.Told(rooms[2], {"text": identity, "v": 1}, keeping) if identity and keeping else None
    acts.submit(
        made,
        acts.Report(document, said["readable"], told=told, holding=holders.holding(state, channel, "report")),
        case=mechanism.fresh_id(),
        rooms=(rooms[0], rooms[1]),
        reporter=Receipt.generate().identity(ORIGIN).recipient,
        channel=channel,
        marker=marker.leaf,
        readers=readers,
        sealed_by="reporter_tool",
    )
    return Sealed([event.data for event in made.events], made.payloads)


def by_the_server(mechanism: Mechanism, identity: str = "") -> Sealed:
    """The report as the server sealed and stored it, for somebody without scripts."""
    intake = Intake(mechanism, bytes(32))
    marker = mechanism.ledger().mechanism.last_marker
    assert marker is not None
    said = words()
    intake.submit(
        Draft(
            token=intake.token(),
            channel="main",
            marker=marker.leaf,
            excluded=(),
            answers=said["answers"],
            text=said["text"],
            readable=said["readable"],
            language=said["language"],
            identity=identity,
        )
    )
    case = next(reversed(mechanism.ledger().cases.values()))
    rooms = [case.rooms[name] for name in ("report", "dialogue", "identity") if name in case.rooms]
    rows = [next(iter(mechanism.store.stream(each))) for each in (case.stream, *rooms)]
    stored = {}
    for row in rows:
        for payload in envelope.read(row.data).payloads():
            with mechanism.store.open_payload(payload.digest) as opened:
                stored[payload.digest] = opened.read()
    return Sealed([row.data for row in rows], stored)


def three_ways(page: Library, mechanism: Mechanism, identity: str = "") -> dict[str, Sealed]:
    """The same report by all three, under the names by which events say who sealed them."""
    return {
        "page_script": by_the_page(page, mechanism, identity),
        "reporter_tool": by_the_command(mechanism, identity),
        "server": by_the_server(mechanism, identity),
    }
