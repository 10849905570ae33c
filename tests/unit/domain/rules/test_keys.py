import pytest

from meyasubako.crypto.cosignature import Cosigner
from meyasubako.crypto.note import NoteSigner
from meyasubako.crypto.signing import SigningKey, sign_statement
from meyasubako.domain.rules.roster import PROOF_CONTEXT

ORIGIN = "box.example.org/log"


def log_key(seed):
    return NoteSigner(ORIGIN, bytes([seed]) * 32).key.text


def policy(world, *, log=None):
    witness = Cosigner.ed25519("peer.example.org/w", bytes([9]) * 32).key.text
    return [f"log {log or world.mechanism.log_keys[0]}", f"witness peer {witness}", "quorum peer"], witness


def proposing(world, kind, body):
    return world.event(world.ann, "act.proposed", world.stream, {"kind": kind, "v": 1, "body": body})


def rotating(world, of, *keys):
    return proposing(world, "key.rotated", {"of": of, "keys": list(keys)})


def rotate(world, of, *keys):
    proposal = world.propose(world.ann, "key.rotated", {"of": of, "keys": list(keys)})
    return world.event(
        world.bob, "key.rotated", world.stream, {"of": of, "keys": list(keys), "proposal": proposal.leaf}
    )


def admit(world, lines):
    proposal = world.propose(world.ann, "witness.admitted", {"policy": lines})
    return world.event(
        world.bob, "witness.admitted", world.stream, {"policy": lines, "proposal": proposal.leaf}
    )


def test_two_people_rotate_the_log_key_and_later_slots_know_it(world):
    world.accept(rotate(world, "log", log_key(7)))
    world.mark()
    assert world.mechanism.log_keys == (log_key(7),)
    assert world.audit() == []


def test_the_service_key_that_replaced_another_marks_the_slots(world):
    fresh = SigningKey.generate()
    world.accept(rotate(world, "service", fresh.verify_key.text))
    stolen, world.service = world.service, fresh
    world.mark()
    world.refuse("signature-fits", world.event(stolen, "cover.written", world.covers, {}))
    assert world.audit() == []


@pytest.mark.parametrize(
    ("of", "keys"),
    [
        ("log", [NoteSigner("other.example.org", bytes([7]) * 32).key.text]),
        ("log", ["nonsense"]),
        ("log", [Cosigner.ml_dsa(ORIGIN, bytes([7]) * 32).key.text]),
        ("promise", [log_key(7)]),
        ("promise", ["nonsense"]),
        ("service", ["nonsense"]),
        ("service", [SigningKey.from_seed(bytes([n]) * 32).verify_key.text for n in (1, 2)]),
    ],
)
def test_keys_that_would_not_verify_do_not_replace_others(world, of, keys):
    world.refuse("rotated-keys-are-new", rotating(world, of, *keys))


def test_a_key_that_was_replaced_never_comes_back(world):
    first = world.mechanism.log_keys[0]
    world.accept(rotate(world, "log", log_key(7)))
    world.refuse("rotated-keys-are-new", rotating(world, "log", first))


def test_one_steward_alone_rotates_nothing(world):
    event = world.event(world.ann, "key.rotated", world.stream, {"of": "log", "keys": [log_key(7)]})
    world.refuse("two-people", event)


def test_two_people_admit_a_witness_and_the_service_may_say_that_it_is_away(world):
    lines, witness = policy(world)
    world.accept(admit(world, lines))
    assert world.mechanism.witness_policy == tuple(lines)
    world.act(world.service, "witness.dropped", world.stream, {"witness": witness, "slot": 1})
    assert world.mechanism.witness_policy == tuple(lines)
    assert world.audit() == []


@pytest.mark.parametrize("lines", [["quorum nobody"], ["log nonsense", "quorum none"]])
def test_a_policy_that_stock_tools_cannot_read_is_refused(world, lines):
    world.refuse("policy-is-readable", proposing(world, "witness.admitted", {"policy": lines}))


def test_a_policy_for_another_log_is_refused(world):
    other = NoteSigner("other.example.org", bytes([7]) * 32).key.text
    world.refuse(
        "policy-is-readable", proposing(world, "witness.admitted", {"policy": policy(world, log=other)[0]})
    )


def test_a_witness_that_was_never_admitted_cannot_be_missed(world):
    body = {"witness": policy(world)[1], "slot": 1}
    world.refuse(
        "dropped-witness-was-admitted", world.event(world.service, "witness.dropped", world.stream, body)
    )


def of_person(person, fresh, **changed):
    key = fresh.signing.verify_key
    proof = sign_statement(PROOF_CONTEXT, (fresh.recipient.text, key.text), fresh.signing)
    body = {"of": "person", "keys": [key.text], "person": person.id}
    return {**body, "recipient": fresh.recipient.text, "proof": proof, **changed}


def test_a_persons_key_is_replaced_by_two_others_and_the_new_one_waits(world, someone):
    fresh, case = someone("ken"), world.submit()
    world.act(world.ann, "person.suspended", world.stream, {"person": world.ken.id})
    world.together(world.ann, world.otto, "key.rotated", of_person(world.ken, fresh))
    old, new = world.mechanism.people[world.ken.id], world.mechanism.people[fresh.id]
    assert (old.state, new.state, new.roles, new.replaces) == ("retired", "active", old.roles, old.key_id)
    assert not world.mechanism.usable(fresh.id, world.marker.slot)
    for _ in range(3):
        world.mark()
    assert world.mechanism.usable(fresh.id, world.marker.slot)
    # What was sealed to the old key is given to the new one by a colleague, or not at all.
    room = world.ledger.rooms[case.report.stream]
    assert fresh.id not in room.readers
    assert world.audit() == []


def test_a_persons_new_key_is_new_and_somebody_holds_it(world, someone):
    fresh = someone("new")
    for body in (
        of_person(world.ken, world.ira),
        of_person(world.ken, fresh, proof=of_person(world.ken, someone("other"))["proof"]),
        of_person(world.ken, fresh, recipient=world.ira.recipient.text),
        of_person(someone("stranger"), fresh),
        of_person(world.ken, fresh, keys=["nonsense"]),
        of_person(world.ken, fresh, of="service"),
        {"of": "person", "keys": [fresh.signing.verify_key.text], "person": world.ken.id},
    ):
        world.refuse("rotated-keys-are-new", proposing(world, "key.rotated", body))


def test_a_reporters_key_becomes_nobodys_on_the_roster(world):
    case = world.submit()
    body = of_person(world.ken, case.reporter)
    world.refuse("rotated-keys-are-new", proposing(world, "key.rotated", body))


def test_a_key_that_was_replaced_is_not_replaced_again(world, someone):
    first, second = someone("first"), someone("second")
    world.together(world.ann, world.bob, "key.rotated", of_person(world.ken, first))
    body = of_person(world.ken, second)
    world.refuse("rotated-keys-are-new", proposing(world, "key.rotated", body))
