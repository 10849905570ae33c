import pytest

from meyasubako.crypto.age import HybridIdentity
from meyasubako.domain import acts


def resigned(world, event, who, **changed):
    """The same event as another author would have signed it, with some of its body changed."""
    return world.event(who, event.kind, event.stream, {**event.body, **changed})


def test_a_report_is_signed_by_the_key_it_introduces(world, someone):
    _, case = world.submission()
    other = someone("other").signing.verify_key.text
    world.refuse("signature-fits", resigned(world, case.events[0], case.reporter, key=other))


def test_nobody_of_the_roster_is_a_reporter_with_the_same_key(world):
    request, _ = world.submission(reporter=world.ken)
    world.refuse("reporter-brings-the-key", request.events[0])


@pytest.mark.parametrize(
    "changed",
    [
        {"channel": "nowhere"},
        {"card": {"ref": "ab" * 32}},
        {"questionnaire": {"ref": "ab" * 32}},
        {"marker": "ab" * 32},
    ],
)
def test_a_report_names_its_channel_as_published(world, changed):
    _, case = world.submission()
    world.refuse("channel-as-published", resigned(world, case.events[0], case.reporter, **changed))


def test_a_report_takes_no_room_of_another_case(world, case):
    _, other = world.submission()
    rooms = {"report": case.report.stream, "dialogue": other.dialogue.stream}
    world.refuse("rooms-are-new", resigned(world, other.events[0], other.reporter, rooms=rooms))


def test_a_report_takes_no_room_that_another_one_beside_it_promised(world):
    _, one = world.submission()
    _, other = world.submission()
    rooms = {"report": one.report.stream, "dialogue": other.dialogue.stream}
    world.refuse(
        "rooms-are-new", one.events[0], resigned(world, other.events[0], other.reporter, rooms=rooms)
    )


@pytest.mark.parametrize("own", [True, False])
def test_the_rooms_of_a_report_are_two_and_not_the_case_itself(world, own):
    _, case = world.submission()
    dialogue = case.stream if own else case.report.stream
    rooms = {"report": case.report.stream, "dialogue": dialogue}
    world.refuse("rooms-are-new", resigned(world, case.events[0], case.reporter, rooms=rooms))


@pytest.mark.parametrize("name", ["ann", "hal", "mia", "cid", "rita", "otto"])
def test_a_report_is_sealed_to_intake_people_only(world, name):
    _, case = world.submission(readers=("ira", name))
    world.refuse("reader-on-roster", *case.events[:2])


def test_a_report_is_not_sealed_to_a_key_off_the_roster(world, someone):
    eve = someone("eve")
    _, case = world.submission()
    request = world.request(case.reporter)
    readers = {world.ira.id: world.ira.recipient, eve.id: eve.recipient}
    room = acts.open_room(
        request, case.report, case=case.stream, name="report", readers=readers, sealed_by="server"
    )
    world.refuse("reader-on-roster", case.events[0], room)


def test_a_report_is_sealed_to_somebody_besides_its_reporter(world):
    _, case = world.submission()
    request = world.request(case.reporter)
    alone = {case.reporter.id: case.reporter.recipient}
    room = acts.open_room(
        request, case.report, case=case.stream, name="report", readers=alone, sealed_by="server"
    )
    world.refuse("reader-on-roster", case.events[0], room)


def test_a_report_is_not_sealed_to_somebody_suspended_since(world):
    _, case = world.submission()
    world.act(world.ann, "person.suspended", world.stream, {"person": world.ken.id})
    world.refuse("reader-on-roster", *case.events[:2])


def test_a_new_reader_is_not_sealed_to_before_the_waiting_time_is_over(world, someone):
    world.enrol(someone("nia"), "intake:main")
    for _ in range(2):
        world.mark()
        _, case = world.submission(readers=("ira", "nia"))
        world.refuse("reader-on-roster", *case.events[:2])
    world.mark()
    world.submit(readers=("ira", "nia"))


