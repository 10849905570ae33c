"""The log's key in an evidence pack may have been replaced: by two people of the mechanism, or by nobody."""

from datetime import date

import pytest

from meyasubako.crypto.keyfile import KeyPair
from meyasubako.crypto.note import NoteSigner
from meyasubako.service.cli.audit_view import facts
from meyasubako.service.inspection import audit
from meyasubako.service.inspection.pack import pack
from meyasubako.service.keys import ServerKeys
from tests.system.lived import ORIGIN
from tests.unit.service.packs import Continued, entries, lay, seen, verify

TODAY = date.today()  # noqa: DTZ011  the machine's, as an auditor's
# What somebody draws who has none of the mechanism's keys.
OWN = NoteSigner(ORIGIN, bytes(range(32)))


def test_a_log_whose_key_two_people_replaced_verifies_and_that_is_said(lived, tmp_path):
    old = ServerKeys.load(lived.directory).log[0]
    place = lived.replace_log_key()
    result, out = audit(lived.directory), tmp_path / "pack"
    pack(result, lived.directory, out, facts(result, TODAY), TODAY)
    status, told = verify(out, result.fingerprint)
    assert (status, f"signed by the key that entry {place} names" in told) == (0, True), told
    assert f"NOTE: entry {place} replaced the log's key" in told
    assert "only `meyasubako audit log` says" in told
    # A thief of the key that was replaced can sign what they like, and the pack says so.
    seen(out, old, 64)
    status, told = verify(out)
    assert (status, told.startswith("FORKED: ")) == (1, True), told
    assert f"by a key that entry {place} replaced: whoever stole that could sign this too" in told
    seen(out, ServerKeys.load(lived.directory).log[0], 64)
    assert "whoever stole that" not in verify(out)[1]


ROTATED = {"of": "log", "keys": [OWN.key.text]}


def rekeyed(name, pair):
    person = pair.person()
    body = {"of": "person", "keys": [person.key.text], "person": name, "proof": person.proof}
    return {**body, "recipient": person.recipient.text}


def enrolled(pair, role):
    person = pair.person()
    body = {"card": {"ref": "ab" * 32}, "key": person.key.text, "proof": person.proof, "roles": [role]}
    return {**body, "recipient": person.recipient.text}


def by_a_steward_and_an_outsider(log, who, ids, other):
    log.by_two(who["ann"], who["otto"], "key.rotated", ROTATED)


def by_somebody_whom_two_enrolled(log, who, ids, other):
    log.by_two(who["ann"], who["bob"], "person.enrolled", enrolled(other, "steward"))
    log.by_two(who["ann"], other, "key.rotated", ROTATED)


def by_an_auditor_who_became_a_steward(log, who, ids, other):
    log.add(who["ann"], "person.enrolled", enrolled(other, "auditor"))
    grant = {"person": other.signing.verify_key.key_id, "role": "steward"}
    log.by_two(who["ann"], who["bob"], "role.granted", grant)
    log.by_two(who["ann"], other, "key.rotated", ROTATED)


def by_the_new_key_of_a_steward(log, who, ids, other):
    log.by_two(who["ann"], who["otto"], "key.rotated", rekeyed(ids["bob"], other))
    log.by_two(other, who["ann"], "key.rotated", ROTATED)


def by_somebody_who_came_back(log, who, ids, other):
    log.add(who["ann"], "person.suspended", {"person": ids["bob"]})
    log.by_two(who["ann"], who["otto"], "person.restored", {"person": ids["bob"]})
    log.by_two(who["bob"], who["otto"], "key.rotated", ROTATED)


def by_a_proposer_who_is_no_steward_any_more(log, who, ids, other):
    proposal = log.add(who["ann"], "act.proposed", {"kind": "key.rotated", "v": 1, "body": ROTATED})
    log.add(who["bob"], "role.withdrawn", {"person": ids["ann"], "role": "steward"})
    log.add(who["bob"], "key.rotated", {**ROTATED, "proposal": proposal})


@pytest.mark.parametrize(
    "write",
    [
        by_a_steward_and_an_outsider,
        by_somebody_whom_two_enrolled,
        by_an_auditor_who_became_a_steward,
        by_the_new_key_of_a_steward,
        by_somebody_who_came_back,
        by_a_proposer_who_is_no_steward_any_more,
    ],
)
def test_whoever_two_people_made_a_steward_may_replace_the_key(packed, lived, write):
    assert replaced(packed, lived, write)[0] == 0


def replaced(packed, lived, write):
    log, ids = Continued(entries(packed)), {name: lived.id(name) for name in lived.people}
    write(log, lived.people, ids, KeyPair.generate("other"))
    lay(packed, log.stored, OWN)
    return verify(packed)


def by_strangers(log, who, ids, other):
    log.by_two(other, KeyPair.generate("another"), "key.rotated", ROTATED)


def by_one_alone(log, who, ids, other):
    log.add(who["ann"], "key.rotated", ROTATED)


def by_one_as_two(log, who, ids, other):
    log.by_two(who["ann"], who["ann"], "key.rotated", ROTATED)


def by_a_steward_and_a_reader(log, who, ids, other):
    log.by_two(who["ann"], who["ira"], "key.rotated", ROTATED)


def by_a_reader_and_a_steward(log, who, ids, other):
    log.by_two(who["ira"], who["ann"], "key.rotated", ROTATED)


