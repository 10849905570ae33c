import pytest

from meyasubako.crypto.note import NoteKey, NoteSigner
from meyasubako.crypto.signing import SigningKey, sign_statement
from meyasubako.domain.rules.roster import PROOF_CONTEXT


def suspension(world, who, person):
    return world.event(who, "person.suspended", world.stream, {"person": person.id})


def proposal(world, who, kind, body):
    return world.event(who, "act.proposed", world.stream, {"kind": kind, "v": 1, "body": body})


@pytest.mark.parametrize("name", ["ira", "hal", "cid", "rita", "otto"])
def test_only_stewards_suspend(world, name):
    world.refuse("stewards-act", suspension(world, getattr(world, name), world.ken))


@pytest.mark.parametrize("name", ["ira", "hal", "cid", "rita"])
def test_only_stewards_and_outsiders_propose(world, name):
    event = proposal(world, getattr(world, name), "channel.opened", world.channel_body("second"))
    world.refuse("stewards-act", event)


def test_a_suspended_steward_does_nothing(world):
    world.accept(suspension(world, world.ann, world.bob))
    world.refuse("stewards-act", suspension(world, world.bob, world.ira))


def test_a_new_steward_waits_like_everybody(world, someone):
    sue = someone("sue")
    world.enrol(sue, "steward")
    world.refuse("stewards-act", suspension(world, sue, world.ira))
    world.mark()
    world.refuse("stewards-act", suspension(world, sue, world.ira))
    world.mark()
    world.mark()
    world.check(suspension(world, sue, world.ira))


def test_a_reader_is_not_enrolled_by_one_steward(world, someone):
    body = someone("eve").record(["intake:main"], world.cards["person"].digest)
    world.refuse("two-people", world.event(world.ann, "person.enrolled", world.stream, body))


def test_nobody_is_enrolled_beside_the_people_of_leaf_0(unfounded, someone):
    unfounded.act(unfounded.ann, "mechanism.founded", unfounded.stream, unfounded.founding())
    body = someone("eve").record(["intake:main"], unfounded.cards["person"].digest)
    unfounded.refuse("two-people", unfounded.event(unfounded.ann, "person.enrolled", unfounded.stream, body))


def test_an_auditor_is_enrolled_by_one_steward(world, someone):
    body = someone("aud").record(["auditor"], world.cards["person"].digest)
    world.act(world.ann, "person.enrolled", world.stream, body)


def test_the_second_person_is_another(world):
    body = world.channel_body("second")
    proposed = world.propose(world.ann, "channel.opened", body)
    act = {**body, "proposal": proposed.leaf}
    world.refuse("two-people", world.event(world.ann, "channel.opened", world.stream, act))
    world.check(world.event(world.bob, "channel.opened", world.stream, act))


def test_the_act_is_what_was_proposed(world):
    proposed = world.propose(world.ann, "channel.opened", world.channel_body("second"))
    act = {**world.channel_body("second", draw=1), "proposal": proposed.leaf}
    world.refuse("two-people", world.event(world.bob, "channel.opened", world.stream, act))


def test_a_proposal_serves_once(world):
    body = {"person": world.hal.id, "role": "mediator:main"}
    done = world.together(world.ann, world.bob, "role.granted", body)
    world.refuse("two-people", world.event(world.bob, "role.granted", world.stream, dict(done.body)))


def test_a_proposal_falls_with_whoever_made_it(world):
    body = world.channel_body("second")
    proposed = world.propose(world.otto, "channel.opened", body)
    world.accept(suspension(world, world.ann, world.otto))
    act = {**body, "proposal": proposed.leaf}
    world.refuse("two-people", world.event(world.bob, "channel.opened", world.stream, act))


def test_two_outsiders_do_not_act_without_a_steward(world, someone):
    olga = someone("olga")
    world.enrol(olga, "outsider")
    for _ in range(3):
        world.mark()
    body = world.channel_body("second")
    proposed = world.propose(world.otto, "channel.opened", body)
    act = {**body, "proposal": proposed.leaf}
    world.refuse("two-people", world.event(olga, "channel.opened", world.stream, act))


def test_nobody_is_enrolled_twice(world):
    body = world.ira.record(["mediator:main"], world.cards["person"].digest)
    proposed = world.propose(world.ann, "person.enrolled", body)
    act = {**body, "proposal": proposed.leaf}
    world.refuse(
        "person-is-new-and-holds-the-key", world.event(world.bob, "person.enrolled", world.stream, act)
    )


def test_nobodys_key_is_enrolled_without_their_proof(world, someone):
    eve, victim = someone("eve"), someone("victim")
    record = victim.record(["intake:main"], world.cards["person"].digest)
    body = {**record, "recipient": eve.recipient.text}
    proposed = world.propose(world.ann, "person.enrolled", body)
    act = {**body, "proposal": proposed.leaf}
    world.refuse(
        "person-is-new-and-holds-the-key", world.event(world.bob, "person.enrolled", world.stream, act)
    )


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
    proposed = world.propose(world.ann, "person.enrolled", body)
    act = {**body, "proposal": proposed.leaf}
    world.refuse(
        "person-is-new-and-holds-the-key", world.event(world.bob, "person.enrolled", world.stream, act)
    )


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
    proposed = world.propose(world.bob, "role.granted", body)
    second = world.otto if name == "ann" else world.ann
    act = {**body, "proposal": proposed.leaf}
    world.refuse("duties-are-separate", world.event(second, "role.granted", world.stream, act))


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


def test_the_fallback_is_an_outsider(world):
    body = {"channel": "main", "person": world.ken.id}
    proposed = world.propose(world.ann, "fallback.appointed", body)
    act = {**body, "proposal": proposed.leaf}
    world.refuse("person-is-known", world.event(world.bob, "fallback.appointed", world.stream, act))


def test_a_channel_is_opened_once(world):
    body = world.channel_body("main", draw=2)
    proposed = world.propose(world.ann, "channel.opened", body)
    act = {**body, "proposal": proposed.leaf}
    world.refuse("channel-is-known", world.event(world.bob, "channel.opened", world.stream, act))


def test_a_channels_cards_were_published(world):
    body = world.channel_body("second", card={"ref": "ab" * 32})
    proposed = world.propose(world.ann, "channel.opened", body)
    act = {**body, "proposal": proposed.leaf}
    world.refuse("channel-is-known", world.event(world.bob, "channel.opened", world.stream, act))


def test_a_fallback_is_appointed_for_a_channel_that_exists(world):
    body = {"channel": "nowhere", "person": world.otto.id}
    proposed = world.propose(world.ann, "fallback.appointed", body)
    act = {**body, "proposal": proposed.leaf}
    world.refuse("channel-is-known", world.event(world.bob, "fallback.appointed", world.stream, act))
