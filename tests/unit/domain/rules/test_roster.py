import pytest

from meyasubako.crypto.note import NoteKey, NoteSigner
from meyasubako.crypto.signing import SigningKey, sign_statement
from meyasubako.domain.rules.roster import PROOF_CONTEXT


def suspension(world, who, person):
    return world.event(who, "person.suspended", world.stream, {"person": person.id})


def proposal(world, who, kind, body):
    return world.event(who, "act.proposed", world.stream, {"kind": kind, "v": 1, "body": body})


def test_nobody_is_enrolled_twice(world):
    body = world.ira.record(["mediator:main"], world.cards["person"].digest)
    world.refuse("person-is-new-and-holds-the-key", proposal(world, world.ann, "person.enrolled", body))


def test_nobodys_key_is_enrolled_without_their_proof(world, someone):
    eve, victim = someone("eve"), someone("victim")
    record = victim.record(["intake:main"], world.cards["person"].digest)
    body = {**record, "recipient": eve.recipient.text}
    world.refuse("person-is-new-and-holds-the-key", proposal(world, world.ann, "person.enrolled", body))


def test_a_recipient_that_nothing_can_be_sealed_to_is_not_enrolled(world, someone):
    eve = someone("eve")
    text = eve.recipient.text
    broken = text[:-1] + ("q" if text[-1] != "q" else "p")
    key = eve.signing.verify_key
    body = {
        **eve.record(["intake:main"], world.cards["person"].digest),
        "recipient": broken,
        "proof": sign_statement(PROOF_CONTEXT, (broken, key.text), eve.signing),
    }
    world.refuse("person-is-new-and-holds-the-key", proposal(world, world.ann, "person.enrolled", body))


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("ann", "handler:main"),
        ("ann", "custodian:main"),
        ("ann", "recovery:main"),
        ("ira", "steward"),
        ("ira", "custodian:main"),
        ("rita", "outsider"),
        ("ira", "intake:main"),
        ("ira", "king"),
    ],
)
def test_duties_stay_separate(world, name, role):
    body = {"person": getattr(world, name).id, "role": role}
    world.refuse("duties-are-separate", proposal(world, world.bob, "role.granted", body))


def test_a_founder_does_not_hold_clashing_roles(unfounded):
    people = unfounded.founding()["people"]
    people[0] = {**people[0], "roles": ["steward", "intake:main"]}
    event = unfounded.event(
        unfounded.ann, "mechanism.founded", unfounded.stream, unfounded.founding(people=people)
    )
    unfounded.refuse("duties-are-separate", event)


def test_the_first_steward_signs_the_founding(unfounded):
    event = unfounded.event(unfounded.ira, "mechanism.founded", unfounded.stream, unfounded.founding())
    unfounded.refuse("steward-founds", event)


def other_key(name):
    return NoteSigner(name, SigningKey.generate().reveal_seed()).key.text


@pytest.mark.parametrize(
    "changed",
    [
        {"service_key": "A" * 43 + "="},
        {"log_keys": ["box.example.org/log+00000000+AAAA"]},
        {"log_keys": [other_key("other.example.org")]},
        {"promise_key": other_key("box.example.org/log")},
        {"promise_key": NoteKey("box.example.org/log/promise", 9, bytes(32)).text},
    ],
)
def test_leaf_0_names_keys_that_can_be_verified_with(unfounded, changed):
    body = unfounded.founding(**changed)
    event = unfounded.event(unfounded.ann, "mechanism.founded", unfounded.stream, body)
    unfounded.refuse("founding-keys-are-good", event)


def test_only_somebody_on_the_roster_is_suspended(world, someone):
    world.refuse("person-is-known", suspension(world, world.ann, someone("stranger")))


def test_nobody_is_suspended_twice(world):
    world.accept(suspension(world, world.ann, world.ira))
    world.refuse("person-is-known", suspension(world, world.ann, world.ira))


def test_the_last_steward_is_not_suspended(world):
    world.accept(suspension(world, world.ann, world.bob))
    world.refuse("person-is-known", suspension(world, world.ann, world.ann))


def retiring(world, who, person):
    return world.event(who, "person.retired", world.stream, {"person": person.id})


def test_whoever_alone_reads_an_open_case_hands_it_over_first(world):
    case = world.submit(("ira", "ken"))
    world.check(retiring(world, world.ann, world.ira))
    world.act(world.ken, "access.revoked", case.report.stream, {"reader": world.ken.id})
    said = world.refuse("hands-over-first", retiring(world, world.ann, world.ira))
    assert "an open case" in said
    world.submit(("ira",))
    assert "2 open cases" in world.refuse("hands-over-first", retiring(world, world.ann, world.ira))
    role = {"person": world.ira.id, "role": "intake:main"}
    world.refuse("hands-over-first", world.event(world.ann, "role.withdrawn", world.stream, role))


def test_suspending_waits_for_no_handing_over_and_a_suspended_person_may_be_retired(world):
    world.submit(("ira",))
    world.accept(suspension(world, world.ann, world.ira))
    world.accept(retiring(world, world.bob, world.ira))
    assert world.mechanism.people[world.ira.id].state == "retired"
    assert world.audit() == []


def test_whoever_has_read_cases_of_a_channel_becomes_no_custodian_there(world):
    world.submit(("ira", "ken"))
    role = {"person": world.ira.id, "role": "intake:main"}
    world.act(world.ann, "role.withdrawn", world.stream, role)
    held = {"person": world.ira.id, "role": "custodian:main"}
    world.refuse("custodian-has-read-nothing", proposal(world, world.ann, "role.granted", held))
    world.check(proposal(world, world.ann, "role.granted", {**held, "role": "custodian:second"}))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("person.restored", {}),
        ("role.withdrawn", {"role": "handler:main"}),
        ("role.withdrawn", {"role": "king"}),
    ],
)
def test_an_act_about_a_person_fits_what_they_are(world, kind, body):
    body = {"person": world.ira.id, **body}
    world.refuse("person-is-known", proposal(world, world.ann, kind, body))


def test_whoever_is_retired_stays_so(world):
    world.accept(retiring(world, world.ann, world.ken))
    for kind in ("person.restored", "person.retired"):
        world.refuse("person-is-known", proposal(world, world.ann, kind, {"person": world.ken.id}))


def test_the_last_steward_is_neither_retired_nor_unmade(world):
    world.accept(retiring(world, world.ann, world.bob))
    world.refuse("person-is-known", proposal(world, world.otto, "person.retired", {"person": world.ann.id}))
    body = {"person": world.ann.id, "role": "steward"}
    world.refuse("person-is-known", proposal(world, world.otto, "role.withdrawn", body))
