"""Rooms that are opened in the course of a case: by whom, and for whom."""

from collections.abc import Iterable

from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rooms import Room
from meyasubako.domain.rules.registry import rule
from meyasubako.domain.rules.rooms import ever_read, is_staff


def _opened(ledger: Ledger, event: Event, name: str) -> tuple[Case, Room] | None:
    """The case and its report's room, where this event opens a room of this name."""
    case = ledger.case(event.text("case"))
    report = ledger.room(case.rooms["report"]) if case else None
    return (case, report) if case and report and event.text("room") == name else None


def _readers(event: Event) -> set[str]:
    return {str(wrap["reader"]) for wrap in event.records("wraps")}


def _holding(ledger: Ledger, key_ids: Iterable[str], role: str, channel: str) -> set[str]:
    """Those of these people who hold the role on the channel and whose waiting time is over."""
    last = ledger.mechanism.last_marker
    found = ((key_id, ledger.mechanism.usable(key_id, last.slot if last else -1)) for key_id in key_ids)
    return {key_id for key_id, person in found if person is not None and person.has(role, channel)}


@rule(
    "mediation-opened-by-mediator",
    "a mediation is opened by a mediator once the reporter chose it, for people who never had the report",
    "room.opened",
)
def mediation_opened_by_mediator(ledger: Ledger, event: Event, _: int) -> str | None:
    opened = _opened(ledger, event, "mediation")
    if opened is None:
        return None
    case, report = opened
    if case.state != "in_mediation":
        return "the reporter has not chosen a mediation, or it is over"
    readers = _readers(event) - {case.reporter}
    mediators = _holding(ledger, readers, "mediator", case.channel)
    if event.by not in mediators or readers - mediators - _holding(
        ledger, readers, "respondent", case.channel
    ):
        return "a mediation is opened by a mediator, for mediators, the reporter and the organisation"
    if any(ever_read(report, reader) for reader in readers) or readers & case.out:
        return "nobody takes part in a mediation who was given the report, or has a conflict"
    return None


@rule(
    "respondent-hears-last",
    "what is released to the organisation is released after the reporter was told, by people who work on it",
    "room.opened",
)
def respondent_hears_last(ledger: Ledger, event: Event, _: int) -> str | None:
    opened = _opened(ledger, event, "respondent")
    if opened is None:
        return None
    case, report = opened
    if case.notified_on is None:
        return "the reporter was not told yet what the organisation hears"
    readers = _readers(event)
    staff = {reader for reader in readers if is_staff(ledger.mechanism, report, reader)}
    guests = _holding(ledger, readers, "respondent", case.channel)
    if not is_staff(ledger.mechanism, report, event.by) or event.by not in staff or readers - staff - guests:
        return "it is for whoever opens it, others who work on the report, and whoever answers for it"
    return None


@rule(
    "request-is-for-custodians",
    "why somebody asks for an identity is read by them and by those who hold shares of it alone",
    "room.opened",
)
def request_is_for_custodians(ledger: Ledger, event: Event, _: int) -> str | None:
    opened = _opened(ledger, event, "request")
    if opened is None:
        return None
    case, report = opened
    identity = ledger.room(case.rooms["identity"]) if "identity" in case.rooms else None
    if identity is None or not is_staff(ledger.mechanism, report, event.by):
        return "a request is opened by somebody who works on the report, where an identity was told"
    present = {share.holder for share in identity.shares if ledger.mechanism.active(share.holder)}
    if _readers(event) != present | {event.by}:
        return "a request is read by whoever makes it and exactly those who hold shares of the identity"
    return None
