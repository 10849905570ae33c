from datetime import timedelta

import pytest

from meyasubako.domain import acts, audit, opening
from meyasubako.domain.rules.reads import may_fetch
from tests.unit.domain import holding


@pytest.fixture
def held(world, someone):
    return holding.appoint(world, someone)


@pytest.fixture
def case(held):
    return holding.submit(held)


def days(world, count):
    for _ in range(count):
        world.mark()


def test_two_of_three_custodians_open_an_identity_for_one_person_for_some_days(held, case):
    asked = case.ask(held.ira)
    case.approve(asked, held.cy, held.cleo)
    case.release(asked, held.cy)
    case.release(asked, held.cora)
    told = case.submitted.events[0].body["identity"]["sha256"]
    released = [share.digest for share in case.state.requests[asked].released]
    assert not any(may_fetch(held.ledger, held.ira.id, case.stream, each) for each in (told, *released))
    case.opened(asked, held.ira)
    assert all(may_fetch(held.ledger, held.ira.id, case.stream, each) for each in (told, *released))
    assert not any(may_fetch(held.ledger, held.ken.id, case.stream, each) for each in (told, *released))
    shares = [opening.open_share(held.payloads[each], held.ira.identity) for each in released]
    key = opening.rebuild(shares, case.room.recipient)
    event = case.submitted.events[0]
    assert opening.open_identity(event, held.payloads[told], key) == holding.TELLING
    assert audit.must_be_absent(held.ledger) == frozenset()
    held.today += timedelta(days=7)
    held.act(held.service, "identity.expired", case.stream, {"request": asked})
    assert audit.must_be_absent(held.ledger) == set(released)
    assert not any(may_fetch(held.ledger, held.ira.id, case.stream, each) for each in (told, *released))


def test_what_is_added_after_an_opening_has_a_new_key_and_new_shares(held, case):
    asked = case.ask(held.ira)
    case.approve(asked, held.cy, held.cleo)
    case.release(asked, held.cy)
    case.release(asked, held.cleo)
    case.opened(asked, held.ira)
    reporter = case.submitted.reporter
    request = held.request(reporter)
    from_before = acts.Epoch(1, case.identity.recipient)
    acts.post(request, "report.added", case.identity.stream, from_before, {"text": "x"}, sealed_by="server")
    body = {**request.events[0].body, "addition": case.submitted.events[0].body["identity"]}
    body["addition"] = {**body["addition"], "sha256": "cd" * 32}
    held.refuse("epoch-is-fresh", held.event(reporter, "report.added", case.identity.stream, body))
    request = held.request(reporter)
    holding.acts_identity.add_identity(
        request, case.room, held.mechanism, reporter.recipient, holding.TELLING, "server"
    )
    held.send(request)
    assert case.room.epoch == 2
    assert len({share.holder for share in case.room.shares if share.epoch == 2}) == 3


def test_a_request_says_why_in_a_room_of_its_own(held, case):
    room = case.discuss(held.ira)
    motive = case.note(held.ira, room=room)
    theirs = case.note(held.cy, room=room)
    held.refuse("identity-asked-with-a-motive", case.asking(held.ira, room=room, motive=theirs))
    held.refuse("identity-asked-with-a-motive", case.asking(held.ken, room=room, motive=motive))
    held.refuse(
        "identity-asked-with-a-motive",
        case.asking(held.ira, room=case.submitted.report.stream, motive=motive),
    )
    held.refuse("identity-asked-with-a-motive", case.asking(held.ira, "court_order", room, motive))
    held.refuse(
        "identity-asked-with-a-motive",
        case.asking(held.ira, "court_order", room, motive, order="ab" * 32),
    )
    held.refuse(
        "identity-asked-with-a-motive", case.asking(held.ira, "request", room, motive, order="ab" * 32)
    )
    asked = held.accept(case.asking(held.ira, room=room, motive=motive)).leaf
    held.refuse("identity-asked-with-a-motive", case.asking(held.ira, room=room))
    case.refuse(asked, held.cy)
    held.refuse("identity-asked-with-a-motive", case.asking(held.ira, "break_glass", room, motive))


def test_nobody_asks_for_what_was_not_told(held):
    case = holding.submit(held, told=False)
    body = {"room": held.fresh(), "motive": "ab" * 32, "ground": "request"}
    held.refuse("identity-asked-with-a-motive", case.event(held.ira, "identity.requested", body))


def test_refused_stays_refused_for_thirty_days_without_new_grounds(held, case):
    asked = case.ask(held.ira)
    case.refuse(asked, held.cleo)
    assert not case.state.requests[asked].standing
    held.refuse("refused-stays-refused", case.asking(held.ira))
    held.check(case.asking(held.ken))
    held.check(case.asking(held.ira, "break_glass"))
    days(held, 29)
    held.refuse("refused-stays-refused", case.asking(held.ira))
    days(held, 1)
    held.check(case.asking(held.ira))


