"""Whatever is done to a mechanism's database and vault, an audit without any key finds it and says where."""

import os
import shutil

import pytest

from meyasubako.crypto import age, canonical
from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from meyasubako.crypto.keyfile import KeyPair
from meyasubako.crypto.note import Note, NoteSigner
from meyasubako.domain import acts, envelope
from meyasubako.domain.sealing import sealed
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


def test_an_event_of_the_same_meaning_but_other_bytes_is_found(lived):
    place = place_of(lived, "message.posted")
    data = tampering.events(lived)[place].data
    tampering.set_event(lived, place, data.replace(b'{"at"', b'{ "at"'))
    findings = found(lived)
    assert first_place(findings) == place
    assert {"leaf-is-what-was-hashed", "event-is-well-formed"} <= {each.rule for each in findings}


def test_the_last_published_row_cannot_be_deleted(lived):
    size = audit(lived.directory).size
    with tampering.guards_off(lived) as connection:
        connection.execute("DELETE FROM stored_events WHERE leaf_index = ?", (size - 1,))
    findings = found(lived)
    assert findings[0].rule == "rows-are-dense"
    assert first_place(findings) == size - 1


def test_the_end_of_the_log_cannot_be_cut_off(lived):
    size = audit(lived.directory).size
    with tampering.guards_off(lived) as connection:
        connection.execute("DELETE FROM stored_events WHERE leaf_index >= ?", (size - 2,))
    findings = found(lived)
    assert first_place(findings) == size - 2
    assert "log-only-grows" in {finding.rule for finding in findings}


def test_what_was_accepted_and_not_published_cannot_be_cut_off_behind_the_stores_back(lived):
    size = audit(lived.directory).size
    with tampering.guards_off(lived) as connection:
        connection.execute("DELETE FROM stored_events WHERE leaf_index >= ?", (size,))
    findings = found(lived)
    assert (findings[0].rule, first_place(findings)) == ("root-is-kept", size)


@pytest.mark.parametrize(
    ("one", "other"), [("message.posted", "access.revoked"), ("cover.written", "room.opened")]
)
def test_two_rows_cannot_change_places(lived, one, other):
    first, second = place_of(lived, one), place_of(lived, other)
    with tampering.guards_off(lived) as connection:
        for place, to in ((first, -1), (second, first), (-1, second)):
            connection.execute("UPDATE stored_events SET leaf_index = ? WHERE leaf_index = ?", (to, place))
    assert first_place(found(lived)) == min(first, second)


def test_a_row_that_does_not_fit_its_event_is_found(lived):
    place = place_of(lived, "message.posted")
    with tampering.guards_off(lived) as connection:
        connection.execute("UPDATE stored_events SET topic = 'note.added' WHERE leaf_index = ?", (place,))
    findings = found(lived)
    assert (findings[0].rule, findings[0].index) == ("row-is-its-event", place)


def test_tiles_that_hash_something_else_are_found(lived):
    with tampering.guards_off(lived) as connection:
        hashes = connection.execute("SELECT hashes FROM tiles WHERE level = 0 AND n = 0").fetchone()[0]
        changed = hashes[: 70 * 32] + bytes(32) + hashes[71 * 32 :]
        connection.execute("UPDATE tiles SET hashes = ? WHERE level = 0 AND n = 0", (changed,))
    findings = found(lived)
    assert (findings[0].rule, findings[0].index) == ("leaf-is-what-was-hashed", 70)


def test_a_missing_tile_is_found(lived):
    with tampering.guards_off(lived) as connection:
        connection.execute("DELETE FROM tiles WHERE level = 0 AND n = 1")
    assert (found(lived)[0].rule, found(lived)[0].index) == ("tile-is-there", 256)


def test_guards_that_were_taken_off_are_found(lived):
    with tampering.guards_off(lived) as connection:
        connection.execute("CREATE TABLE more (x TEXT) STRICT")
    assert found(lived)[0].rule == "database-has-its-guards"


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


