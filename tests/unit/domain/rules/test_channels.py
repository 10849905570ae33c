import pytest

from meyasubako.domain import holders, people


def proposal(world, who, kind, body):
    return world.event(who, "act.proposed", world.stream, {"kind": kind, "v": 1, "body": body})


def test_the_fallback_is_an_outsider(world):
    body = {"channel": "main", "person": world.ken.id}
    world.refuse("fallback-is-outside", proposal(world, world.ann, "fallback.appointed", body))


def test_a_channel_is_opened_once(world):
    body = world.channel_body("main", draw=2)
    world.refuse("channel-is-known", proposal(world, world.ann, "channel.opened", body))


def test_a_channels_cards_were_published(world):
    body = world.channel_body("second", card={"ref": "ab" * 32})
    world.refuse("channel-is-known", proposal(world, world.ann, "channel.opened", body))


def test_a_fallback_is_appointed_for_a_channel_that_exists(world):
    body = {"channel": "nowhere", "person": world.otto.id}
    world.refuse("channel-is-known", proposal(world, world.ann, "fallback.appointed", body))


def changed(world, **fields):
    return proposal(world, world.ann, "channel.changed", world.channel_body("main", **fields))


def appointment(world, kind, *people, threshold=2):
    body = {"channel": "main", "people": [each.id for each in people], "threshold": threshold}
    return proposal(world, world.ann, kind, body)


@pytest.fixture
def staffed(world, someone):
    """Two custodians, and two who recover, one of them from outside."""
    world.enrol(someone("cleo"), "custodian:main", "records")
    world.enrol(someone("rec"), "recovery:main")
    world.enrol(someone("ria"), "recovery:main", "outsider")
    return world


def test_what_is_changed_is_a_channel_that_is_open(world):
    other = proposal(world, world.ann, "channel.changed", world.channel_body("nowhere"))
    world.refuse("channel-is-known", other)
    world.together(world.ann, world.bob, "channel.closed", {"channel": "main"})
    world.refuse("channel-is-known", changed(world, draw=1))
    world.refuse("channel-is-known", proposal(world, world.ann, "channel.closed", {"channel": "main"}))
    opened = proposal(world, world.ann, "channel.opened", world.channel_body("main"))
    assert "not given again" in world.refuse("channel-is-known", opened)


def test_a_letterbox_needs_somebody_outside(world):
    said = world.refuse("letterbox-has-somebody-outside", changed(world, letterbox=True))
    assert "fallback" in said
    world.together(world.ann, world.bob, "fallback.appointed", {"channel": "main", "person": world.otto.id})
    world.together(world.ann, world.bob, "channel.changed", world.channel_body("main", letterbox=True))
    assert [person.key_id for person in world.mechanism.intake("main", 0)] == [world.otto.id]
    world.act(world.ann, "person.suspended", world.stream, {"person": world.otto.id})
    assert world.mechanism.intake("main", 0) == ()
    world.refuse("letterbox-has-somebody-outside", changed(world, letterbox=True, draw=2))


def test_custodians_are_people_with_the_role_who_can_come_together(staffed):
    world = staffed
    world.refuse("holders-can-hold", appointment(world, "custodians.appointed", world.cid, world.hal))
    world.refuse("holders-can-hold", appointment(world, "custodians.appointed", world.cid, world.cid))
    both = (world.cid, world.cleo)
    world.refuse("holders-can-hold", appointment(world, "custodians.appointed", *both, threshold=3))
    body = {"channel": "main", "people": [each.id for each in both], "threshold": 2}
    assert not holders.identity_offered(world.mechanism, world.channel)
    done = world.together(world.ann, world.bob, "custodians.appointed", body)
    assert world.channel.custodians == people.Holders((world.cid.id, world.cleo.id), 2, done.leaf)
    for _ in range(3):
        world.mark()
    assert holders.identity_offered(world.mechanism, world.channel)
    world.act(world.ann, "person.suspended", world.stream, {"person": world.cleo.id})
    assert not holders.identity_offered(world.mechanism, world.channel)
    assert world.audit() == []


def test_recovery_needs_somebody_outside(staffed, someone):
    world = staffed
    world.enrol(someone("ron"), "recovery:main")
    said = world.refuse("holders-can-hold", appointment(world, "recovery.appointed", world.rec, world.ron))
    assert "outside" in said
    world.check(appointment(world, "recovery.appointed", world.rec, world.ria))


def test_a_suspended_custodian_is_not_appointed(staffed):
    world = staffed
    world.act(world.ann, "person.suspended", world.stream, {"person": world.cleo.id})
    world.refuse("holders-can-hold", appointment(world, "custodians.appointed", world.cid, world.cleo))


def test_the_fallback_holds_no_share_of_who_reported(staffed, someone):
    world = staffed
    world.enrol(someone("olga"), "custodian:main", "outsider")
    body = {"channel": "main", "person": world.olga.id}
    world.refuse("fallback-is-outside", proposal(world, world.ann, "fallback.appointed", body))
    world.together(world.ann, world.bob, "fallback.appointed", {"channel": "main", "person": world.otto.id})
    body = {"person": world.otto.id, "role": "custodian:main"}
    world.refuse("fallback-is-outside", proposal(world, world.ann, "role.granted", body))


DEADLINE = {"step": "acknowledge", "days": 7, "working": False}
RETENTION = {"item": "report", "trigger": "closed", "most": 1096}


@pytest.mark.parametrize(
    ("deadlines", "retention"),
    [
        ([DEADLINE, {**DEADLINE, "days": 5}], []),
        ([{**DEADLINE, "extended": 6}], []),
        ([], [RETENTION, {**RETENTION, "most": 7}]),
        ([], [{**RETENTION, "least": 1097}]),
    ],
)
def test_a_profile_whose_days_cannot_be_kept_is_not_adopted(world, deadlines, retention):
    body = {"channel": "main", "profile": "own", "deadlines": deadlines, "retention": retention}
    world.refuse("profile-is-sound", proposal(world, world.ann, "profile.adopted", body))


def test_several_profiles_hold_at_once_and_one_is_replaced_by_its_name(world):
    for name, days in (("one", 7), ("two", 5), ("one", 3)):
        body = {
            "channel": "main",
            "profile": name,
            "deadlines": [{**DEADLINE, "days": days}],
            "retention": [RETENTION],
        }
        world.together(world.ann, world.bob, "profile.adopted", body)
    found = {name: profile.deadlines[0].days for name, profile in world.channel.profiles.items()}
    assert found == {"one": 3, "two": 5}
    empty = {"channel": "main", "profile": "one", "deadlines": [], "retention": []}
    world.together(world.ann, world.bob, "profile.adopted", empty)
    assert set(world.channel.profiles) == {"two"}
    assert world.audit() == []


def test_with_a_role_goes_what_somebody_was_appointed_to_by_it(staffed):
    world = staffed
    both = [world.cid.id, world.cleo.id]
    body = {"channel": "main", "people": both, "threshold": 2}
    world.together(world.ann, world.bob, "custodians.appointed", body)
    world.together(world.ann, world.bob, "fallback.appointed", {"channel": "main", "person": world.otto.id})
    world.act(world.ann, "role.withdrawn", world.stream, {"person": world.cleo.id, "role": "custodian:main"})
    assert world.channel.custodians.people == (world.cid.id,)
    assert world.channel.fallback == world.otto.id
    world.act(world.ann, "role.withdrawn", world.stream, {"person": world.otto.id, "role": "outsider"})
    assert world.channel.fallback is None
    assert world.audit() == []
