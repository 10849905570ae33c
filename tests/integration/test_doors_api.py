"""A whole case through the served doors, with the clients that people's own machines use."""

import hashlib
import io
from collections.abc import Iterator

import pytest
import requests

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridIdentity, HybridRecipient
from meyasubako.crypto.keyfile import digest_fingerprint
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import acts, envelope, reading, rooms
from meyasubako.domain.acts import NewRoom, Report, Request
from meyasubako.domain.envelope import Event, Head
from meyasubako.service.client import answers, roster
from meyasubako.service.client.casefile import fold
from meyasubako.service.client.handler import HandlerClient
from meyasubako.service.client.http import Http
from meyasubako.service.client.reporter import ReporterClient
from meyasubako.service.client.roster import VerifiedMechanism
from meyasubako.service.clocks import system_clock
from meyasubako.service.config import Limits
from meyasubako.service.errors import RefusedError
from meyasubako.service.mechanism import Mechanism
from tests.system.box import ORIGIN, Box, found_box
from tests.system.served import Served

UPLOAD = 3_000_000
LIMITS = Limits(workers=2, threads=4, upload_bytes=UPLOAD + 100_000)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Box:
    return found_box(tmp_path_factory.mktemp("api") / "box", LIMITS)


@pytest.fixture(scope="module")
def served(box: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = Served(box.directory, tmp_path_factory.mktemp("served"))
    running.start()
    yield running
    assert running.stop() == 0, running.printed()
    assert running.complaints() == []


def _person(served: Served, box: Box, name: str) -> HandlerClient:
    return HandlerClient(Http(served.doors["handler"], key=box.people[name].signing))


def _verified(served: Served) -> VerifiedMechanism:
    with Http(served.doors["log"]) as http:
        return roster.verify(roster.from_log(http), system_clock().date())


def _report(served: Served, receipt: Receipt) -> tuple[str, list[answers.AcceptedEvent]]:
    """Report as a program does: verify the readers, seal to them, post."""
    with Http(served.doors["reporter"]) as http:
        client = ReporterClient(http)
        channels = client.channels()
        verified = roster.verify(
            client.mechanism_page, system_clock().date(), fingerprint=channels.fingerprint
        )
        readers = verified.mechanism.intake("main", verified.marker.slot)
        assert [each.key_id for each in channels.channels["main"].readers] == [
            each.key_id for each in readers
        ]
        request = Request(ORIGIN, receipt.signing_key(ORIGIN), system_clock())
        case, first, second = _ids(3)
        acts.submit(
            request,
            Report({"text": "what happened", "v": 1}, "what happened"),
            case=case,
            rooms=(NewRoom(first, HybridIdentity.generate()), NewRoom(second, HybridIdentity.generate())),
            reporter=receipt.identity(ORIGIN).recipient,
            channel=verified.mechanism.channels["main"],
            marker=verified.marker.leaf,
            readers={each.key_id: HybridRecipient.parse(each.recipient) for each in readers},
            sealed_by="reporter_tool",
        )
        return case, client.post(request.events, request.payloads)


def _ids(count: int) -> list[str]:
    return [Mechanism.fresh_id() for _ in range(count)]


def test_a_report_is_read_and_answered_and_the_answer_is_read(served: Served, box: Box) -> None:
    receipt = Receipt.generate()
    case, accepted = _report(served, receipt)
    assert len(accepted) == 3

    keiko = _person(served, box, "Keiko Sato")
    pair = box.people["Keiko Sato"]
    shown = {(each.sort, each.room): each for each in keiko.me().streams if each.case in {case, ""}}
    streams = [shown["case", ""], shown["room", "report"], shown["room", "dialogue"]]
    events = [tuple(keiko.stream(each.stream)) for each in streams]
    ledger = fold(_verified(served).mechanism, events)
    request = Request(ORIGIN, pair.signing, system_clock(), dict(ledger.heads))
    wanted = [
        wrap.digest for room in ledger.rooms.values() for wrap in room.wraps if wrap.reader == request.author
    ]
    wanted.append(reading.text_digest(events[0][0]))
    request.add("payload.fetched", _ids(1)[0], {"case": case, "payloads": list(wanted)})
    keiko.post(request.events, {})
    room = ledger.rooms[shown["room", "report"].stream]
    keys = reading.epoch_keys(room, request.author, pair.identity, keiko.payload)
    opened = next(iter(reading.open_texts([events[0][0]], keys, keiko.payload)))
    assert opened.document is not None
    assert opened.document.text == "what happened"

    answer = Request(ORIGIN, pair.signing, system_clock(), dict(ledger.heads))
    dialogue = ledger.rooms[shown["room", "dialogue"].stream]
    recipient = receipt.identity(ORIGIN).recipient
    epoch = acts.current_epoch(answer, dialogue, ledger.mechanism, recipient)
    acts.post(answer, "message.posted", dialogue.stream, epoch, {"text": "thank you", "v": 1})
    keiko.post(answer.events, answer.payloads)

    assert _read_mailbox(served, receipt) == ["thank you"]


def _read_mailbox(served: Served, receipt: Receipt) -> list[str]:
    """Every text of the dialogue, as the reporter's program opens it."""
    with Http(served.doors["reporter"], key=receipt.signing_key(ORIGIN)) as http:
        client = ReporterClient(http)
        shown = next(each for each in client.mailbox().rooms if each.room == "dialogue")
        events = shown.read()
        room = _folded(events, shown.head, receipt)
        keys = reading.epoch_keys(
            room, receipt.signing_key(ORIGIN).verify_key.key_id, receipt.identity(ORIGIN), client.payload
        )
        texts = [event for event in events if event.kind in reading.TEXTS]
        opened = list(reading.open_texts(texts, keys, client.payload))
    return [each.document.text for each in opened if each.document]


def _folded(events: tuple[Event, ...], head: answers.Head, receipt: Receipt):
    room = rooms.opened(events[0], "main", receipt.signing_key(ORIGIN).verify_key.key_id)
    last = Head()
    for event in events:
        assert event.prev == last.leaf
        last = Head(event.seq, event.leaf)
        if event.seq > 1:
            room = rooms.fold(room, event)
    assert (last.seq, last.leaf) == (head.seq, head.leaf)
    return room


def test_a_large_file_goes_up_and_comes_back_in_pieces(served: Served, box: Box) -> None:
    receipt = Receipt.generate()
    case, _ = _report(served, receipt)
    keiko = _person(served, box, "Keiko Sato")
    sealed = age.seal(bytes(UPLOAD), box.people["Keiko Sato"].identity.recipient)
    source = io.BytesIO(sealed)
    keiko.upload(iter(lambda: source.read(100_000), b""), len(sealed))
    digest = hashlib.sha256(sealed).hexdigest()
    streams = {each.room: each for each in keiko.me().streams if each.case == case}
    head = streams["dialogue"].head
    pair = box.people["Keiko Sato"]
    request = Request(
        ORIGIN, pair.signing, system_clock(), {streams["dialogue"].stream: Head(head.seq, head.leaf)}
    )
    small = age.seal(bytes(4096), pair.identity.recipient)
    message = {"sha256": hashlib.sha256(small).hexdigest(), "size": len(small)}
    body = {
        "epoch": 1,
        "message": message,
        "files": [{"sha256": digest, "size": len(sealed)}],
    }
    request.add("message.posted", streams["dialogue"].stream, body)
    request.add("payload.fetched", _ids(1)[0], {"case": case, "payloads": [digest]})
    keiko.post(request.events, {message["sha256"]: small})
    with keiko.open_payload(digest) as file:
        assert file.read() == sealed
    assert keiko.payload_range(digest, 1_000_000, 1_000_100) == sealed[1_000_000:1_000_100]
    with Http(served.doors["reporter"], key=receipt.signing_key(ORIGIN)) as http:
        assert ReporterClient(http).payload(digest) == sealed


def test_a_steward_closes_a_slot_and_the_log_shows_it(served: Served, box: Box) -> None:
    before = _verified(served)
    note = _person(served, box, "Ada Berg").publish()
    after = _verified(served)
    assert after.marker.slot > before.marker.slot
    assert requests.get(served.doors["log"] + "/checkpoint", timeout=30).text == note
    assert after.fingerprint == digest_fingerprint(bytes.fromhex(before.mechanism.founded))


def test_a_suspension_is_published_at_once_and_shuts_the_door(served: Served, box: Box) -> None:
    omar = _person(served, box, "Omar Haddad")
    assert omar.me().person.state == "active"
    ada = _person(served, box, "Ada Berg")
    state = ada.mechanism()
    heads = {state.stream: Head(state.head.seq, state.head.leaf)}
    request = Request(ORIGIN, box.people["Ada Berg"].signing, system_clock(), heads)
    request.add("person.suspended", state.stream, {"person": box.key_id("Omar Haddad")})
    ada.post(request.events, {})
    with pytest.raises(RefusedError, match="may not act here") as caught:
        omar.me()
    assert caught.value.status == 403
    ada.publish()
    assert _verified(served).mechanism.people[box.key_id("Omar Haddad")].state == "suspended"


def test_an_auditor_mirrors_the_entries_and_nobody_else_does(served: Served, box: Box) -> None:
    size = _verified(served).checkpoint.checkpoint.size
    path = f"/tile/entries/000.p/{size}" if size < 256 else "/tile/entries/000"
    with Http(served.doors["log"], key=box.people["Ana Silva"].signing) as http:
        data = http.get_bytes(path)
    assert envelope.read(data[2 : 2 + int.from_bytes(data[:2])]).kind == "mechanism.founded"
    with Http(served.doors["log"]) as http, pytest.raises(RefusedError):
        http.get_bytes(path)


def test_what_was_done_here_survives_a_blind_replay(served: Served, box: Box) -> None:
    assert served.starts == 1
    assert box.findings() == []