def test_an_event_cut_out_of_history_is_found_though_all_else_fits(lived):
    """The server replaces an event that it does not like by a cover that it may sign itself."""
    place = place_of(lived, "message.posted", 1)
    event = tampering.events(lived)[place]
    keys = ServerKeys.load(lived.directory)
    cover = envelope.write(
        "cover.written", {}, at=event.at, log=event.log, stream=Mechanism.fresh_id(),
        head=envelope.Head(), key=keys.service,
    )  # fmt: skip
    tampering.rewrite(lived, place, cover.data)
    assert first_place(found(lived)) == place


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


def a_small_payload(lived):
    """The digest and row of the first message's sealed text, and where its event stands."""
    place = place_of(lived, "message.posted")
    digest = tampering.events(lived)[place].body["message"]["sha256"]
    with tampering.guards_off(lived) as connection:
        query = "SELECT id FROM payloads WHERE digest = ?"
        return digest, connection.execute(query, (bytes.fromhex(digest),)).fetchone()[0], place


def test_a_changed_payload_in_the_table_is_found(lived):
    digest, row, place = a_small_payload(lived)
    with tampering.guards_off(lived) as connection:
        data = connection.execute("SELECT sealed FROM small_payloads WHERE id = ?", (row,)).fetchone()[0]
        changed = tampering.flipped(data, len(data) - 100)
        connection.execute("UPDATE small_payloads SET sealed = ? WHERE id = ?", (changed, row))
    finding = found(lived)[0]
    assert (finding.rule, finding.index) == ("payload-is-whole", place)
    assert digest in finding.sentence


def test_a_payload_exchanged_for_another_under_its_own_digest_is_found(lived):
    _, row, place = a_small_payload(lived)
    other = sealed(age.seal(b"something else", HybridIdentity.generate().recipient))
    with tampering.guards_off(lived) as connection:
        connection.execute("UPDATE small_payloads SET sealed = ? WHERE id = ?", (other.data, row))
        values = (bytes.fromhex(other.digest), len(other.data), row)
        connection.execute("UPDATE payloads SET digest = ?, size = ? WHERE id = ?", values)
    findings = found(lived)
    assert findings[0].rule == "payload-is-named"
    assert ("payload-is-recorded", place) in {(each.rule, each.index) for each in findings}


def test_a_payload_removed_from_the_table_is_found(lived):
    _, row, place = a_small_payload(lived)
    with tampering.guards_off(lived) as connection:
        connection.execute("DELETE FROM small_payloads WHERE id = ?", (row,))
    assert (found(lived)[0].rule, found(lived)[0].index) == ("payload-is-there", place)


def test_a_payload_that_was_destroyed_without_the_log_saying_why_is_found(lived):
    _, row, place = a_small_payload(lived)
    with tampering.guards_off(lived) as connection:
        connection.execute("DELETE FROM small_payloads WHERE id = ?", (row,))
        connection.execute("UPDATE payloads SET place = 'gone' WHERE id = ?", (row,))
    assert (found(lived)[0].rule, found(lived)[0].index) == ("payload-is-there", place)


@pytest.mark.parametrize("how", ["changed", "cut", "longer", "removed"])
def test_what_is_done_to_a_file_of_the_vault_is_found(lived, how):
    photo = lived.directory / "objects" / lived.photo
    data = photo.read_bytes()
    if how == "removed":
        photo.unlink()
    else:
        changed = {"changed": tampering.flipped(data, 5000), "cut": data[:-1], "longer": data + b"\0"}[how]
        photo.write_bytes(changed)
    finding = found(lived)[0]
    assert finding.rule == ("payload-is-there" if how == "removed" else "payload-is-whole")
    assert finding.index == place_of(lived, "report.submitted")


