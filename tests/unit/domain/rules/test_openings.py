import pytest

from tests.unit.domain.steps import act, assessed, chosen, joined, notified, opened, opening


def appoint(world, someone):
    other = joined(world, someone, "cai", "custodian:main")
    body = {"channel": "main", "people": [world.cid.id, other.id], "threshold": 2}
    world.together(world.ann, world.bob, "custodians.appointed", body)
    return other


def test_nobody_opens_a_mediation_that_the_reporter_did_not_choose(world, case):
    assessed(world, case)
    event, _ = opening(world, world.mia, case, "mediation", [world.mia])
    world.refuse("mediation-opened-by-mediator", event)


@pytest.mark.parametrize("name", ["ira", "hal", "ann", "cid"])
def test_nobody_but_a_mediator_opens_a_mediation(world, case, name):
    chosen(world, case, "mediation")
    who = getattr(world, name)
    event, _ = opening(world, who, case, "mediation", [who, world.mia, case.reporter])
    world.refuse("mediation-opened-by-mediator", event)


@pytest.mark.parametrize("name", ["ira", "hal", "otto"])
def test_a_mediation_is_opened_for_the_parties_alone(world, case, name):
    chosen(world, case, "mediation")
    event, _ = opening(world, world.mia, case, "mediation", [world.mia, getattr(world, name)])
    world.refuse("mediation-opened-by-mediator", event)


def test_a_mediator_who_was_given_the_report_opens_no_mediation(world, case, someone):
    both = joined(world, someone, "bea", "mediator:main", "handler:main")
    _, request = world.granting(world.ira, case.report.stream, [case.report.identity], both)
    world.send(request)
    chosen(world, case, "mediation")
    event, _ = opening(world, both, case, "mediation", [both, case.reporter])
    world.refuse("mediation-opened-by-mediator", event)
    world.act(world.ira, "access.revoked", case.report.stream, {"reader": both.id})
    event, _ = opening(world, both, case, "mediation", [both, case.reporter])
    world.refuse("mediation-opened-by-mediator", event)


def test_mediator_reporter_and_organisation_talk_and_nobody_else_is_there(world, case, someone):
    answers = joined(world, someone, "rex", "respondent:main")
    chosen(world, case, "mediation")
    room = opened(world, world.mia, case, "mediation", [world.mia, answers, case.reporter])
    for who, claim in ((world.mia, None), (answers, None), (case.reporter, "reporter_tool")):
        world.post(who, "message.posted", room.stream, {"text": "an offer"}, claim)
    assert world.audit() == []


def test_the_organisation_hears_nothing_before_the_reporter_was_told(world, case):
    assessed(world, case)
    event, _ = opening(world, world.ira, case, "respondent", [world.ira])
    world.refuse("respondent-hears-last", event)


def test_only_people_who_work_on_the_report_release_something(world, case, someone):
    answers = joined(world, someone, "rex", "respondent:main")
    notified(world, assessed(world, case))
    for who, readers in (
        (world.hal, [world.hal, answers]),
        (answers, [answers]),
        (world.ira, [answers]),
        (world.ira, [world.ira, answers, world.mia]),
        (world.ira, [world.ira, answers, case.reporter]),
    ):
        event, _ = opening(world, who, case, "respondent", readers)
        world.refuse("respondent-hears-last", event)
    room = opened(world, world.ira, case, "respondent", [world.ira, world.ken, answers])
    world.post(answers, "message.posted", room.stream, {"text": "we have read it"})
    assert world.audit() == []


def test_a_request_is_read_by_its_maker_and_the_custodians(world, case, someone):
    event, _ = opening(world, world.ira, case, "request", [world.ira, world.cid])
    world.refuse("request-is-for-custodians", event)
    other = appoint(world, someone)
    for who, readers in (
        (world.hal, [world.hal, world.cid, other]),
        (world.ira, [world.ira, world.cid]),
        (world.ira, [world.ira, world.ken, world.cid, other]),
        (world.ira, [world.cid, other]),
    ):
        event, _ = opening(world, who, case, "request", readers)
        world.refuse("request-is-for-custodians", event)


def test_a_mediation_that_is_over_is_not_opened_again(world, case):
    chosen(world, case, "mediation")
    act(world, case.reporter, case, "path.chosen", path="investigation")
    event, _ = opening(world, world.mia, case, "mediation", [world.mia])
    world.refuse("mediation-opened-by-mediator", event)