def on_other_words(log, who, ids, other):
    body = {"of": "log", "keys": [NoteSigner(ORIGIN, bytes(32)).key.text]}
    proposal = log.add(who["ann"], "act.proposed", {"kind": "key.rotated", "v": 1, "body": body})
    log.add(who["bob"], "key.rotated", {**ROTATED, "proposal": proposal})


def by_somebody_suspended(log, who, ids, other):
    log.add(who["ann"], "person.suspended", {"person": ids["bob"]})
    log.by_two(who["bob"], who["ann"], "key.rotated", ROTATED)


def by_a_proposer_suspended_since(log, who, ids, other):
    proposal = log.add(who["ann"], "act.proposed", {"kind": "key.rotated", "v": 1, "body": ROTATED})
    log.add(who["bob"], "person.suspended", {"person": ids["ann"]})
    log.add(who["bob"], "key.rotated", {**ROTATED, "proposal": proposal})


def of_a_proposal_taken_back(log, who, ids, other):
    proposal = log.add(who["ann"], "act.proposed", {"kind": "key.rotated", "v": 1, "body": ROTATED})
    log.add(who["ann"], "act.withdrawn", {"act": proposal})
    log.add(who["bob"], "key.rotated", {**ROTATED, "proposal": proposal})


def by_somebody_whom_one_enrolled(log, who, ids, other):
    log.add(who["ann"], "person.enrolled", enrolled(other, "steward"))
    log.by_two(who["ann"], other, "key.rotated", ROTATED)


def by_a_steward_whom_one_made(log, who, ids, other):
    log.add(who["ann"], "role.granted", {"person": ids["ira"], "role": "steward"})
    log.by_two(who["ann"], who["ira"], "key.rotated", ROTATED)


def by_the_key_that_was_replaced(log, who, ids, other):
    log.by_two(who["ann"], who["otto"], "key.rotated", rekeyed(ids["bob"], other))
    log.by_two(who["bob"], who["ann"], "key.rotated", ROTATED)


def by_a_key_that_its_old_one_let_in(log, who, ids, other):
    log.by_two(who["bob"], who["ann"], "key.rotated", rekeyed(ids["bob"], other))
    log.by_two(other, who["ann"], "key.rotated", ROTATED)


def with_entries_left_out(log, who, ids, other):
    """What two people signed for another place in the stream is not theirs here."""
    log.add(who["ann"], "software.upgraded", {"version": "1", "artefacts": []})
    log.by_two(who["ann"], who["bob"], "key.rotated", ROTATED)
    del log.stored[-3]


def after_an_entry_that_is_none(log, who, ids, other):
    log.add(who["ann"], "software.upgraded", {"version": "1", "artefacts": []})
    log.change_last(b'"body":{', b'"body":0,"was":{')
    log.by_two(who["ann"], who["bob"], "key.rotated", ROTATED)


def with_a_signature_that_does_not_fit(log, who, ids, other):
    log.by_two(who["ann"], who["bob"], "key.rotated", ROTATED)
    log.change_last(b'"at":"....-..-', b'"at":"1999-01-')


def with_a_proposal_that_its_author_did_not_sign(log, who, ids, other):
    log.add(who["ann"], "act.proposed", {"kind": "key.rotated", "v": 1, "body": ROTATED})
    proposal = log.change_last(b'"at":"....-..-', b'"at":"1999-01-')
    log.add(who["bob"], "key.rotated", {**ROTATED, "proposal": proposal})


def without_a_signature(log, who, ids, other):
    log.by_two(who["ann"], who["bob"], "key.rotated", ROTATED)
    log.change_last(b'"sig":"[^"]+', b'"sig":"')


def by_two_outsiders(log, who, ids, other):
    log.by_two(who["ann"], who["bob"], "person.enrolled", enrolled(other, "outsider"))
    log.by_two(who["otto"], other, "key.rotated", ROTATED)


def by_somebody_whom_one_let_back(log, who, ids, other):
    log.add(who["ann"], "person.suspended", {"person": ids["bob"]})
    log.add(who["ann"], "person.restored", {"person": ids["bob"]})
    log.by_two(who["ann"], who["bob"], "key.rotated", ROTATED)


def by_a_steward_of_before(log, who, ids, other):
    log.add(who["ann"], "role.withdrawn", {"person": ids["bob"], "role": "steward"})
    log.by_two(who["ann"], who["bob"], "key.rotated", ROTATED)


@pytest.mark.parametrize(
    "write",
    [
        by_strangers,
        by_one_alone,
        by_one_as_two,
        by_a_steward_and_a_reader,
        by_a_reader_and_a_steward,
        on_other_words,
        by_somebody_suspended,
        by_a_proposer_suspended_since,
        of_a_proposal_taken_back,
        by_somebody_whom_one_enrolled,
        by_a_steward_whom_one_made,
        by_the_key_that_was_replaced,
        by_a_key_that_its_old_one_let_in,
        with_entries_left_out,
        after_an_entry_that_is_none,
        with_a_signature_that_does_not_fit,
        with_a_proposal_that_its_author_did_not_sign,
        without_a_signature,
        by_two_outsiders,
        by_somebody_whom_one_let_back,
        by_a_steward_of_before,
    ],
)
def test_a_key_that_not_two_people_put_into_the_log_is_not_the_logs(packed, lived, write):
    status, told = replaced(packed, lived, write)
    assert (status, told.split(": ")[0], "replaces the log's key" in told) == (1, "FAILED", True), told
    assert told.count("\n") == 1
