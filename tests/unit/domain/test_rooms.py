import pytest

from meyasubako.domain import rooms

CLAIM = {"sealed_by": "server"}


def state(world, room):
    return world.ledger.rooms[room.stream]


def present(world, room):
    return rooms.present(state(world, room), world.mechanism)


def test_a_room_is_read_by_those_it_was_opened_for(world, case):
    assert present(world, case.report) == {world.ira.id, world.ken.id}
    assert present(world, case.dialogue) == {world.ira.id, world.ken.id, case.reporter.id}
    assert not rooms.stale(state(world, case.dialogue), world.mechanism)


@pytest.mark.parametrize("how", ["revoked", "suspended", "closed"])
def test_whoever_loses_access_makes_the_epoch_stale(world, case, how):
    if how == "revoked":
        world.act(world.ira, "access.revoked", case.dialogue.stream, {"reader": world.ken.id})
    elif how == "suspended":
        world.act(world.ann, "person.suspended", world.stream, {"person": world.ken.id})
    else:
        world.act(case.reporter, "mailbox.closed_to_reading", case.dialogue.stream, CLAIM)
    gone = case.reporter.id if how == "closed" else world.ken.id
    assert rooms.stale(state(world, case.dialogue), world.mechanism)
    assert gone not in present(world, case.dialogue)
    world.post(world.ira, "message.posted", case.dialogue.stream, {"text": "next"})
    room = state(world, case.dialogue)
    assert (room.epoch, rooms.stale(room, world.mechanism)) == (2, False)
    assert gone not in {wrap.reader for wrap in room.wraps if wrap.epoch == 2}


def test_a_reporter_may_still_write_when_they_closed_their_mailbox(world, case):
    world.act(case.reporter, "mailbox.closed_to_reading", case.dialogue.stream, CLAIM)
    world.post(case.reporter, "message.posted", case.dialogue.stream, {"text": "more"}, "server")
    assert world.audit() == []


def test_the_fallback_stands_in_where_nobody_of_the_staff_is_left(world, case):
    body = {"channel": "main", "person": world.otto.id}
    world.together(world.ann, world.bob, "fallback.appointed", body)
    for person in (world.ira, world.ken):
        world.act(world.ann, "person.suspended", world.stream, {"person": person.id})
    assert present(world, case.dialogue) == {world.otto.id, case.reporter.id}
    world.post(case.reporter, "message.posted", case.dialogue.stream, {"text": "anybody?"}, "server")
    world.post(world.otto, "message.posted", case.dialogue.stream, {"text": "I am here"})
    assert world.audit() == []


def test_a_new_reader_gets_every_epoch_and_makes_none_stale(world, case):
    world.act(world.ira, "access.revoked", case.dialogue.stream, {"reader": world.ken.id})
    request = world.writing(world.ira, "message.posted", case.dialogue.stream, {"text": "two"})
    world.send(request)
    room = state(world, case.dialogue)
    identities = [case.dialogue.identity, case.report.identity]
    _, request = world.granting(world.ira, case.dialogue.stream, identities, world.hal)
    world.send(request)
    room = state(world, case.dialogue)
    assert {wrap.epoch for wrap in room.wraps if wrap.reader == world.hal.id} == {1, 2}
    assert not rooms.stale(room, world.mechanism)


def test_a_reader_may_come_back(world, case):
    world.act(world.ira, "access.revoked", case.report.stream, {"reader": world.ken.id})
    _, request = world.granting(world.ira, case.report.stream, [case.report.identity], world.ken)
    world.send(request)
    assert present(world, case.report) == {world.ira.id, world.ken.id}


def test_messages_are_remembered_with_their_author(world, case):
    event = world.post(world.ira, "message.posted", case.dialogue.stream, {"text": "hello"})
    assert state(world, case.dialogue).messages == {event.leaf: world.ira.id}
