import pytest

from meyasubako.crypto.age import HybridIdentity
from meyasubako.domain import acts, acts_identity, holders, opening
from meyasubako.domain.acts import NewRoom
from meyasubako.domain.errors import WrongShareError
from tests.unit.domain import holding


@pytest.fixture
def held(world, someone):
    return holding.appoint(world, someone)


def changed(world, request, name, **fields):
    """The events of a report up to the opening of this room, with some of that opening's body changed."""
    events = list(request.events)
    place = next(i for i, event in enumerate(events) if event.body.get("room") == name)
    event = events[place]
    body = {key: value for key, value in {**event.body, **fields}.items() if value is not None}
    return (*events[:place], world.event(request.key, event.kind, event.stream, body))


def resealed(request, name, **fields):
    """The shares of a room of a report, each with these fields besides."""
    event = next(event for event in request.events if event.body.get("room") == name)
    return [{**share, **fields} for share in event.records("shares")]


def test_every_room_of_a_report_is_shared_and_any_two_shares_give_its_key(held):
    case = holding.submit(held)
    for room in (case.submitted.report, case.submitted.dialogue, case.identity):
        state = held.ledger.rooms[room.stream]
        wanted = ("cy", "cleo", "cora") if room is case.identity else ("rex", "ruth", "ria")
        people = [getattr(held, name) for name in wanted]
        assert holders.holders_of(state, 1) == {each.id for each in people}
        assert holders.threshold_of(state, 1, held.mechanism) == 2
        shares = [case.held(each, state)[0].share for each in people]
        assert sorted(share.x for share in shares) == [1, 2, 3]
        assert opening.rebuild(shares[:2], state.recipient).reveal() == room.identity.reveal()
        assert opening.rebuild(shares[1:], state.recipient).reveal() == room.identity.reveal()
        with pytest.raises(WrongShareError):
            opening.rebuild(shares[:1], state.recipient)


def test_a_share_that_is_not_what_the_room_promised_is_known(held):
    case = holding.submit(held)
    share = next(share for share in case.room.shares if share.holder == held.cy.id)
    sealed = held.payloads[share.digest]
    with pytest.raises(WrongShareError):
        opening.open_share(sealed, held.cy.identity, "ab" * 32)
    with pytest.raises(WrongShareError):
        opening.open_share(sealed, held.cleo.identity, share.share)
    with pytest.raises(WrongShareError):
        opening.open_share(sealed[:-1] + bytes([sealed[-1] ^ 1]), held.cy.identity, share.share)


def test_whoever_was_left_out_holds_no_share_then_nor_later(held):
    case = holding.submit(held, left_out=(held.rex,))
    report = held.ledger.rooms[case.submitted.report.stream]
    assert holders.holders_of(report, 1) == {held.ruth.id, held.ria.id}
    held.act(held.ken, "access.revoked", case.submitted.dialogue.stream, {"reader": held.ira.id})
    held.post(held.ken, "message.posted", case.submitted.dialogue.stream, {"text": "Hello", "v": 1})
    dialogue = held.ledger.rooms[case.submitted.dialogue.stream]
    assert dialogue.epoch == 2
    assert holders.holders_of(dialogue, 2) == {held.ruth.id, held.ria.id}


def test_too_few_holders_or_nobody_from_outside_leave_a_report_without_shares(held):
    for left_out in ((held.ria,), (held.rex, held.ruth)):
        case = holding.submit(held, left_out=left_out)
        report = held.ledger.rooms[case.submitted.report.stream]
        assert report.shares == ()
        assert report.appointed == (held.channel.recovery.leaf,)
        assert not holders.shared_epochs(report)


def test_an_advance_is_shared_to_those_who_may_hold_shares_now(held):
    case = holding.submit(held)
    held.act(held.ann, "person.suspended", held.stream, {"person": held.rex.id})
    held.act(held.ken, "access.revoked", case.submitted.dialogue.stream, {"reader": held.ira.id})
    request = held.request(held.ken)
    dialogue = held.ledger.rooms[case.submitted.dialogue.stream]
    reporter = case.submitted.reporter.recipient
    acts.current_epoch(request, dialogue, held.mechanism, reporter)
    advance = request.events[0]
    assert {share["holder"] for share in advance.records("shares")} == {held.ruth.id, held.ria.id}

    def refused(**fields):
        body = {key: value for key, value in {**advance.body, **fields}.items() if value is not None}
        held.refuse("shares-exactly", held.event(held.ken, "room.advanced", advance.stream, body))

    shares = advance.records("shares")
    refused(shares=None)
    refused(appointed=None, shares=None)
    refused(appointed=held.channel.custodians.leaf)
    refused(shares=[shares[0], {**shares[1], "holder": held.rex.id}])
    refused(shares=[shares[0], {**shares[1], "holder": held.cy.id}])
    held.accept(advance)


