from datetime import timedelta

import pytest

from meyasubako.crypto.signing import sign_statement
from meyasubako.domain.proposals import LAPSES_AFTER
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


def withdrawal(world, who, proposed):
    return world.event(who, "act.withdrawn", world.stream, {"act": proposed.leaf})


def test_whoever_proposed_takes_it_back_and_nobody_else(world):
    proposed = world.propose(world.ann, "channel.opened", world.channel_body("second"))
    world.refuse("withdrawn-by-its-proposer", withdrawal(world, world.bob, proposed))
    world.accept(withdrawal(world, world.ann, proposed))
    assert not world.mechanism.proposals
    world.refuse("withdrawn-by-its-proposer", withdrawal(world, world.ann, proposed))
    act = {**world.channel_body("second"), "proposal": proposed.leaf}
    world.refuse("two-people", world.event(world.bob, "channel.opened", world.stream, act))


def test_an_outsider_takes_back_what_they_proposed(world):
    proposed = world.propose(world.otto, "channel.opened", world.channel_body("second"))
    world.accept(withdrawal(world, world.otto, proposed))
    assert world.audit() == []


def test_a_proposal_that_nobody_confirms_lapses(world):
    proposed = world.propose(world.ann, "channel.opened", world.channel_body("second"))
    act = {**world.channel_body("second"), "proposal": proposed.leaf}
    world.today += LAPSES_AFTER
    world.check(world.event(world.bob, "channel.opened", world.stream, act))
    world.today += timedelta(days=1)
    world.refuse("two-people", world.event(world.bob, "channel.opened", world.stream, act))
    world.mark(days=0)
    assert not world.mechanism.proposals


def test_the_same_act_is_not_proposed_twice(world):
    body = world.channel_body("second")
    world.propose(world.ann, "channel.opened", body)
    said = world.refuse("proposal-is-new", proposal(world, world.bob, "channel.opened", body))
    assert "confirm it" in said
    world.check(proposal(world, world.bob, "channel.opened", world.channel_body("third")))


def test_the_same_person_is_not_proposed_twice_with_other_roles_either(world, someone):
    eve, shown = someone("eve"), world.cards["person"].digest
    world.propose(world.ann, "person.enrolled", eve.record(["intake:main"], shown))
    again = eve.record(["handler:main"], shown)
    assert "this person" in world.refuse(
        "proposal-is-new", proposal(world, world.bob, "person.enrolled", again)
    )


@pytest.mark.parametrize(
    ("kind", "name", "role"),
    [
        ("role.withdrawn", "cid", "custodian:main"),
        ("role.withdrawn", "rita", "auditor"),
        ("person.retired", "hal", None),
        ("person.retired", "otto", None),
    ],
)
def test_the_last_person_of_a_role_goes_by_two_people(world, kind, name, role):
    body = {"person": getattr(world, name).id, **({"role": role} if role else {})}
    said = world.refuse("two-people", world.event(world.ann, kind, world.stream, body))
    assert "nobody else is" in said
    world.together(world.ann, world.bob, kind, body)
    assert world.audit() == []


def test_one_of_several_is_retired_by_one_steward(world):
    world.act(world.ann, "person.retired", world.stream, {"person": world.ken.id})
    assert world.mechanism.people[world.ken.id].state == "retired"


def test_a_suspension_is_lifted_by_two_people_and_its_person_waits(world):
    world.accept(suspension(world, world.ann, world.ken))
    body = {"person": world.ken.id}
    world.refuse("two-people", world.event(world.bob, "person.restored", world.stream, body))
    world.together(world.bob, world.otto, "person.restored", body)
    assert world.mechanism.active(world.ken.id)
    assert not world.mechanism.usable(world.ken.id, world.marker.slot)
    for _ in range(3):
        world.mark()
    assert world.mechanism.usable(world.ken.id, world.marker.slot)


def rotation(world, person, fresh):
    key = fresh.signing.verify_key
    proof = sign_statement(PROOF_CONTEXT, (fresh.recipient.text, key.text), fresh.signing)
    return {
        "of": "person",
        "keys": [key.text],
        "person": person.id,
        "recipient": fresh.recipient.text,
        "proof": proof,
    }


def test_whoever_holds_the_key_that_is_replaced_has_no_say_in_it(world, someone):
    body = rotation(world, world.bob, someone("thief"))
    mine = proposal(world, world.bob, "key.rotated", body)
    proposed = world.accept(mine)
    act = {**body, "proposal": proposed.leaf}
    world.refuse("stolen-key-has-no-say", world.event(world.ann, "key.rotated", world.stream, act))
    other = world.propose(world.ann, "key.rotated", rotation(world, world.bob, someone("thief")))
    act = {**other.body["body"], "proposal": other.leaf}
    world.refuse("stolen-key-has-no-say", world.event(world.bob, "key.rotated", world.stream, act))
    world.check(world.event(world.otto, "key.rotated", world.stream, act))


def test_before_the_first_marker_whoever_founds_settles_channels_and_holders_alone(unfounded):
    world = unfounded
    world.act(world.ann, "mechanism.founded", world.stream, world.founding())
    for published in world.cards.values():
        world.publish_card(published)
    world.act(world.ann, "channel.opened", world.stream, world.channel_body("main"))
    world.act(world.ann, "fallback.appointed", world.stream, {"channel": "main", "person": world.otto.id})
    world.act(world.ann, "channel.changed", world.stream, world.channel_body("main", letterbox=True))
    profile = {"channel": "main", "profile": "own", "deadlines": [], "retention": []}
    world.act(world.ann, "profile.adopted", world.stream, profile)
    world.mark(days=0)
    profile = {**profile, "profile": "another"}
    world.refuse("two-people", world.event(world.ann, "profile.adopted", world.stream, profile))
    assert world.audit() == []
