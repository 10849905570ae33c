from meyasubako.domain.reach import reach, takes_over


def test_what_somebody_could_read_follows_from_wraps_and_what_they_fetched_from_reads(world):
    case = world.submit(("ira", "ken"))
    digest = case.events[0].payloads()[0].digest
    world.act(world.ira, "payload.fetched", world.fresh(), {"case": case.stream, "payloads": [digest]})
    world.open_team(world.ira, case, ("ira",))
    (mine,) = reach(world.ledger, world.ira.id)
    assert (mine.case, mine.state, mine.fetched, mine.alone) == (case.stream, "submitted", 1, True)
    assert {room.name: (room.epochs, room.alone) for room in mine.rooms} == {
        "report": ((1,), False),
        "dialogue": ((1,), False),
        "team": ((1,), True),
    }
    (other,) = reach(world.ledger, world.ken.id)
    assert (other.fetched, other.alone, len(other.rooms)) == (0, False, 2)
    assert list(reach(world.ledger, world.hal.id)) == []


def test_what_was_taken_away_was_within_reach(world):
    case = world.submit(("ira", "ken"))
    world.act(world.ira, "access.revoked", case.report.stream, {"reader": world.ken.id})
    (mine,) = reach(world.ledger, world.ken.id)
    assert {room.name: room.reads_now for room in mine.rooms} == {"report": False, "dialogue": True}


def test_who_handles_on_the_same_channel_could_take_over(world):
    leaving = world.mechanism.people[world.ira.id]
    assert {each.key_id for each in takes_over(world.mechanism, leaving)} == {
        world.ken.id,
        world.hal.id,
        world.mia.id,
    }
    world.act(world.ann, "person.suspended", world.stream, {"person": world.hal.id})
    assert world.hal.id not in {each.key_id for each in takes_over(world.mechanism, leaving)}
