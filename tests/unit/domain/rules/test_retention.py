from datetime import timedelta

import pytest

from meyasubako.domain.audit import must_be_absent

SWEDEN = {"item": "report", "trigger": "closed", "most": 730}
SUPPLY_CHAINS = {"item": "report", "trigger": "submitted", "least": 2555}
GERMANY = {"item": "report", "trigger": "closed", "least": 1095, "most": 1200}


def adopt(world, name, *retention):
    body = {"channel": "main", "profile": name, "deadlines": [], "retention": list(retention)}
    world.together(world.ann, world.bob, "profile.adopted", body)


@pytest.fixture
def rex(world, someone):
    """A records custodian past the waiting time."""
    rex = someone("rex")
    world.enrol(rex, "records")
    world.mark()
    world.mark(days=2)
    return rex


def close(world, case):
    told = world.post(world.ira, "message.posted", case.dialogue.stream, {"text": "we end here"}).leaf
    world.act(world.ira, "case.closed", case.stream, {"class": "ended", "message": told})


def starting(world, who, case, earliest, latest, **also):
    days = {"earliest": earliest.isoformat(), "latest": latest.isoformat()}
    return world.event(who, "retention.started", case.stream, {**days, **also})


@pytest.fixture
def kept(world, rex, case):
    """A closed case that is kept for at least three years."""
    adopt(world, "hinschg", GERMANY)
    close(world, case)
    first = world.today + timedelta(days=1095)
    world.accept(starting(world, rex, case, first, world.today + timedelta(days=1200)))
    return case


def proposing(world, who, case, kind, body):
    return world.act(who, "act.proposed", case.stream, {"kind": kind, "v": 1, "body": body})


def erasing(world, one, other, case):
    proposal = proposing(world, one, case, "case.erased", {})
    return world.event(other, "case.erased", case.stream, {"proposal": proposal.leaf})


def test_a_window_is_what_the_channels_rules_give(world, rex, case):
    adopt(world, "hinschg", GERMANY)
    close(world, case)
    day = world.today
    early, late = day + timedelta(days=1094), day + timedelta(days=1201)
    good = day + timedelta(days=1095), day + timedelta(days=1200)
    world.refuse("window-keeps-the-rules", starting(world, rex, case, early, good[1]))
    world.refuse("window-keeps-the-rules", starting(world, rex, case, good[0], late))
    world.refuse("window-keeps-the-rules", starting(world, rex, case, good[1], good[0]))
    world.accept(starting(world, rex, case, *good))
    assert world.ledger.cases[case.stream].state == "retained"


def test_where_rules_conflict_people_decide_and_say_so(world, rex, case):
    adopt(world, "lksg", SUPPLY_CHAINS)
    adopt(world, "sweden", SWEDEN)
    world.open_team(world.ira, case, ("ira", "ken"))
    close(world, case)
    day = world.today + timedelta(days=730)
    sentence = world.refuse("window-keeps-the-rules", starting(world, rex, case, day, day))
    assert "conflict" in sentence


def test_what_people_decided_stands_in_a_note(world, rex, case):
    adopt(world, "lksg", SUPPLY_CHAINS)
    adopt(world, "sweden", SWEDEN)
    team = world.open_team(world.ira, case, ("ira", "ken"))
    note = world.post(world.ira, "note.added", team.stream, {"text": "split it"}).leaf
    close(world, case)
    day = world.today + timedelta(days=730)
    outside = day - timedelta(days=1)
    world.refuse("window-keeps-the-rules", starting(world, rex, case, outside, outside, decision=note))
    world.accept(starting(world, rex, case, day, day, decision=note))
    assert not world.audit()


def test_nothing_is_erased_before_its_time(world, rex, kept):
    world.mark(days=1094)
    world.refuse("erased-in-time", erasing(world, rex, world.ira, kept))