def test_the_team_room_is_shared_to_those_who_were_not_left_out_of_the_report(held):
    case = holding.submit(held, left_out=(held.rex,))
    report = held.ledger.rooms[case.submitted.report.stream]
    room = NewRoom(held.fresh(), HybridIdentity.generate())

    def opening_of(given):
        request = held.request(held.ira)
        readers = {held.ira.id: held.ira.recipient}
        acts.open_room(request, room, case=case.stream, name="team", readers=readers, holding=given)
        return request

    held.refuse("shares-exactly", *opening_of(None).events)
    held.refuse("shares-exactly", *opening_of(holding.holding(held, "team")).events)
    without = holders.left_out(report, held.mechanism)
    held.send(opening_of(holders.holding(held.mechanism, held.channel, "team", without)))
    assert holders.holders_of(held.ledger.rooms[room.stream], 1) == {held.ruth.id, held.ria.id}


def test_a_report_shares_its_rooms_to_appointed_people_and_enough_of_them(held):
    request, _ = holding.submission(held)
    stranger = resealed(request, "report", holder=held.hal.id)
    twice = resealed(request, "report", holder=held.ria.id)
    inside = [share for share in resealed(request, "report") if share["holder"] != held.ria.id]
    for fields in (
        {"appointed": None},
        {"appointed": "ab" * 32},
        {"shares": [*resealed(request, "report")[:1], *stranger[1:2]]},
        {"shares": twice},
        {"shares": inside},
    ):
        held.refuse("shares-exactly", *changed(held, request, "report", **fields))
    fewer = resealed(request, "dialogue")[:2]
    if held.ria.id not in {share["holder"] for share in fewer}:
        fewer = resealed(request, "dialogue")[1:]
    assert "same people" in held.refuse("shares-exactly", *changed(held, request, "dialogue", shares=fewer))
    held.refuse("shares-exactly", *changed(held, request, "identity", shares=None))


def test_nothing_is_shared_where_nobody_is_appointed(world, case):
    request, _ = world.submission()
    fields = {"appointed": "ab" * 32}
    world.refuse("shares-exactly", *changed(world, request, "report", **fields))
    assert world.ledger.rooms[case.report.stream].shares == ()


def test_a_sealed_share_has_one_size(held):
    request, _ = holding.submission(held)
    larger = [{**share, "size": share["size"] + 1} for share in resealed(request, "report")]
    held.refuse("share-size", *changed(held, request, "report", shares=larger))


def test_what_is_told_of_oneself_has_one_size(held):
    request, _ = holding.submission(held)
    first = request.events[0]
    told = {**first.body["identity"], "size": first.body["identity"]["size"] + 512}
    held.refuse(
        "identity-size", held.event(request.key, first.kind, first.stream, {**first.body, "identity": told})
    )


def test_what_is_added_of_oneself_has_one_size_and_no_files(held):
    case = holding.submit(held)
    reporter = case.submitted.reporter
    request = held.request(reporter)
    acts_identity.add_identity(
        request, case.room, held.mechanism, reporter.recipient, {"text": "I moved.", "v": 1}, "reporter_tool"
    )
    (event,) = request.events
    for fields in (
        {"addition": {**event.body["addition"], "size": 5000}},
        {"files": [{"sha256": "ab" * 32, "size": 5000}]},
    ):
        held.refuse("identity-size", held.event(reporter, event.kind, event.stream, {**event.body, **fields}))
    held.send(request)
    assert case.room.epoch == 1


def test_an_identity_comes_with_its_room(held):
    request, case = holding.submission(held)
    first = request.events[0]
    rooms = {name: stream for name, stream in first.body["rooms"].items() if name != "identity"}
    body = {**first.body, "rooms": rooms}
    held.refuse("identity-has-its-room", held.event(request.key, first.kind, first.stream, body))
    assert case.identity.stream not in held.ledger.rooms


def test_nobody_is_given_the_key_of_an_identity(held):
    request, _ = holding.submission(held)
    wraps = next(event for event in request.events if event.body.get("room") == "report").body["wraps"]
    wrap = {**wraps[0], "sha256": "ab" * 32}
    held.refuse("identity-has-its-room", *changed(held, request, "identity", wraps=[wrap]))


def test_whoever_holds_a_share_of_the_identity_is_never_given_the_report(held):
    case = holding.submit(held)
    # She was a custodian when it was told, and works on the channel now.
    for kind, role in (("role.withdrawn", "custodian:main"), ("role.granted", "handler:main")):
        held.together(held.ann, held.bob, kind, {"person": held.cora.id, "role": role})
    held.mark(days=1)
    held.mark(days=2)
    event, _ = held.granting(
        held.ira, case.submitted.report.stream, [case.submitted.report.identity], held.cora
    )
    held.refuse("custodians-read-no-report", event)


def test_a_share_is_checked_once_by_whoever_holds_it(held):
    case = holding.submit(held)
    stream = case.identity.stream
    held.refuse("holders-check-their-own", held.event(held.rex, "share.checked", stream, {"epoch": 1}))
    held.refuse("holders-check-their-own", held.event(held.cy, "share.checked", stream, {"epoch": 2}))
    held.act(held.cy, "share.checked", stream, {"epoch": 1})
    held.refuse("holders-check-their-own", held.event(held.cy, "share.disputed", stream, {"epoch": 1}))
    held.act(held.cleo, "share.disputed", stream, {"epoch": 1})
    assert case.room.checked == {(held.cy.id, 1)}
    assert case.room.doubted == {(held.cleo.id, 1)}