def test_a_file_that_no_event_names_is_found(lived):
    stray = lived.directory / "objects" / ("ab" * 32)
    stray.write_bytes(b"plain text")
    assert audit(lived.directory).good, "an upload may still be waiting for its event"
    os.utime(stray, (0, 0))
    assert found(lived)[0].rule == "vault-holds-nothing-else"


def test_bytes_that_should_have_been_destroyed_are_found(lived):
    """The reporter of the second case closed the mailbox to reading: their wraps are gone for ever."""
    with tampering.guards_off(lived) as connection:
        gone = connection.execute("SELECT id FROM payloads WHERE place = 'gone'").fetchone()[0]
        connection.execute("INSERT INTO small_payloads VALUES (?, ?)", (gone, b"kept aside"))
    assert found(lived)[0].rule == "vault-holds-nothing-else"
    with tampering.guards_off(lived) as connection:
        connection.execute("UPDATE payloads SET place = 'table' WHERE id = ?", (gone,))
    assert "payload-is-destroyed" in {finding.rule for finding in found(lived)}


@pytest.mark.parametrize("form", ["open", "two readers"])
def test_a_payload_that_is_not_sealed_to_one_room_is_found(lived, form):
    with lived.open() as box:
        gravel = lived.reporters["gravel"]
        room = acts.HybridRecipient.parse(box.ledger.rooms[gravel.dialogue].recipient)
        spy = HybridIdentity.generate().recipient
        data = b"in the clear" * 1000 if form == "open" else age.seal(b"hello", room, spy)
        text = sealed(data)
        request = box.request("ira")
        body = {"epoch": box.ledger.rooms[gravel.dialogue].epoch, "message": text.reference, "files": []}
        event = request.add("message.posted", gravel.dialogue, body)
        place = tampering.slip_in(box, event, payloads={text.digest: text.data})[0]
    assert (found(lived)[0].rule, found(lived)[0].index) == ("payload-is-sealed", place)


# Checkpoints.


def test_a_missing_checkpoint_file_is_found(lived):
    (lived.directory / "checkpoint").unlink()
    assert found(lived)[0].rule == "checkpoint-is-kept-apart"


def test_an_older_checkpoint_file_is_found(lived):
    with tampering.guards_off(lived) as connection:
        note = connection.execute("SELECT note FROM checkpoints ORDER BY size LIMIT 1").fetchone()[0]
    (lived.directory / "checkpoint").write_bytes(note)
    assert found(lived)[0].rule == "checkpoint-is-kept-apart"


def test_a_checkpoint_of_another_key_is_found(lived):
    size, root = checkpoint_of(lived)
    other = NoteSigner(ORIGIN, bytes(32))
    note = sign_checkpoint(Checkpoint(ORIGIN, size, root), [other], 0)
    (lived.directory / "checkpoint").write_bytes(note)
    assert found(lived)[0].rule == "checkpoint-is-signed"


def test_a_checkpoint_that_lost_one_of_its_two_signatures_is_found(lived):
    note = Note.parse((lived.directory / "checkpoint").read_bytes())
    stripped = Note(note.text, note.signatures[:1]).encode()
    (lived.directory / "checkpoint").write_bytes(stripped)
    assert found(lived)[0].rule == "checkpoint-is-signed"


def test_a_checkpoint_that_ends_within_a_slot_is_found(lived):
    keys = ServerKeys.load(lived.directory)
    with lived.open() as box:
        box.store.publish(
            321, lambda size, root: sign_checkpoint(Checkpoint(ORIGIN, size, root), keys.log, 0)
        )
    findings = found(lived)
    assert (findings[0].rule, findings[0].index) == ("checkpoint-ends-a-slot", 320)


def test_an_older_database_beside_the_published_checkpoint_is_found(lived, untouched):
    with lived.open() as box:
        box.publish()
    shutil.copy(untouched.directory / "log.db", lived.directory / "log.db")
    findings = found(lived)
    assert "log-only-grows" in {finding.rule for finding in findings}


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
