"""What is forged with keys that somebody holds, an audit without any key finds and says where.

Attacks on rows, payloads, checkpoints and exports stand in the table of `test_tamper_attacks`.
"""

import os

import pytest

from meyasubako.crypto import canonical
from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.checkpoint import open_checkpoint
from meyasubako.crypto.keyfile import KeyPair
from meyasubako.domain import acts
from meyasubako.service.inspection import audit
from meyasubako.service.keys import ServerKeys
from meyasubako.service.mechanism import Mechanism
from tests.system import tampering
from tests.system.lived import ORIGIN, Reporter, found_lived


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    return found_lived(tmp_path_factory.mktemp("untouched") / "box")


@pytest.fixture
def lived(untouched, tmp_path):
    return untouched.copied(tmp_path / "box")


def found(lived):
    """What an audit finds, the most trustworthy first."""
    findings = audit(lived.directory).findings
    assert findings, "the audit found nothing"
    return findings


def first_place(findings):
    return next(finding.index for finding in findings if finding.index is not None)


def place_of(lived, kind, number=0):
    return [place for place, event in enumerate(tampering.events(lived)) if event.kind == kind][number]


def test_what_nobody_tampered_with_has_no_findings(lived):
    result = audit(lived.directory)
    assert result.good, result.findings
    assert result.origin == ORIGIN
    assert (result.size, result.entries) == (320, 321)
    assert result.summary["cases"] == 2


