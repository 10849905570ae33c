"""What a reporter is shown of requests for their identity, of court orders, and of access that is restored.

- Each request, answer, opening and end is shown, with its day; people by their role only.
- Where a sealed ground says that the reporter hears later, that opening or order, and what was asked because
  of it, is shown from the day of its review on. The log shows it to auditors at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event
from meyasubako.domain.requests import Request

_ANSWERS: Final = {
    "identity.approved": "approved",
    "identity.refused": "refused",
    "identity.opened": "opened",
    "identity.expired": "expired",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened: what, on which day, done by whom (key id), until when where that is fixed."""

    what: str
    day: date
    by: str = ""
    until: date | None = None


def notices(case: Case, events: Iterable[Event], today: date) -> tuple[Notice, ...]:
    """What happened in a case's stream that its reporter is shown now, in its order."""
    found = (_notice(case, event, today) for event in events)
    return tuple(each for each in found if each is not None)


def _notice(case: Case, event: Event, today: date) -> Notice | None:
    match event.kind:
        case "identity.requested":
            asked = case.requests[event.leaf]
            what = {"break_glass": "requested: danger", "court_order": "requested: court"}.get(
                asked.ground, "requested"
            )
            return None if _withheld(case, asked, today) else Notice(what, event.at, event.by)
        case "recovery.requested":
            return Notice("recovery requested", event.at)
        case "disclosure.ordered" | "disclosure.made":
            leaf = event.leaf if event.kind == "disclosure.ordered" else event.text("order")
            what = "ordered" if event.kind == "disclosure.ordered" else "disclosed"
            return None if _order_withheld(case, leaf, today) else Notice(what, event.at)
        case kind if kind in _ANSWERS:
            asked = case.requests[event.text("request")]
            if asked.is_recovery or _withheld(case, asked, today):
                return None
            return Notice(_ANSWERS[kind], event.at, event.by, asked.until)
    return None


def _withheld(case: Case, asked: Request, today: date) -> bool:
    """Whether a request is kept from the reporter: it was made on an order that is, or opened so."""
    if asked.withheld_until is not None and today < asked.withheld_until:
        return True
    return bool(asked.order) and _order_withheld(case, asked.order, today)


def _order_withheld(case: Case, leaf: str, today: date) -> bool:
    order = case.orders.get(leaf)
    return order is not None and order.review is not None and today < order.review
