import pytest

from meyasubako.crypto.age import HybridIdentity
from meyasubako.domain import reading, sealing


def texts(world, room, person):
    """What a person reads in a room with their own key and every payload of the mechanism."""
    state = world.ledger.rooms[room.stream]
    events = [event for event in world.log if event.stream in (room.stream, state.case)]
    wanted = [event for event in events if event.stream == room.stream or state.name == "report"]
    keys = reading.epoch_keys(state, person.id, person.identity, world.payloads.__getitem__)
    return [
        each.document.text if each.document else each.trouble
        for each in reading.open_texts(wanted, keys, world.payloads.__getitem__)
    ]


def test_a_conversation_reads_the_same_on_both_sides(world, case):
    world.post(world.ira, "message.posted", case.dialogue.stream, {"text": "where?"})
    world.post(case.reporter, "message.posted", case.dialogue.stream, {"text": "here"}, "server")
    for person in (world.ira, world.ken, case.reporter):
        assert texts(world, case.dialogue, person) == ["where?", "here"]
    assert texts(world, case.report, world.ken) == ["gravel"]
    assert texts(world, case.report, case.reporter) == ["it was written when you had no access"]


def test_somebody_who_lost_access_reads_what_was_written_before_and_no_more(world, case):
    world.post(world.ira, "message.posted", case.dialogue.stream, {"text": "one"})
    world.act(world.ira, "access.revoked", case.dialogue.stream, {"reader": world.ken.id})
    world.post(case.reporter, "message.posted", case.dialogue.stream, {"text": "two"}, "server")
    assert texts(world, case.dialogue, world.ken) == ["one", "it was written when you had no access"]
    assert texts(world, case.dialogue, world.ira) == ["one", "two"]


def test_a_text_that_does_not_open_says_so_and_hides_no_other(world, case):
    first = world.post(world.ira, "message.posted", case.dialogue.stream, {"text": "one"})
    world.post(world.ira, "message.posted", case.dialogue.stream, {"text": "two"})
    digest = first.body["message"]["sha256"]
    world.payloads[digest] = sealing.sealed(b"age-encryption.org/v1\n").data
    assert texts(world, case.dialogue, world.ken)[1] == "two"


def test_a_wrap_with_a_false_key_opens_nothing_and_says_so(world, case):
    world.post(world.ira, "message.posted", case.dialogue.stream, {"text": "one"})
    wrap = next(each for each in case.events[2].records("wraps") if each["reader"] == world.ken.id)
    false = sealing.wrap(HybridIdentity.generate(), world.ken.recipient)
    world.payloads[wrap["sha256"]] = false.data
    (trouble,) = texts(world, case.dialogue, world.ken)
    assert "do not trust" in trouble


@pytest.mark.parametrize("whose", ["theirs", "nobodys"])
def test_whoever_wraps_a_false_key_locks_nobody_out_of_what_was_said_before(world, case, someone, whose):
    world.post(world.ira, "message.posted", case.dialogue.stream, {"text": "before"})
    request, room = world.request(world.ira), case.dialogue.stream
    staff = {person.id: person.recipient for person in (world.ira, world.ken)}
    identity, false = HybridIdentity.generate(), HybridIdentity.generate()
    wraps = {key: sealing.wrap(identity, recipient) for key, recipient in staff.items()}
    victim = case.reporter.recipient if whose == "theirs" else someone("nobody").recipient
    wraps[case.reporter.id] = sealing.wrap(false, victim)
    body = {
        "epoch": 2,
        "recipient": identity.recipient.text,
        "wraps": [{"reader": key, **wrap.reference} for key, wrap in wraps.items()],
    }
    request.add("room.advanced", room, body, wraps.values())
    world.send(request)
    world.post(world.ira, "message.posted", room, {"text": "after"})
    assert texts(world, case.dialogue, world.ken) == ["before", "after"]
    before, after = texts(world, case.dialogue, case.reporter)
    assert before == "before"
    assert after not in ("after", "it was written when you had no access")


def test_every_text_kind_is_known_by_its_use(world, case):
    added = world.post(case.reporter, "report.added", case.report.stream, {"text": "more"}, "server")
    assert reading.text_digest(added) == added.body["addition"]["sha256"]
    assert reading.epoch_of(case.events[0]) == 1
