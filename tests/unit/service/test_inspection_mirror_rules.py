"""A log that breaks its rules is mirrored from its door like any other, and the audit of the mirror tells."""

import json

import pytest
from click.testing import CliRunner

from meyasubako.crypto.canonical import decode_base64
from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.cosignature import ED25519_COSIGNATURE, Cosigner
from meyasubako.crypto.keyfile import write_keyfile
from meyasubako.crypto.note import Note, NoteSigner, sign_note
from meyasubako.domain import envelope
from meyasubako.service import rotation
from meyasubako.service.cli.main import main
from meyasubako.service.client.http import Http
from meyasubako.service.errors import ForkedLogError, RosterError
from meyasubako.service.inspection import audit
from meyasubako.service.keys import ServerKeys
from tests.system import attacks_with_keys, tampering
from tests.system.attacks import WITH_SERVER_KEYS, Scene
from tests.system.lived import ORIGIN
from tests.unit.service.mirrors import fetch, files, served

# Of sealed payloads a mirror holds nothing; and that founding leaves out the auditor whose key this is.
UNSEEN = {
    attacks_with_keys.a_payload_sealed_to_two,
    attacks_with_keys.a_payload_in_the_clear,
    attacks_with_keys.the_founding_rewritten_with_another_roster,
}
CHEAP = 2


def grant_alone(lived):
    """One steward gives a role that takes two; gives the event and where it stands."""
    with lived.open() as box:
        request = box.request("ann")
        body = {"person": lived.id("otto"), "role": "intake:main"}
        event = request.add("role.granted", box.ledger.mechanism.stream, body)
        return event, tampering.slip_in(box, event)[0]


def renote(lived, change):
    """Other bytes in the place of the newest checkpoint; gives them."""
    with lived.open() as box:
        published = box.store.published()
        note = change(Note.parse(published.note)).encode()
    with tampering.guards_off(lived) as connection:
        connection.execute("UPDATE checkpoints SET note = ? WHERE size = ?", (note, published.size))
    return note


@pytest.mark.parametrize(
    "attack", [each for each in WITH_SERVER_KEYS if each not in UNSEEN], ids=lambda each: each.__name__
)
def test_what_the_servers_keys_can_do_is_mirrored_and_named_by_the_audit(lived, original, tmp_path, attack):
    told = attack(Scene(lived, original, original, tmp_path))
    with served(lived) as (url, _):
        fetch(lived, url, tmp_path / "mirror")
    findings = audit(tmp_path / "mirror").findings
    assert (told.rule, told.index) in {(each.rule, each.index) for each in findings}


def test_the_finding_names_rule_place_and_stream(lived, tmp_path):
    event, place = grant_alone(lived)
    with served(lived) as (url, _):
        held = fetch(lived, url, tmp_path / "mirror")
        # It goes on growing, and the mirror with it.
        with lived.open() as box:
            box.publish()
        assert fetch(lived, url, tmp_path / "mirror").before == held.size
    finding = audit(tmp_path / "mirror").findings[0]
    assert (finding.rule, finding.index, finding.stream) == ("two-people", place, event.stream)


def test_an_address_is_audited_though_its_log_breaks_a_rule(lived, tmp_path):
    _, place = grant_alone(lived)
    (tmp_path / "rita.key").write_bytes(write_keyfile(lived.people["rita"], "rita", "pass", CHEAP))
    (tmp_path / "pass").write_text("pass\n")
    with served(lived) as (url, _):
        words = ["audit", url, "--key", tmp_path / "rita.key", "--passphrase-file", tmp_path / "pass"]
        ended = CliRunner().invoke(main, [*map(str, words), "--forget", "--json"])
    assert ended.exit_code == 1, ended.output
    told = json.loads(ended.stdout)["findings"][0]
    assert (told["rule"], told["index"]) == ("two-people", place)


@pytest.mark.parametrize("kept", [0, 1])
def test_one_signature_of_the_log_is_enough_for_a_mirror_and_not_for_the_audit(lived, tmp_path, kept):
    note = renote(lived, lambda note: Note(note.text, (note.signatures[kept],)))
    with served(lived) as (url, _):
        fetch(lived, url, tmp_path / "mirror")
    assert (tmp_path / "mirror" / "checkpoint").read_bytes() == note
    assert audit(tmp_path / "mirror").findings[0].rule == "checkpoint-is-signed"


def test_a_checkpoint_that_no_key_of_the_log_signed_is_refused(lived, tmp_path):
    strangers = [NoteSigner(ORIGIN, bytes(32)), Cosigner.ml_dsa(ORIGIN, bytes(32))]
    renote(lived, lambda note: Note.parse(sign_note(note.text, strangers)))
    with served(lived) as (url, _), pytest.raises(RosterError, match="not signed by the mechanism's keys"):
        fetch(lived, url, tmp_path / "mirror")
    assert not (tmp_path / "mirror").exists()


