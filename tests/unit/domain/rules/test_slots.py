from datetime import timedelta

import pytest


def test_the_service_key_signs_its_own_kinds_only_even_if_it_was_enrolled(world):
    box = type(world.ann)("box", world.otto.identity.generate(), world.service)
    world.enrol(box, "steward")
    for _ in range(3):
        world.mark()
    event = world.event(box, "person.suspended", world.stream, {"person": world.ira.id})
    world.refuse("service-kinds", event)


@pytest.mark.parametrize("wrong", [{"slot": 2}, {"size": 0}, {"root": "ab" * 32}])
def test_a_marker_names_the_slot_and_tree_before_it(world, wrong):
    world.pad()
    marker = world.event(world.service, "slot.marked", world.stream, world.marking(**wrong))
    world.refuse("marker-in-order", marker)


def test_markers_do_not_go_back_in_time(world):
    world.pad()
    earlier = world.today - timedelta(days=1)
    marker = world.event(world.service, "slot.marked", world.stream, world.marking(), at=earlier)
    world.refuse("marker-in-order", marker)


def test_an_event_from_after_its_marker_is_found(world):
    later = world.today + timedelta(days=2)
    world.act(world.ann, "person.suspended", world.stream, {"person": world.ira.id}, at=later)
    world.pad()
    marker = world.event(world.service, "slot.marked", world.stream, world.marking())
    world.refuse("day-before-marker", marker)


def test_a_slot_is_padded(world):
    world.cover()
    marker = world.event(world.service, "slot.marked", world.stream, world.marking())
    world.refuse("slot-is-padded", marker)


def test_a_reader_cannot_be_slipped_into_the_roster_that_a_marker_names(world):
    world.pad()
    marking = world.marking(roster="ab" * 32)
    world.refuse("marker-names-roster", world.event(world.service, "slot.marked", world.stream, marking))


def test_a_report_without_its_rooms_does_not_end_a_request(world):
    _, case = world.submission()
    for events in (case.events[:1], case.events[:2]):
        world.refuse("submission-opens-its-rooms", *events)


def test_a_slot_does_not_end_before_a_reports_rooms_are_open(world):
    _, case = world.submission()
    world.write(case.events[0])
    world.pad()
    marker = world.event(world.service, "slot.marked", world.stream, world.marking())
    world.refuse("submission-opens-its-rooms", marker)
