"""What a reporter can do in their case besides writing, and the signed request that it becomes.

- A wish is always told by a message of the reporter's own, in the same request and before the act.
- Which wishes are open follows from the case; whether one is allowed, the rules decide.
- A server that saw the receipt says so in each event (`sealed_by`): a withdrawal is looked at by two people
  in any case, and consent rests for a week, see `case.CONSENT_RESTS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain import case as cases
from meyasubako.domain.acts import Request
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event
from meyasubako.domain.kinds import PATHS

VIEWS = ("satisfied", "partly", "not")


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing that a reporter can ask for: by which code, as which event, with what in its body.

    `fields` are more fields of the sealed message; `until` is the last day for it, where there is one.
    """

    code: str
    kind: str
    body: Mapping[str, JsonValue] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    until: date | None = None


def named(code: str) -> Wish:
    """The wish of a code, whether it is open or not; ValueError for a code that is none."""
    sort, _, what = code.partition(":")
    match sort:
        case "path" if what in PATHS:
            return Wish(code, "path.chosen", {"path": what})
        case "consent" if what:
            return Wish(code, "referral.consented", {"referral": what})
        case "unconsent" if what:
            return Wish(code, "consent.withdrawn", {"referral": what})
        case "view" if what in VIEWS:
            return Wish(code, "feedback.given", {}, {"complainant_view": what})
        case "review" if not what:
            return Wish(code, "review.requested")
        case "withdraw" if not what:
            return Wish(code, "withdrawal.requested")
        case "checkin" if not what:
            return Wish(code, "checkin.posted")
        case _:
            raise ValueError("no wish has this code")


def open_wishes(case: Case, today: date) -> tuple[Wish, ...]:
    """Everything that the reporter of this case can ask for today."""
    codes: list[str] = []
    if case.state in cases.WAYS["path.chosen"]:
        codes += [f"path:{path}" for path in PATHS if case.state != f"in_{path}"]
    until = _review_until(case)
    if until is not None and today <= until:
        codes.append("review")
    for leaf, referral in case.referrals.items():
        if referral.state in ("proposed", "withdrawn") and case.open:
            codes.append(f"consent:{leaf}")
        elif referral.state in ("consented", "sent"):
            codes.append(f"unconsent:{leaf}")
    if case.asked_back:
        codes.append("checkin")
    if case.fed_back_on or case.state in ("remedy_plan", "monitoring", "closed"):
        codes += [f"view:{view}" for view in VIEWS]
    if case.open and not case.withdrawn:
        codes.append("withdraw")
    return tuple(replace(named(code), until=until if code == "review" else None) for code in codes)


def _review_until(case: Case) -> date | None:
    """The last day on which a review can be asked for; None where there is nothing to review."""
    decided = case.state in cases.WAYS["review.requested"] and not case.decided_once_more
    return case.decided_on + cases.REVIEW_ASKED_WITHIN if decided and case.decided_on else None


def wish(case: Case, code: str, today: date) -> Wish | None:
    """The open wish of this code; None where it is not open (any more)."""
    return next((each for each in open_wishes(case, today) if each.code == code), None)


def tell(request: Request, case: Case, asked: Wish, message: Event, sealed_by: str) -> Event:
    """The event that a wish is, after the message of the same request that tells of it."""
    body: dict[str, JsonValue] = {**asked.body, "message": message.leaf, "sealed_by": sealed_by}
    return request.add(asked.kind, case.stream, body)
