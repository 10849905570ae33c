import hashlib
import json

from meyasubako.domain import people


def test_founders_are_usable_from_the_foundings_marker(world):
    assert world.mechanism.usable(world.ira.id, 0)
    assert {person.usable_from for person in world.mechanism.people.values()} == {0}


def test_nobody_is_usable_before_the_first_marker(unfounded):
    unfounded.act(unfounded.ann, "mechanism.founded", unfounded.stream, unfounded.founding())
    assert unfounded.mechanism.active(unfounded.ira.id)
    assert not unfounded.mechanism.usable(unfounded.ira.id, 0)


def waited(world, person, days):
    """In which slot the person becomes usable, with markers so many days apart."""
    world.enrol(person, "intake:main")
    enrolled = world.marker.slot
    for _ in range(12):
        world.mark(days=days)
        if world.mechanism.usable(person.id, world.marker.slot):
            return world.marker.slot - enrolled
    return None


def test_a_new_key_waits_longer_than_the_waiting_time_from_the_marker_that_covers_it(world, someone):
    # Covered by slot 1; a day later 24 hours may not be over, two days later they are.
    assert waited(world, someone("nia"), days=1) == 3


def test_slots_on_one_day_do_not_shorten_the_waiting_time(world, someone):
    assert waited(world, someone("nia"), days=0) is None


def test_without_a_waiting_time_the_covering_marker_is_enough(cast, someone):
    world = type_of_world(cast, waiting_hours=0)
    assert waited(world, someone("nia"), days=0) == 1


def test_a_longer_waiting_time_takes_longer(cast, someone):
    world = type_of_world(cast, waiting_hours=72)
    assert waited(world, someone("nia"), days=1) == 5


def type_of_world(cast, **settings):
    from tests.unit.domain.conftest import World

    return World(dict(cast), **settings).found()


def test_a_reading_role_makes_its_holder_wait_again(world):
    body = {"person": world.hal.id, "role": "intake:main"}
    world.together(world.ann, world.bob, "role.granted", body)
    assert not world.mechanism.usable(world.hal.id, world.marker.slot)
    for _ in range(3):
        world.mark()
    assert world.mechanism.usable(world.hal.id, world.marker.slot)


def test_intake_is_who_is_usable_and_has_the_role_on_the_channel(world):
    names = {person.key_id for person in world.mechanism.intake("main", 0)}
    assert names == {world.ira.id, world.ken.id}
    assert not world.mechanism.intake("second", 0)
    assert not world.mechanism.intake("main", -1)
    world.act(world.ann, "person.suspended", world.stream, {"person": world.ken.id})
    assert [person.key_id for person in world.mechanism.intake("main", 0)] == [world.ira.id]


def test_the_roster_digest_is_the_sha256_of_its_canonical_json(world):
    rows = [
        {
            "card": person.card,
            "enrolled": person.enrolled,
            "key": person.key,
            "recipient": person.recipient,
            "roles": sorted(person.roles),
            "state": person.state,
            "usable_from": person.usable_from,
        }
        for _, person in sorted(world.mechanism.people.items())
    ]
    text = json.dumps(rows, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert people.roster_digest(world.mechanism.people.values()) == digest
    assert world.log[-1].body["roster"] == digest


def test_the_roster_digest_changes_with_every_change_of_the_roster(world, someone):
    seen = {people.roster_digest(world.mechanism.people.values())}
    world.enrol(someone("nia"), "intake:main")
    seen.add(people.roster_digest(world.mechanism.people.values()))
    world.act(world.ann, "person.suspended", world.stream, {"person": world.ken.id})
    seen.add(people.roster_digest(world.mechanism.people.values()))
    world.together(world.ann, world.bob, "role.granted", {"person": world.otto.id, "role": "publisher"})
    seen.add(people.roster_digest(world.mechanism.people.values()))
    assert len(seen) == 4


def test_a_marker_is_found_by_its_leaf(world):
    assert world.mechanism.marker(world.log[-1].leaf) == world.marker
    assert world.mechanism.marker("ab" * 32) is None
