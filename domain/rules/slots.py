"""Slots: the service key's own kinds, markers that never go back, padding that hides how much came in."""

from math import ceil

from meyasubako.domain import kinds, people
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.order import ONE_DAY
from meyasubako.domain.rules.registry import rule


def slot_entries(written: int, step: int) -> int:
    """How many entries a slot is padded to that holds this many so far, covers and its marker included.

    >>> slot_entries(7, 64), slot_entries(64, 64), slot_entries(65, 64)
    (64, 64, 128)
    """
    return step * max(1, ceil(written / step))


@rule("service-kinds", "the service key signs exactly its own kinds, and nobody else signs those")
def service_kinds(ledger: Ledger, event: Event, index: int) -> str | None:
    if index == 0:
        return None
    by_service = event.by == people.parsed_key(ledger.mechanism.service_key).key_id
    if by_service != (event.kind in kinds.SERVICE):
        return (
            f"{event.kind} is not the service key's" if by_service else f"{event.kind} is the service key's"
        )
    return None


@rule(
    "marker-in-order",
    "slots count up by one, their days never go back, and each names the tree before it",
    "slot.marked",
)
def marker_in_order(ledger: Ledger, event: Event, _: int) -> str | None:
    last = ledger.mechanism.last_marker
    slot, day, size = (
        (last.slot + 1, last.day, last.index + 1) if last else (0, ledger.mechanism.founded_on, 0)
    )
    if event.number("slot") != slot:
        return f"the slot after the last one is {slot}"
    if event.at < day:
        return f"the day {event.at} is before the last marker's, {day}"
    if event.number("size") != size or event.text("root") != ledger.root_at(size):
        return f"the marker does not name the published tree of size {size}"
    return None


@rule(
    "day-before-marker",
    "an event's day lies, give or take a day, before the slot marker after it",
    "slot.marked",
)
def day_before_marker(ledger: Ledger, event: Event, _: int) -> str | None:
    if ledger.latest_day_in_slot - event.at > ONE_DAY:
        return f"an event of the slot is dated {ledger.latest_day_in_slot}, after its marker's day {event.at}"
    return None


@rule(
    "slot-is-padded",
    "each slot is padded with covers, so that its size does not tell what came in",
    "slot.marked",
)
def slot_is_padded(ledger: Ledger, _: Event, index: int) -> str | None:
    last = ledger.mechanism.last_marker
    entries = index - (last.index if last else -1)
    step = ledger.mechanism.step
    return None if entries % step == 0 else f"the slot has {entries} entries, not a multiple of {step}"


@rule(
    "marker-names-roster",
    "whoever wraps a key can check the whole list of readers against the marker",
    "slot.marked",
)
def marker_names_roster(ledger: Ledger, event: Event, _: int) -> str | None:
    settled = people.at_marker(ledger.mechanism, event.number("slot"), event.at)
    if event.text("roster") != people.roster_digest(settled.values()):
        return "the marker's roster digest is not that of the roster"
    return None


@rule("submission-opens-its-rooms", "a report without its rooms could be read by nobody", "slot.marked")
def nothing_promised(ledger: Ledger, _: Event, __: int) -> str | None:
    return "a report's rooms were not opened beside it" if ledger.promised else None