def test_a_case_that_nobody_began_to_keep_is_not_erased(world, rex, case):
    close(world, case)
    proposal = proposing(world, rex, case, "case.erased", {})
    alone = world.event(world.ira, "case.erased", case.stream, {"proposal": proposal.leaf})
    world.refuse("erased-in-time", alone)


def test_two_who_read_the_case_do_not_erase_it(world, kept):
    world.mark(days=1095)
    world.refuse("erasers-are-apart", erasing(world, world.ira, world.ken, kept))


def test_nobody_erases_alone(world, rex, kept):
    world.mark(days=1095)
    world.refuse("two-people-on-a-case", erasing(world, rex, rex, kept))


def test_nothing_is_erased_under_a_hold_and_its_days_are_not_added(world, rex, kept):
    world.mark(days=1094)
    hold = world.act(rex, "hold.placed", kept.stream, {})
    world.mark(days=1)
    world.refuse("nothing-under-a-hold", erasing(world, rex, world.ira, kept))
    world.refuse("hold-stands", world.event(rex, "hold.lifted", kept.stream, {"hold": "0" * 64}))
    world.act(rex, "hold.lifted", kept.stream, {"hold": hold.leaf})
    world.refuse("hold-stands", world.event(rex, "hold.lifted", kept.stream, {"hold": hold.leaf}))
    world.accept(erasing(world, rex, world.ira, kept))
    assert not world.audit()


def test_an_erased_case_is_gone_whole_and_silent(world, rex, kept):
    world.mark(days=1095)
    owned = {digest for digest, owner in world.ledger.owners.items() if owner.case == kept.stream}
    assert owned
    world.refuse(
        "kept-is-silent",
        *world.writing(world.ira, "message.posted", kept.dialogue.stream, {"text": "one word more"}).events,
    )
    world.accept(erasing(world, rex, world.ira, kept))
    assert owned <= must_be_absent(world.ledger)
    world.refuse("assigned-people-act", world.event(rex, "hold.placed", kept.stream, {}))
    fetched = {"case": kept.stream, "payloads": [min(owned)]}
    world.refuse("fetch-what-one-may-read", world.event(world.ira, "payload.fetched", world.fresh(), fetched))
    assert not world.audit()


def test_what_is_kept_past_its_time_is_found(world, kept):
    world.mark(days=1200 + 14)
    assert not world.audit()
    world.mark(days=1)
    assert [finding.rule for finding in world.audit()] == ["kept-past-its-time"]


def removing(world, one, other, case, digest):
    body = {"payloads": [{"ref": digest}]}
    proposal = proposing(world, one, case, "payload.removed", body)
    return world.event(other, "payload.removed", case.stream, {**body, "proposal": proposal.leaf})


def test_one_item_is_removed_by_two_people_and_nothing_else(world, case):
    submitted, opened = case.events[0], case.events[1]
    report, wrap = submitted.payloads()[0].digest, opened.payloads()[0].digest
    own = world.submit().events[0].payloads()[0].digest
    for other in (wrap, own, "0" * 64):
        world.refuse("removed-is-the-cases-own", removing(world, world.ira, world.ken, case, other))
    world.accept(removing(world, world.ira, world.ken, case, report))
    assert must_be_absent(world.ledger) == {report}
    world.refuse("removed-is-the-cases-own", removing(world, world.ira, world.ken, case, report))


def test_a_recording_is_removed_when_its_reporter_has_approved_the_text(world, case):
    digest = case.events[0].payloads()[0].digest
    asked = world.post(world.ira, "message.posted", case.dialogue.stream, {"text": "is it right?"}).leaf
    body = {"payloads": [{"ref": digest}]}

    def approved(leaf):
        return world.event(world.ira, "payload.removed", case.stream, {**body, "approved": leaf})

    world.refuse("two-people-on-a-case", world.event(world.ira, "payload.removed", case.stream, body))
    world.refuse("removed-is-the-cases-own", approved(asked))
    answer = world.post(case.reporter, "message.posted", case.dialogue.stream, {"text": "yes"}, "server").leaf
    world.accept(approved(answer))
    assert not world.audit()
