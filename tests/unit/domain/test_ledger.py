from meyasubako.domain import rules
from meyasubako.domain.ledger import Ledger


def test_a_branch_leaves_the_ledger_as_it_is(world, case):
    before = (dict(world.ledger.heads), world.ledger.size, world.ledger.mechanism)
    branch = world.ledger.branch()
    _, other = world.submission()
    for event in other.events:
        branch.apply(event, branch.size)
    assert branch.case(other.stream)
    assert (dict(world.ledger.heads), world.ledger.size, world.ledger.mechanism) == before
    assert other.stream not in world.ledger.cases


def test_a_decision_remembers_the_streams_it_read(world, case):
    branch = world.ledger.branch()
    request = world.writing(world.ira, "message.posted", case.dialogue.stream, {"text": "hi"})
    rules.check(branch, request.events[0], branch.size)
    assert {case.stream, case.dialogue.stream} <= branch.touched


def test_owners_tell_whose_wrap_a_payload_is(world, case):
    wrap = next(each for each in case.events[2].records("wraps") if each["reader"] == case.reporter.id)
    owner = world.ledger.owners[wrap["sha256"]]
    assert (owner.case, owner.reader, owner.use, owner.epoch) == (case.stream, case.reporter.id, "wraps", 1)
    report = world.ledger.owners[case.events[0].body["report"]["sha256"]]
    assert (report.stream, report.reader, report.use) == (case.stream, "", "report")


def test_the_rooms_of_a_case_are_listed(world, case):
    world.submit()
    team = world.open_team(world.ira, case, ("ira",))
    listed = {room.stream for room in world.ledger.rooms_of(case.stream)}
    assert listed == {case.report.stream, case.dialogue.stream, team.stream}


def test_what_a_person_fetched_is_kept_by_case(world, case):
    digest = case.events[0].body["report"]["sha256"]
    body = {"case": case.stream, "payloads": [digest]}
    world.act(world.ira, "payload.fetched", world.fresh(), body)
    assert world.ledger.fetched[world.ira.id, case.stream] == {digest}


def test_a_ledger_that_skips_covers_decides_the_same(world, case):
    world.mark()
    skipping = Ledger(world.ledger.root_at)
    for index, event in enumerate(world.log):
        if event.kind != "cover.written":
            skipping.apply(event, index)
    assert skipping.size == world.ledger.size
    assert skipping.mechanism == world.ledger.mechanism
    assert skipping.cases == world.ledger.cases
    assert skipping.rooms == world.ledger.rooms