def test_a_witness_whose_line_is_wrong_does_not_hinder_the_mirror(lived, tmp_path):
    witness = Cosigner("w.example.org", ED25519_COSIGNATURE, bytes(32))
    with lived.open() as box:
        keys, stream = box.ledger.mechanism.log_keys, box.ledger.mechanism.stream
        body = {"policy": [f"log {keys[0]}", f"witness w {witness.key.text}", "quorum w"]}
        proposal = box.act("ann", "act.proposed", stream, {"kind": "witness.admitted", "v": 1, "body": body})
        box.act("bob", "witness.admitted", stream, {**body, "proposal": proposal.leaf})
        box.publish()
    other = Checkpoint(ORIGIN, 1, bytes(32)).text
    renote(lived, lambda note: note.with_signatures([witness.sign(other, 1_790_000_000)]))
    with served(lived) as (url, _):
        held = fetch(lived, url, tmp_path / "mirror")
    assert held.seen_by.endswith("too few")
    assert audit(tmp_path / "mirror").findings[0].rule == "cosignatures-fit"


def rotated(lived, *, by):
    """The log's keys exchanged by these people, one after the other."""
    body = {"of": "log", "keys": list(rotation.draw(lived.directory, "log"))}
    with lived.open() as box:
        stream = box.ledger.mechanism.stream
        if len(by) > 1:
            act = {"kind": "key.rotated", "v": 1, "body": body}
            body["proposal"] = box.act(by[0], "act.proposed", stream, act).leaf
        event = box.request(by[-1]).add("key.rotated", stream, body)
        return tampering.slip_in(box, event)[0]


def test_one_person_cannot_exchange_the_keys_by_which_a_mirror_knows_the_log(lived, tmp_path):
    out = tmp_path / "mirror"
    with served(lived) as (url, _):
        fetch(lived, url, out)
    before = files(out)
    rotated(lived, by=["ann"])
    with served(lived) as (url, _), pytest.raises(RosterError, match="not signed by the mechanism's keys"):
        fetch(lived, url, out)
    assert files(out) == before


def test_a_mirror_follows_keys_that_two_people_exchanged(lived, tmp_path):
    out = tmp_path / "mirror"
    with served(lived) as (url, _):
        fetch(lived, url, out)
    old = (out / "log.vkey").read_bytes()
    rotated(lived, by=["ann", "bob"])
    with served(lived) as (url, _):
        fetch(lived, url, out)
        assert fetch(lived, url, out).before > 320
    assert (out / "log.vkey").read_bytes() != old
    assert audit(out).good


def test_whoever_has_the_old_key_cannot_hide_from_a_mirror_that_it_was_exchanged(lived, tmp_path):
    """They show the stream without the exchange, and sign whatever they like."""
    out, old = tmp_path / "mirror", ServerKeys.load(lived.directory).log
    rotated(lived, by=["ann", "bob"])
    with served(lived) as (url, _):
        fetch(lived, url, out)
    with lived.open() as box:
        box.publish()
    renote(lived, lambda note: Note.parse(sign_note(note.text, old)))
    with served(lived) as (url, door), Http(url) as http:
        page = http.get_json("/mechanism", {"from": 1})
        kinds = [envelope.read(decode_base64(each["event"])).kind for each in page["events"]]
        page["events"] = [
            each for kind, each in zip(kinds, page["events"], strict=True) if kind != "key.rotated"
        ]
        door.instead["/mechanism"] = {"1": page}
        with pytest.raises(ForkedLogError, match="does not name the key that it had before"):
            fetch(lived, url, out)


def test_a_stream_that_is_not_whole_is_believed_in_one_tree_only(lived, tmp_path):
    """Without `prev`, what an earlier page showed may have stood in another tree than the last one's."""
    with lived.open() as box:
        stream = box.ledger.mechanism.stream
        event = box.request("ann").add("person.suspended", stream, {"person": lived.id("hal")})
        loose = envelope.write(
            event.kind, dict(event.body), at=event.at, log=event.log, stream=stream,
            head=envelope.Head(event.seq - 1, "ab" * 32), key=lived.people["ann"].signing,
        )  # fmt: skip
        place = tampering.slip_in(box, loose)[0]
    with served(lived) as (url, door), Http(url) as http:
        page = http.get_json("/mechanism", {"from": 1})
        fetch(lived, url, tmp_path / "mirror")
        finding = audit(tmp_path / "mirror").findings[0]
        assert (finding.rule, finding.index) == ("stream-is-whole", place)
        with lived.open() as box:
            box.publish()
        door.instead["/mechanism"] = {"1": page}
        with pytest.raises(RosterError, match="try again"):
            fetch(lived, url, tmp_path / "mirror")
