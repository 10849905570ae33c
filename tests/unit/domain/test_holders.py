import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.shares import Share, split
from meyasubako.domain import entitlement, holders, notices, opening, sealing
from meyasubako.domain.errors import WrongShareError
from tests.unit.domain import holding

HOLDER = HybridIdentity.generate()


@pytest.fixture
def held(world, someone):
    return holding.appoint(world, someone)


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=80))
def test_whatever_was_sealed_as_a_share_is_read_as_one_or_refused(plain):
    sealed = sealing.age.seal(plain, HOLDER.recipient)
    try:
        share = opening.open_share(sealed, HOLDER)
    except WrongShareError:
        assert len(plain) != 33 or plain[0] == 0
    else:
        assert share.encode() == plain


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=200))
def test_whatever_is_no_sealed_share_is_refused(data):
    with pytest.raises(WrongShareError):
        opening.open_share(data, HOLDER)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 255), st.binary(min_size=32, max_size=32)), max_size=4))
def test_shares_that_are_none_of_a_room_never_give_its_key(found):
    recipient = HybridIdentity.generate().recipient.text
    with pytest.raises(WrongShareError):
        opening.rebuild([Share(x, y) for x, y in found], recipient)


def test_shares_of_two_cuttings_do_not_fit_together():
    identity = HybridIdentity.generate()
    one, other = (split(identity.reveal_seed(), 2, 3) for _ in range(2))
    with pytest.raises(WrongShareError):
        opening.rebuild([one[0], other[1]], identity.recipient.text)


def test_holders_are_those_who_may_act_now(held):
    everybody = {getattr(held, name).id for name in ("rex", "ruth", "ria")}
    assert holding.holding(held, "team").people.keys() == everybody
    assert holders.holding(held.mechanism, held.channel, "request") is None
    held.act(held.ann, "person.suspended", held.stream, {"person": held.rex.id})
    assert holding.holding(held, "team").people.keys() == everybody - {held.rex.id}
    assert holding.holding(held, "team", (held.ruth,)).people == {}


def test_a_holder_sees_what_their_acts_depend_on_and_no_word(held):
    case = holding.submit(held)
    held.post(held.ira, "message.posted", case.submitted.dialogue.stream, {"text": "Hello", "v": 1})
    dialogue = case.submitted.dialogue.stream
    for who, streams in (
        (held.rex, {case.stream, case.submitted.report.stream, dialogue}),
        (held.cy, {case.stream, case.identity.stream}),
        (held.hal, set()),
        (held.ann, set()),
    ):
        shown = {each.stream: each for each in entitlement.streams_of(held.ledger, who.id) if each.case}
        assert shown.keys() == streams
        assert not any(each.whole for each in shown.values())
        for stream in streams:
            kinds = entitlement.part_of(held.ledger, who.id, stream)
            assert not kinds & {"message.posted", "note.added", "report.added", "payload.fetched"}
            assert entitlement.may_write(held.ledger, who.id, stream)
    message = held.log[-1].body["message"]["sha256"]
    assert not entitlement.may_fetch(held.ledger, held.rex.id, case.stream, message)
    mine, theirs = (
        next(share.digest for share in held.ledger.rooms[dialogue].shares if share.holder == who.id)
        for who in (held.rex, held.ruth)
    )
    assert entitlement.may_fetch(held.ledger, held.rex.id, case.stream, mine)
    assert not entitlement.may_fetch(held.ledger, held.rex.id, case.stream, theirs)


def test_the_reporter_is_shown_what_was_asked_unless_it_is_withheld_for_now(held):
    case = holding.submit(held)
    room = case.discuss(held.ira)
    note = case.note(held.ira, room=room)
    order = case.do(
        held.ira,
        "disclosure.ordered",
        {"room": room, "note": note, "ground": note, "review": "2027-01-10"},
    ).leaf
    secret = case.ask(held.ira, "court_order", order=order)
    asked = case.ask(held.ken)
    case.refuse(asked, held.cy)

    def shown(day):
        events = [event for event in held.log if event.stream == case.stream]
        return [each.what for each in notices.notices(case.state, events, day)]

    today = held.today
    assert shown(today) == ["requested", "refused"]
    assert shown(today.replace(year=2027, month=1, day=10)) == [
        "ordered",
        "requested: court",
        "requested",
        "refused",
    ]
    assert case.state.requests[secret].standing