def test_a_marker_from_before_a_reader_could_be_used_does_not_name_them(world, someone):
    old = world.marker.leaf
    world.enrol(someone("nia"), "intake:main")
    for _ in range(3):
        world.mark()
    _, case = world.submission(readers=("ira", "nia"), marker=old)
    world.refuse("reader-on-roster", *case.events[:2])


def test_a_founder_who_is_given_a_reading_role_later_waits_too(world):
    old = world.marker.leaf
    world.together(world.ann, world.bob, "role.granted", {"person": world.otto.id, "role": "intake:main"})
    world.mark()
    _, case = world.submission(readers=("ira", "otto"))
    world.refuse("reader-on-roster", *case.events[:2])
    for _ in range(2):
        world.mark()
    _, case = world.submission(readers=("ira", "otto"), marker=old)
    world.refuse("reader-on-roster", *case.events[:2])
    world.submit(readers=("ira", "otto"))


def test_the_fallback_reads_alone_where_all_intake_people_are_excluded(world):
    body = {"channel": "main", "person": world.otto.id}
    world.together(world.ann, world.bob, "fallback.appointed", body)
    world.submit(readers=("otto",))
    _, case = world.submission(readers=("ira", "otto"))
    world.refuse("reader-on-roster", *case.events[:2])


def test_the_dialogue_is_read_by_exactly_those_who_read_the_report(world):
    _, case = world.submission(readers=("ira",))
    request = world.request(case.reporter)
    readers = {who.id: who.recipient for who in (world.ira, world.ken, case.reporter)}
    room = acts.open_room(
        request, case.dialogue, case=case.stream, name="dialogue", readers=readers, sealed_by="server"
    )
    world.refuse("room-opened-as-named", *case.events[:2], room)


def test_a_rooms_key_is_wrapped_once_to_each_reader(world):
    _, case = world.submission()
    wraps = list(case.events[1].body["wraps"])
    doubled = [*wraps, {**wraps[0], "sha256": "ab" * 32}]
    room = resigned(world, case.events[1], case.reporter, wraps=doubled)
    world.refuse("room-opened-as-named", case.events[0], room)


def test_a_reporter_opens_only_the_rooms_that_the_report_names(world, case):
    request = world.request(case.reporter)
    room = acts.NewRoom(world.fresh(), HybridIdentity.generate())
    readers = {world.ira.id: world.ira.recipient}
    opened = acts.open_room(
        request, room, case=case.stream, name="report", readers=readers, sealed_by="server"
    )
    world.refuse("room-opened-as-named", opened)


def opening_by_staff(world, who, case, room, name):
    request = world.request(who)
    readers = {who.id: who.recipient}
    return acts.open_room(request, room, case=case.stream, name=name, readers=readers)


def test_staff_do_not_open_the_reporters_rooms(world, case):
    room = acts.NewRoom(world.fresh(), HybridIdentity.generate())
    world.refuse("room-opened-as-named", opening_by_staff(world, world.ira, case, room, "dialogue"))


def test_staff_do_not_take_a_room_that_a_report_promised(world, case):
    _, other = world.submission()
    room = opening_by_staff(world, world.ira, case, other.report, "team")
    world.refuse("room-opened-as-named", other.events[0], room)


def test_nothing_is_reported_on_a_channel_that_is_closed(world):
    _, case = world.submission()
    world.together(world.ann, world.bob, "channel.closed", {"channel": "main"})
    world.refuse("channel-as-published", case.events[0])


def test_in_a_letterbox_the_person_outside_alone_is_sealed_to(world):
    _, before = world.submission()
    world.together(world.ann, world.bob, "fallback.appointed", {"channel": "main", "person": world.otto.id})
    world.together(world.ann, world.bob, "channel.changed", world.channel_body("main", letterbox=True))
    world.mark()
    for readers in (("ira", "ken"), ("ira", "otto")):
        _, case = world.submission(readers)
        world.refuse("reader-on-roster", *case.events[:2])
    # Whoever was shown the readers before it became one is shown them anew.
    world.refuse("reader-on-roster", *before.events[:2])
    world.submit(("otto",))
    world.together(world.ann, world.bob, "channel.changed", world.channel_body("main"))
    world.submit(("ira", "ken"))
    assert world.audit() == []
