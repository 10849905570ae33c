import pytest

from meyasubako.domain import entitlement, kinds
from tests.unit.domain import steps


def fetch(world, who, case, digest):
    body = {"case": case.stream, "payloads": [digest]}
    return world.act(who, "payload.fetched", world.fresh(), body)


def shown(world, who):
    return {each.stream: each.sort for each in entitlement.streams_of(world.ledger, who.id)}


def test_a_reader_is_shown_the_case_its_rooms_and_their_own_reads(world, case):
    digest = case.events[0].body["report"]["sha256"]
    mine = fetch(world, world.ira, case, digest)
    theirs = fetch(world, world.ken, case, digest)
    assert shown(world, world.ira) == {
        world.stream: kinds.MECHANISM,
        case.stream: kinds.CASE,
        case.report.stream: kinds.ROOM,
        case.dialogue.stream: kinds.ROOM,
        mine.stream: kinds.READS,
    }
    assert not entitlement.may_see(world.ledger, world.ira.id, theirs.stream)


@pytest.mark.parametrize("name", ["ann", "hal", "mia", "cid", "rita", "otto"])
def test_others_of_the_roster_are_shown_the_mechanism_only(world, case, name):
    assert shown(world, getattr(world, name)) == {world.stream: kinds.MECHANISM}


def test_strangers_reporters_and_the_suspended_are_shown_nothing(world, case, someone):
    world.act(world.ann, "person.suspended", world.stream, {"person": world.ken.id})
    for who in (someone("stranger"), case.reporter, world.ken):
        assert shown(world, who) == {}
        assert not entitlement.may_see(world.ledger, who.id, world.stream)


def test_nobody_is_shown_the_covers(world, case):
    for who in (world.ann, world.ira, world.rita):
        assert not entitlement.may_see(world.ledger, who.id, world.covers)


def test_an_intake_person_who_was_left_out_is_shown_nothing_of_the_case(world):
    case = world.submit(readers=("ira",))
    assert shown(world, world.ken) == {world.stream: kinds.MECHANISM}
    assert case.stream in shown(world, world.ira)


def test_bytes_are_given_out_only_after_the_fetch_is_written_down(world, case):
    digest = case.events[0].body["report"]["sha256"]
    assert not entitlement.may_read(world.ledger, world.ira.id, digest)
    fetch(world, world.ira, case, digest)
    assert entitlement.may_read(world.ledger, world.ira.id, digest)
    assert not entitlement.may_read(world.ledger, world.ken.id, digest)
    assert not entitlement.may_read(world.ledger, world.ira.id, "ab" * 32)


def test_an_earlier_fetch_gives_nothing_to_somebody_who_lost_access(world, case):
    digest = case.events[0].body["report"]["sha256"]
    fetch(world, world.ken, case, digest)
    world.act(world.ira, "access.revoked", case.report.stream, {"reader": world.ken.id})
    assert not entitlement.may_read(world.ledger, world.ken.id, digest)


def test_a_mailbox_is_found_by_the_reporters_key(world, case):
    report, dialogue = entitlement.reports_streams(world.ledger, case.reporter.id)
    assert (report.stream, dialogue.stream) == (case.report.stream, case.dialogue.stream)
    assert entitlement.reports_streams(world.ledger, world.ira.id) is None


def test_a_mediator_is_shown_the_case_once_a_mediation_was_chosen_and_never_its_texts(world, case):
    steps.assessed(world, case)
    assert case.stream not in shown(world, world.mia)
    steps.act(world, case.reporter, case, "path.chosen", path="mediation")
    room = steps.opened(world, world.mia, case, "mediation", [world.mia, case.reporter])
    assert {case.stream, room.stream} <= set(shown(world, world.mia))
    assert not entitlement.may_see(world.ledger, world.mia.id, case.report.stream)
    assert entitlement.part_of(world.ledger, world.mia.id, case.report.stream) == entitlement.STRUCTURE
    assert case.dialogue.stream not in shown(world, world.mia)
    assert room.stream not in shown(world, world.ira)
    said = world.post(world.mia, "message.posted", room.stream, {"text": "an offer"})
    digest, report = said.body["message"]["sha256"], case.events[0].body["report"]["sha256"]
    fetch(world, world.mia, case, digest)
    assert entitlement.may_read(world.ledger, world.mia.id, digest)
    assert not entitlement.may_fetch(world.ledger, world.mia.id, case.stream, report)
    assert not entitlement.may_fetch(world.ledger, world.ira.id, case.stream, digest)


def test_whoever_answers_for_the_organisation_is_shown_their_room_alone(world, case, someone):
    answers = steps.joined(world, someone, "rex", "respondent:main")
    steps.notified(world, steps.assessed(world, case))
    room = steps.opened(world, world.ira, case, "respondent", [world.ira, answers])
    assert shown(world, answers) == {world.stream: kinds.MECHANISM, room.stream: kinds.ROOM}