def test_custodians_answer_once_and_give_a_reason(held, case):
    asked = case.ask(held.ira)
    room = case.state.requests[asked].discussed_in
    held.refuse("custodians-answer-once", case.event(held.cy, "identity.approved", {"request": "ab" * 32}))
    theirs = {"request": asked, "reason": case.note(held.ira, room=room)}
    held.refuse("custodians-answer-once", case.event(held.cy, "identity.refused", theirs))
    case.approve(asked, held.cy)
    held.refuse("custodians-answer-once", case.event(held.cy, "identity.approved", {"request": asked}))
    mine = {"request": asked, "reason": case.note(held.cy, room=room)}
    held.refuse("custodians-answer-once", case.event(held.cy, "identity.refused", mine))
    case.refuse(asked, held.cleo)
    held.refuse("custodians-answer-once", case.event(held.cora, "identity.approved", {"request": asked}))


def test_only_custodians_who_hold_a_share_answer(held):
    case = holding.submit(held, left_out=(held.cora,))
    asked = case.ask(held.ira)
    held.refuse("custodians-answer-once", case.event(held.cora, "identity.approved", {"request": asked}))
    held.refuse("assigned-people-act", case.event(held.rex, "identity.approved", {"request": asked}))


def test_no_share_is_released_before_enough_agree_nor_after_a_refusal(held, case):
    asked = case.ask(held.ira)
    held.refuse("no-share-before-approval", *case.releasing(asked, held.cy).events)
    case.approve(asked, held.cy)
    held.refuse("no-share-before-approval", *case.releasing(asked, held.cy).events)
    case.approve(asked, held.cleo)
    held.check(*case.releasing(asked, held.cy).events)
    case.refuse(asked, held.cora)
    held.refuse("no-share-before-approval", *case.releasing(asked, held.cy).events)


def test_the_first_release_fixes_the_day_and_it_is_soon(held, case):
    asked = case.ask(held.ira)
    case.approve(asked, held.cy, held.cleo)
    for count in (0, 15):
        held.refuse("no-share-before-approval", *case.releasing(asked, held.cy, days=count).events)
    case.release(asked, held.cy, days=14)
    held.refuse("no-share-before-approval", *case.releasing(asked, held.cleo, days=13).events)
    until = case.state.requests[asked].until
    days(held, 14)
    held.refuse("no-share-before-approval", *case.releasing(asked, held.cleo, until=until).events)


def test_each_releases_their_own_share_once_and_of_this_identity(held, case):
    other = holding.submit(held)
    asked = case.ask(held.ira)
    case.approve(asked, held.cy, held.cleo)
    held.refuse("shares-are-ones-own-to-release", *case.releasing(asked, held.cy, other.room).events)
    release = case.releasing(asked, held.cy).events[0]
    held.refuse(
        "shares-are-ones-own-to-release", held.event(held.rex, "share.released", case.stream, release.body)
    )
    later = [{**share, "epoch": 2} for share in release.records("shares")]
    held.refuse(
        "shares-are-ones-own-to-release",
        held.event(held.cy, "share.released", case.stream, {**release.body, "shares": later}),
    )
    case.release(asked, held.cy)
    held.refuse("shares-are-ones-own-to-release", *case.releasing(asked, held.cy).events)


def test_an_identity_is_opened_after_enough_shares_in_time_once_and_the_reporter_is_told(held, case):
    asked = case.ask(held.ira)
    case.approve(asked, held.cy, held.cleo)
    case.release(asked, held.cy)

    def opening_of(**told):
        return case.event(held.ira, "identity.opened", {"request": asked, "epoch": 1, **told})

    message = case.message(held.ira)
    held.refuse("opening-is-told", opening_of(message=message))
    case.release(asked, held.cleo)
    held.refuse("opening-is-told", opening_of())
    held.refuse("opening-is-told", opening_of(ground="ab" * 32, review="2027-01-01"))
    ground = case.note(held.ira, room=case.state.requests[asked].discussed_in)
    held.refuse("opening-is-told", opening_of(ground=ground))
    held.refuse("opening-is-told", opening_of(ground=ground, review=held.today.isoformat()))
    held.refuse("opening-is-told", opening_of(ground=ground, review="2027-01-01", message=message))
    held.check(opening_of(ground=ground, review="2027-01-01"))
    held.refuse("opening-is-told", opening_of(ground=ground, review="2027-01-01", epoch=2))
    held.refuse(
        "assigned-people-act", case.event(held.ken, "identity.opened", {"request": asked, "epoch": 1})
    )
    held.accept(opening_of(message=message))
    held.refuse("opening-is-told", opening_of(message=case.message(held.ira)))


def test_an_identity_is_not_opened_when_its_time_is_over(held, case):
    asked = case.ask(held.ira)
    case.approve(asked, held.cy, held.cleo)
    case.release(asked, held.cy)
    case.release(asked, held.cleo)
    message = case.message(held.ira)
    days(held, 7)
    held.refuse(
        "opening-is-told",
        case.event(held.ira, "identity.opened", {"request": asked, "epoch": 1, "message": message}),
    )