# The log.


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("mechanism.founded", 0),
        ("card.published", 3),
        ("cover.written", 0),
        ("cover.written", -1),
        ("slot.marked", 2),
        ("slot.marked", -1),
        ("report.submitted", 0),
        ("room.opened", 1),
        ("message.posted", 1),
        ("message.posted", -1),
        ("access.revoked", 0),
        ("person.suspended", 0),
        ("payload.fetched", 0),
    ],
)
@pytest.mark.parametrize("near", ["begin", "middle", "end"])
def test_a_changed_byte_is_found_where_it_is(lived, kind, number, near):
    place = place_of(lived, kind, number)
    data = tampering.events(lived)[place].data
    byte = {"begin": 12, "middle": len(data) // 2, "end": len(data) - 30}[near]
    tampering.set_event(lived, place, tampering.flipped(data, byte))
    findings = found(lived)
    assert first_place(findings) == place
    assert all(finding.sentence for finding in findings)


# With the server's own keys.


@pytest.mark.parametrize("kind", ["message.posted", "report.submitted", "person.suspended", "access.revoked"])
def test_history_rewritten_with_the_servers_keys_is_found_by_the_signature(lived, kind):
    """Everything that the server signs fits again, but nobody's event can be changed without their key."""
    place = place_of(lived, kind)
    fields = canonical.decode(tampering.events(lived)[place].data)
    changed = canonical.encode(
        {**fields, "at": "2026-01-01" if fields["at"] != "2026-01-01" else "2026-01-02"}
    )
    size, root = checkpoint_of(lived)
    tampering.rewrite(lived, place, changed)
    findings = found(lived)
    assert first_place(findings) == place
    assert {each.rule for each in findings if each.index == place} <= {"signature-fits", "day-after-marker"}
    # Whoever kept the checkpoint of before sees at once that the log is another one.
    kept = audit(lived.directory, seen=[(size, root)]).findings
    assert kept[0].rule == "log-only-grows"


def checkpoint_of(lived):
    keys = ServerKeys.load(lived.directory)
    note = (lived.directory / "checkpoint").read_bytes()
    opened = open_checkpoint(note, ORIGIN, keys.log_verifiers).checkpoint
    return opened.size, opened.root


def eve():
    return KeyPair.generate("eve")


def enrolment(box):
    person = eve().person("eve")
    return {
        "card": {"ref": box.ledger.mechanism.card},
        "key": person.key.text,
        "recipient": person.recipient.text,
        "proof": person.proof,
        "roles": ["intake:main"],
    }


def enrolled_by_one_steward(box):
    request = box.request("ann")
    request.add("person.enrolled", box.ledger.mechanism.stream, enrolment(box))
    return request, "two-people"


def enrolled_with_the_service_key(box):
    stream, body = box.ledger.mechanism.stream, enrolment(box)
    request = box.request("ann")
    proposal = request.add("act.proposed", stream, {"kind": "person.enrolled", "v": 1, "body": body})
    request.key = box.mechanism.keys.service
    request.add("person.enrolled", stream, {**body, "proposal": proposal.leaf})
    return request, "signature-fits"


def enrolled_by_one_person_twice(box):
    stream, body = box.ledger.mechanism.stream, enrolment(box)
    request = box.request("ann")
    proposal = request.add("act.proposed", stream, {"kind": "person.enrolled", "v": 1, "body": body})
    request.add("person.enrolled", stream, {**body, "proposal": proposal.leaf})
    return request, "two-people"


def role_granted_alone(box):
    request = box.request("ann")
    body = {"person": box.lived.id("otto"), "role": "intake:main"}
    request.add("role.granted", box.ledger.mechanism.stream, body)
    return request, "two-people"


def advanced_for_a_stranger(box):
    """A real reader's key was stolen; the new epoch is wrapped to one more."""
    gravel, stranger = box.lived.reporters["gravel"], eve()
    readers = {
        **box.recipients(["ira"]),
        gravel.id: gravel.identity.recipient,
        stranger.signing.verify_key.key_id: stranger.identity.recipient,
    }
    request = box.request("ira")
    probe = box.request("ira")
    room = acts.NewRoom(Mechanism.fresh_id(), HybridIdentity.generate())
    opened = acts.open_room(probe, room, case=gravel.case, name="dialogue", readers=readers)
    body = {
        "epoch": box.ledger.rooms[gravel.dialogue].epoch + 1,
        "recipient": room.recipient.text,
        "wraps": opened.body["wraps"],
    }
    request.add("room.advanced", gravel.dialogue, body)
    request.payloads.update(probe.payloads)
    return request, "advance-wraps-exactly"


def reported_to_a_stranger(box):
    """On the path without scripts the server sees the receipt: it could wrap the report to one more."""
    mechanism, stranger = box.ledger.mechanism, eve()
    victim = Reporter(None, HybridIdentity.generate(), eve().signing)
    request = box.request(victim)
    acts.submit(
        request,
        acts.Report({"what": "slip"}, "slip"),
        case=Mechanism.fresh_id(),
        rooms=tuple(acts.NewRoom(Mechanism.fresh_id(), HybridIdentity.generate()) for _ in range(2)),
        reporter=victim.identity.recipient,
        channel=mechanism.channels["main"],
        marker=mechanism.last_marker.leaf,
        readers={
            **box.recipients(["ira"]),
            stranger.signing.verify_key.key_id: stranger.identity.recipient,
        },
        sealed_by="server",
    )
    return request, "reader-on-roster", 1


def granted_by_a_steward(box):
    gravel = box.lived.reporters["gravel"]
    request = box.request("ann")
    room = box.ledger.rooms[gravel.report]
    identities = [HybridIdentity.generate() for _ in range(room.epoch)]
    recipient = box.lived.people["hal"].identity.recipient
    acts.grant(request, room, identities, box.lived.id("hal"), recipient)
    return request, "room-writer"


def granted_to_a_stranger(box):
    gravel, stranger = box.lived.reporters["gravel"], eve()
    request = box.request("ira")
    room = box.ledger.rooms[gravel.report]
    identities = [HybridIdentity.generate() for _ in range(room.epoch)]
    acts.grant(request, room, identities, stranger.signing.verify_key.key_id, stranger.identity.recipient)
    return request, "grant-to-waited-handler"


def message_by_the_service(box):
    gravel = box.lived.reporters["gravel"]
    request = box.request("ira")
    epoch = acts.Epoch(box.ledger.rooms[gravel.dialogue].epoch, HybridIdentity.generate().recipient)
    request.key = box.mechanism.keys.service
    acts.post(request, "message.posted", gravel.dialogue, epoch, {"text": "withdraw your report"})
    return request, "signature-fits"


def fetch_by_an_excluded_person(box):
    gravel = box.lived.reporters["gravel"]
    request = box.request("max")
    body = {"case": gravel.case, "payloads": [box.lived.photo]}
    request.add("payload.fetched", Mechanism.fresh_id(), body)
    return request, "fetch-what-one-may-read"


@pytest.mark.parametrize(
    "slip",
    [
        enrolled_by_one_steward,
        enrolled_with_the_service_key,
        enrolled_by_one_person_twice,
        role_granted_alone,
        advanced_for_a_stranger,
        reported_to_a_stranger,
        granted_by_a_steward,
        granted_to_a_stranger,
        message_by_the_service,
        fetch_by_an_excluded_person,
    ],
)
def test_what_is_slipped_past_the_rules_is_found_where_it_stands(lived, slip):
    """The tree, its tiles, the markers and the checkpoints all fit: the server's keys signed them."""
    with lived.open() as box:
        request, rule, *number = slip(box)
        places = tampering.slip_in(box, *request.events, payloads=request.payloads)
    wrong = number[0] if number else -1
    finding = found(lived)[0]
    assert (finding.rule, finding.index) == (rule, places[wrong])
    assert finding.stream == request.events[wrong].stream


# The vault.


def test_a_file_that_no_event_names_is_found(lived):
    stray = lived.directory / "objects" / ("ab" * 32)
    stray.write_bytes(b"plain text")
    assert audit(lived.directory).good, "an upload may still be waiting for its event"
    os.utime(stray, (0, 0))
    assert found(lived)[0].rule == "vault-holds-nothing-else"


# Checkpoints.


def test_only_a_kept_checkpoint_tells_that_everything_was_rolled_back(lived, untouched):
    """Without one, this is for witnesses."""
    with lived.open() as box:
        box.publish()
    size, root = checkpoint_of(lived)
    assert audit(lived.directory, seen=[(size, root)]).good
    assert audit(untouched.directory).good
    finding = audit(untouched.directory, seen=[(size, root)]).findings[0]
    assert finding.rule == "log-only-grows"


def test_another_mechanism_in_its_place_is_told_by_the_fingerprint(lived, tmp_path):
    poster = audit(lived.directory).fingerprint
    assert audit(lived.directory, fingerprint=poster).good
    assert audit(lived.directory, fingerprint=poster.replace(" ", "")).good
    other = found_lived(tmp_path / "other")
    assert audit(other.directory).good
    finding = audit(other.directory, fingerprint=poster).findings[0]
    assert finding.rule == "fingerprint-is-the-posters"
