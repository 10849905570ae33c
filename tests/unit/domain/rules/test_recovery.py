import pytest

from meyasubako.crypto.age import HybridIdentity
from meyasubako.domain import acts, acts_identity, holders, opening
from meyasubako.domain.acts import NewRoom
from tests.unit.domain import holding


@pytest.fixture
def held(world, someone):
    return holding.appoint(world, someone)


@pytest.fixture
def case(held):
    return holding.submit(held)


@pytest.fixture
def team(held, case):
    room = NewRoom(held.fresh(), HybridIdentity.generate())
    request = held.request(held.ira)
    readers = {held.ira.id: held.ira.recipient, held.ken.id: held.ken.recipient}
    acts.open_room(
        request, room, case=case.stream, name="team", readers=readers, holding=holding.holding(held, "team")
    )
    held.send(request)
    return room


def rooms(case, *more):
    return [case.submitted.report.stream, case.submitted.dialogue.stream, *(each.stream for each in more)]


def asking(case, who, person, *streams):
    return case.event(who, "recovery.requested", {"person": person.id, "rooms": list(streams)})


def agreed(held, case, *streams):
    """A recovery for hal that rex and ruth have agreed to."""
    asked = held.accept(asking(case, held.rex, held.hal, *streams)).leaf
    for who in (held.rex, held.ruth):
        case.do(who, "recovery.approved", {"request": asked})
    return asked


def rebuilt(held, case, asked, stream):
    """The room's keys by epoch as hal puts them together."""
    room = held.ledger.rooms[stream]
    keys = {}
    for epoch in holders.shared_epochs(room):
        shares = [
            opening.open_share(held.payloads[each.digest], held.hal.identity)
            for each in case.state.requests[asked].released
            if (each.room, each.epoch) == (stream, epoch)
        ]
        keys[epoch] = opening.rebuild(shares, room.recipients[epoch - 1])
    return keys


def taking(held, stream, keys, who=None):
    who = who or held.hal
    request = held.request(who)
    acts_identity.take_back(request, held.ledger.rooms[stream], keys, who.recipient)
    return request


def test_two_holders_give_a_colleague_back_what_a_lost_key_opened(held, case, team):
    streams = rooms(case, team)
    asked = agreed(held, case, *streams)
    states = [held.ledger.rooms[stream] for stream in streams]
    for who in (held.rex, held.ria):
        case.release(asked, who, *states)
    for stream in streams:
        held.send(taking(held, stream, rebuilt(held, case, asked, stream)))
    held.act(held.hal, "handler.assigned", case.stream, {"person": held.hal.id})
    assert held.hal.id in held.ledger.rooms[case.submitted.dialogue.stream].readers
    assert held.audit() == []


def test_a_recovery_is_for_a_colleague_who_was_not_left_out(held, case, someone):
    streams = rooms(case)
    held.refuse("recovery-is-for-a-colleague", asking(case, held.rex, held.rita, *streams))
    held.refuse("recovery-is-for-a-colleague", asking(case, held.rex, someone("nobody"), *streams))
    held.refuse("recovery-is-for-a-colleague", asking(case, held.rex, held.ira, *streams))
    held.refuse("recovery-is-for-a-colleague", asking(case, held.rex, held.hal, streams[0], streams[0]))
    held.refuse("recovery-is-for-a-colleague", asking(case, held.rex, held.hal, case.identity.stream))
    held.refuse("recovery-is-for-a-colleague", asking(case, held.rex, held.hal, held.fresh()))
    other = holding.submit(held)
    held.refuse(
        "recovery-is-for-a-colleague", asking(case, held.rex, held.hal, other.submitted.report.stream)
    )
    held.accept(asking(case, held.rex, held.hal, *streams))
    held.refuse("recovery-is-for-a-colleague", asking(case, held.rex, held.hal, *streams))
    held.refuse("assigned-people-act", asking(case, held.cy, held.hal, *streams))


def test_nobody_who_lost_access_on_purpose_gets_it_back(held, case):
    for stream in rooms(case):
        held.act(held.ken, "access.revoked", stream, {"reader": held.ira.id})
    held.refuse("recovery-is-for-a-colleague", asking(case, held.rex, held.ira, *rooms(case)))


def test_holders_agree_once_and_not_for_themselves(held, case):
    asked = held.accept(asking(case, held.rex, held.hal, *rooms(case))).leaf
    case.do(held.rex, "recovery.approved", {"request": asked})
    held.refuse("recovery-approved-by-holders", case.event(held.rex, "recovery.approved", {"request": asked}))
    held.refuse(
        "recovery-approved-by-holders", case.event(held.ruth, "recovery.approved", {"request": "ab" * 32})
    )
    identity = case.ask(held.ira)
    held.refuse(
        "recovery-approved-by-holders", case.event(held.ruth, "recovery.approved", {"request": identity})
    )
    held.refuse("no-share-before-approval", *case.releasing(asked, held.rex, *states(held, case)).events)


def states(held, case):
    return [held.ledger.rooms[stream] for stream in rooms(case)]


def test_only_holders_of_these_rooms_agree(held):
    case = holding.submit(held, left_out=(held.ruth,))
    asked = held.accept(asking(case, held.rex, held.hal, *rooms(case))).leaf
    held.refuse(
        "recovery-approved-by-holders", case.event(held.ruth, "recovery.approved", {"request": asked})
    )


def test_nobody_takes_more_than_enough_shares_open(held, case):
    streams = rooms(case)
    asked = agreed(held, case, *streams)
    case.release(asked, held.rex, *states(held, case))
    keys = {1: case.submitted.report.identity}
    held.refuse("recovered-by-enough-shares", *taking(held, streams[0], keys).events)
    case.release(asked, held.ria, *states(held, case))
    held.refuse(
        "recovered-by-enough-shares", *taking(held, streams[0], {**keys, 2: HybridIdentity.generate()}).events
    )
    held.check(*taking(held, streams[0], keys).events)
    for _ in range(7):
        held.mark()
    held.refuse("recovered-by-enough-shares", *taking(held, streams[0], keys).events)
    held.act(held.service, "identity.expired", case.stream, {"request": asked})
    held.refuse("recovered-by-enough-shares", *taking(held, streams[0], keys).events)