def test_what_was_released_is_over_on_its_day_and_not_before(held, case):
    asked = case.ask(held.ira)
    expiry = {"request": asked}
    held.refuse("expires-on-its-day", case.event(held.service, "identity.expired", expiry))
    case.approve(asked, held.cy, held.cleo)
    case.release(asked, held.cy)
    days(held, 6)
    held.refuse("expires-on-its-day", case.event(held.service, "identity.expired", expiry))
    days(held, 1)
    case.do(held.service, "identity.expired", expiry)
    held.refuse("expires-on-its-day", case.event(held.service, "identity.expired", expiry))


def test_in_danger_shares_are_released_at_once_and_looked_at_afterwards(held, case):
    asked = case.ask(held.ira, "break_glass")
    case.release(asked, held.cy)
    case.release(asked, held.cleo, days=7)
    case.opened(asked, held.ira)
    assert case.state.requests[asked].unreviewed_since == held.today
    days(held, 1)
    case.approve(asked, held.cora)
    assert case.state.requests[asked].unreviewed_since is None


def test_what_custodians_find_wrong_afterwards_is_gone_at_once(held, case):
    asked = case.ask(held.ira, "break_glass")
    case.release(asked, held.cy)
    case.release(asked, held.cleo)
    released = {share.digest for share in case.state.requests[asked].released}
    case.refuse(asked, held.cora)
    assert audit.must_be_absent(held.ledger) == released
    held.refuse(
        "opening-is-told",
        case.event(
            held.ira, "identity.opened", {"request": asked, "epoch": 1, "message": case.message(held.ira)}
        ),
    )


def test_what_nobody_looked_at_and_what_nobody_ended_is_found(held, case):
    asked = case.ask(held.ira, "break_glass")
    case.release(asked, held.cy)
    days(held, 3)
    assert held.audit() == []
    days(held, 1)
    assert [finding.rule for finding in held.audit()] == ["break-glass-is-reviewed"]
    case.approve(asked, held.cora)
    assert held.audit() == []
    days(held, 6)
    assert [finding.rule for finding in held.audit()] == ["ended-on-its-day"]


def ordering(case, who, room, **fields):
    return case.event(who, "disclosure.ordered", {"room": room, **fields})


def test_a_courts_order_is_put_down_and_told_before_anything_is_given(held, case):
    room = case.discuss(held.ira)
    note = case.note(held.ira, room=room)
    message = case.message(held.ira)
    held.refuse("order-is-told", ordering(case, held.ira, room, note="ab" * 32, message=message))
    held.refuse("order-is-told", ordering(case, held.ira, room, note=note))
    held.refuse("order-is-told", ordering(case, held.ira, room, note=note, ground=note))
    other = {"order": "ab" * 32, "package": "cd" * 32}
    held.refuse("disclosure-follows-an-order", case.event(held.ira, "disclosure.made", other))
    order = held.accept(ordering(case, held.ira, room, note=note, message=message)).leaf
    asked = case.ask(held.ira, "court_order", order=order)
    case.refuse(asked, held.cy)
    held.refuse("refused-stays-refused", case.asking(held.ira, "court_order", order=order))
    given = {"order": order, "package": "cd" * 32}
    case.do(held.ira, "disclosure.made", given)
    held.refuse("disclosure-follows-an-order", case.event(held.ira, "disclosure.made", given))


def test_a_request_is_discussed_with_those_who_hold_shares_alone(held):
    case = holding.submit(held, left_out=(held.cora,))
    room = case.discuss(held.ira)
    assert held.ledger.rooms[room].readers == {held.ira.id, held.cy.id, held.cleo.id}
    event = held.log[-1]
    more = [*event.body["wraps"], {**event.body["wraps"][0], "sha256": "ab" * 32, "reader": held.cora.id}]
    held.refuse(
        "request-is-for-custodians",
        held.event(
            held.ira,
            "room.opened",
            held.fresh(),
            {
                **event.body,
                "wraps": [{**wrap, "sha256": f"{place:064x}"} for place, wrap in enumerate(more)],
                "recipient": case.identity.recipient.text,
            },
        ),
    )


def test_whoever_stepped_off_the_case_is_shown_nothing(held, case):
    asked = case.ask(held.ira)
    case.approve(asked, held.cy, held.cleo)
    case.release(asked, held.cy)
    case.release(asked, held.cleo)
    case.opened(asked, held.ira)
    told = case.submitted.events[0].body["identity"]["sha256"]
    assert may_fetch(held.ledger, held.ira.id, case.stream, told)
    for room in (case.submitted.report, case.submitted.dialogue):
        held.act(held.ken, "access.revoked", room.stream, {"reader": held.ira.id})
    assert not may_fetch(held.ledger, held.ira.id, case.stream, told)
    held.refuse("no-share-before-approval", *case.releasing(asked, held.cora).events)
