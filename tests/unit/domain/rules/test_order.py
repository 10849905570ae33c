from datetime import timedelta

import pytest

from meyasubako.domain import sealing
from meyasubako.domain.envelope import Head


def test_nothing_is_founded_again(world):
    again = world.event(world.ann, "mechanism.founded", world.fresh(), world.founding())
    world.refuse("founded-first", again)


def test_a_log_does_not_begin_with_anything_else(unfounded):
    cover = unfounded.event(unfounded.service, "cover.written", unfounded.covers, {})
    unfounded.refuse("founded-first", cover)


def test_an_event_of_another_log_is_refused(world):
    body = {"kind": "channel.opened", "v": 1, "body": world.channel_body("second")}
    world.refuse(
        "founded-first", world.event(world.ann, "act.proposed", world.stream, body, log="other.example.org")
    )


def test_an_event_that_leaves_one_out_is_refused(world):
    head = world.ledger.head(world.stream)
    ahead = Head(head.seq + 1, head.leaf)
    event = world.event(world.ann, "person.suspended", world.stream, {"person": world.ira.id}, head=ahead)
    world.refuse("stream-is-whole", event)


def test_an_event_that_replaces_one_is_refused(world):
    before = world.log[-2] if world.log[-2].stream == world.stream else world.log[0]
    head = Head(before.seq, before.leaf)
    event = world.event(world.ann, "person.suspended", world.stream, {"person": world.ira.id}, head=head)
    world.refuse("stream-is-whole", event)


def test_an_event_after_another_than_the_last_is_refused(world):
    head = Head(world.ledger.head(world.stream).seq, "0" * 64)
    event = world.event(world.ann, "person.suspended", world.stream, {"person": world.ira.id}, head=head)
    world.refuse("stream-is-whole", event)


def test_a_stream_begins_only_with_the_kinds_that_open_one(world, case):
    moved = world.event(
        world.ira, "case.moved", world.fresh(), {"to": "screening", "next": world.today.isoformat()}
    )
    world.refuse("kind-fits-stream", moved)


def test_a_kind_stands_only_in_its_sort_of_stream(world, case):
    moved = world.event(
        world.ira, "case.moved", case.dialogue.stream, {"to": "screening", "next": world.today.isoformat()}
    )
    world.refuse("kind-fits-stream", moved)


def test_a_room_is_opened_once(world, case):
    body = dict(case.events[1].body)
    again = world.event(case.reporter, "room.opened", case.report.stream, body)
    world.refuse("kind-fits-stream", again)


def test_there_is_one_stream_of_covers(world):
    world.refuse("kind-fits-stream", world.event(world.service, "cover.written", world.fresh(), {}))


def test_an_act_is_proposed_only_where_it_will_be_done(world, case):
    body = {"kind": "channel.opened", "v": 1, "body": world.channel_body("second")}
    for author in (world.ira, world.rita, case.reporter):
        world.refuse("kind-fits-stream", world.event(author, "act.proposed", case.stream, body))


def test_an_event_from_before_the_last_marker_is_refused(world):
    world.mark(days=5)
    early = world.today - timedelta(days=2)
    event = world.event(world.ann, "person.suspended", world.stream, {"person": world.ira.id}, at=early)
    world.refuse("day-after-marker", event)


def test_an_event_may_be_a_day_off(world):
    world.mark(days=5)
    for day in (world.today - timedelta(days=1), world.today + timedelta(days=1)):
        world.check(
            world.event(world.ann, "person.suspended", world.stream, {"person": world.ira.id}, at=day)
        )


def test_a_payload_belongs_to_one_event_only(world):
    taken = world.cards["channel"].reference
    world.refuse("digest-owned-once", world.event(world.ann, "card.published", world.stream, {"card": taken}))


def test_an_event_names_a_payload_once(world, case):
    reference = {"sha256": "ab" * 32, "size": 2000}
    body = {"epoch": 1, "message": reference, "files": [reference]}
    world.refuse("digest-owned-once", world.event(world.ira, "message.posted", case.dialogue.stream, body))


def test_a_wrap_has_one_size(world, case):
    grant, _ = world.granting(world.ira, case.report.stream, [case.report.identity], world.hal)
    body = {"reader": world.hal.id, "wraps": [{**grant.body["wraps"][0], "size": 4000}]}
    world.refuse("wrap-size", world.event(world.ira, "access.granted", case.report.stream, body))


@pytest.mark.parametrize(
    ("kind", "use"),
    [("message.posted", "message"), ("report.added", "addition"), ("report.submitted", "report")],
)
def test_a_text_that_would_fill_its_readers_memory_is_refused(world, case, kind, use):
    big = {"sha256": "0" * 64, "size": sealing.TEXT_LIMIT + 1}
    if kind == "report.submitted":
        _, other = world.submission()
        first = other.events[0]
        world.refuse("text-size", world.event(other.reporter, kind, first.stream, {**first.body, use: big}))
        return
    room = case.dialogue if use == "message" else case.report
    body = {"epoch": 1, use: big, "files": [], "sealed_by": "reporter_tool"}
    world.refuse("text-size", world.event(case.reporter, kind, room.stream, body))
    file = {"sha256": "1" * 64, "size": 2**40}
    fits = {**body, use: {**big, "size": sealing.TEXT_LIMIT}, "files": [file]}
    world.check(world.event(case.reporter, kind, room.stream, fits))
