"""A case folded from its own stream: state, dates, who was assigned, what waits for a second person.

The reporter is the key that `report.submitted` introduced. Whoever `report` is wrapped to is assigned; later
`handler.assigned` adds people. Who may still read is the rooms' business, see `rooms`; requests for an
identity or for lost access are in `requests`, holds and erasure in `keeping`.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from meyasubako.crypto.signing import VerifyKey
from meyasubako.domain import deadlines
from meyasubako.domain import keeping as keepings
from meyasubako.domain import requests as asking
from meyasubako.domain.envelope import Event
from meyasubako.domain.people import Channel, Deadline, Proposal, parsed_key, proposed

# A review is asked for within two months, and looked at within one; the mechanism's own word, no law's.
REVIEW_ASKED_WITHIN: Final = timedelta(days=60)
REVIEW_WITHIN: Final = timedelta(days=30)
# What a receipt that a server has seen agreed to rests for so long, so that its owner can come back first.
CONSENT_RESTS: Final = timedelta(days=7)

# From which states `case.moved` may enter a state.
MOVES: Final[Mapping[str, frozenset[str]]] = {
    "screening": frozenset({"acknowledged", "waiting_for_reporter"}),
    "waiting_for_reporter": frozenset({"screening"}),
    "assessment": frozenset({"eligible", "partly_eligible", "in_mediation"}),
    "monitoring": frozenset({"remedy_plan"}),
}
# From which states the event of a state may stand; events that are not listed leave the state as it is.
WAYS: Final[Mapping[str, frozenset[str]]] = {
    "case.acknowledged": frozenset({"submitted"}),
    "eligibility.decided": frozenset({"acknowledged", "screening", "waiting_for_reporter"}),
    "path.chosen": frozenset({"assessment", "in_dialogue", "in_mediation", "in_investigation"}),
    "respondent.notified": frozenset(
        {
            "assessment",
            "in_dialogue",
            "in_mediation",
            "in_investigation",
            "findings",
            "remedy_plan",
            "monitoring",
        }
    ),
    "findings.drafted": frozenset({"in_investigation"}),
    "remedy.agreed": frozenset({"in_dialogue", "in_mediation", "findings"}),
    "milestone.verified": frozenset({"monitoring"}),
    "review.requested": frozenset({"ineligible", "closed"}),
    "review.decided": frozenset({"review"}),
    "case.reopened": frozenset({"closed"}),
    "retention.started": frozenset({"closed"}),
    "case.erased": frozenset({"closed", "retained"}),
}
FINISHED: Final = frozenset({"closed", "retained", "erased"})
# A case is `settled` only after the parties spoke, `decided` only after somebody looked at it.
CLOSES: Final[Mapping[str, frozenset[str]]] = {
    "settled": frozenset({"in_dialogue", "in_mediation", "remedy_plan", "monitoring"}),
    "decided": frozenset(
        {
            "screening",
            "waiting_for_reporter",
            "eligible",
            "partly_eligible",
            "ineligible",
            "assessment",
            "in_investigation",
            "findings",
            "remedy_plan",
            "monitoring",
            "review",
        }
    ),
}


def may_close(state: str, outcome: str) -> bool:
    """Whether a case in this state may be closed with this class; `ended` is open to every open state."""
    return state not in FINISHED and (outcome == "ended" or state in CLOSES[outcome])


class Referral(msgspec.Struct, frozen=True):
    """One referral to somebody outside; `exposed` where a server has seen the receipt that consented."""

    state: str
    on: date
    exposed: bool = False

    def may_be_sent(self, day: date) -> bool:
        """Whether the reporter's consent stands, and has rested where it must."""
        return self.state == "consented" and (not self.exposed or day >= self.on + CONSENT_RESTS)


class Case(msgspec.Struct, frozen=True):
    """One case: what the log knows of it without any key."""

    stream: str
    reporter: str
    reporter_key: str
    reporter_recipient: str
    channel: str
    marker: str
    rooms: Mapping[str, str]
    submitted_on: date
    state: str
    next_date: date | None
    # The deadlines of the profiles that the channel had at submission, and the day that somebody promised.
    clocks: tuple[Deadline, ...] = ()
    promised: date | None = None
    acknowledged_on: date | None = None
    extended: bool = False
    assigned: frozenset[str] = frozenset()
    # Messages by which the reporter was told of an act; each serves once.
    told: frozenset[str] = frozenset()
    outcome: str = ""
    overlays: frozenset[str] = frozenset()
    # Acts that one person proposed and nobody else has done yet, by the proposal's leaf hash.
    proposals: Mapping[str, Proposal] = {}
    # Whoever said that they have no conflict, that they have one, and whoever stepped back.
    cleared: frozenset[str] = frozenset()
    conflicted: frozenset[str] = frozenset()
    recused: frozenset[str] = frozenset()
    missed: tuple[date, ...] = ()
    # The last date that was missed, until somebody gives another one.
    late_since: date | None = None
    fed_back_on: date | None = None
    # Since when the case is withdrawn, and whether somebody has asked back about it.
    withdrawn: bool = False
    asked_back: bool = False
    # Who decided last, in which state a review stands that is asked for, and whether there was one.
    decided_by: frozenset[str] = frozenset()
    decided_on: date | None = None
    decided_once_more: bool = False
    reviewed: str = ""
    paths: frozenset[str] = frozenset()
    notified_on: date | None = None
    drafted_by: str = ""
    referrals: Mapping[str, Referral] = {}
    requests: Mapping[str, asking.Request] = {}
    orders: Mapping[str, asking.Order] = {}
    keeping: keepings.Keeping = keepings.Keeping()

    @property
    def verify_key(self) -> VerifyKey:
        """The key the reporter signs with."""
        return parsed_key(self.reporter_key)

    @property
    def open(self) -> bool:
        """Whether work on the case goes on."""
        return self.state not in FINISHED

    @property
    def out(self) -> frozenset[str]:
        """Whoever declared a conflict, or stepped back: nobody gives them anything of the case again."""
        return self.conflicted | self.recused

    def overdue(self, day: date) -> date | None:
        """The date that has passed and nobody has put down as missed yet."""
        due = self.next_date
        return due if due is not None and due < day and due not in self.missed else None


def submitted(event: Event, channel: Channel | None = None) -> Case:
    """The case that a `report.submitted` opens, under the profiles that its channel has adopted."""
    rooms = event.body["rooms"]
    clocks = deadlines.clocks_of(channel)
    return Case(
        stream=event.stream,
        reporter=event.by,
        reporter_key=event.text("key"),
        reporter_recipient=event.text("recipient"),
        channel=event.text("channel"),
        marker=event.text("marker"),
        rooms={name: str(stream) for name, stream in rooms.items()} if isinstance(rooms, dict) else {},
        submitted_on=event.at,
        state="submitted",
        next_date=deadlines.earliest(clocks, "acknowledge", event.at),
        clocks=clocks,
    )


def _acknowledged(case: Case, event: Event) -> Case:
    return replace(case, state="acknowledged", acknowledged_on=event.at)


def _moved(case: Case, event: Event) -> Case:
    return replace(case, state=event.text("to"))


def _assigned(case: Case, event: Event) -> Case:
    return replace(case, assigned=case.assigned | {event.text("person")})


def _declared(case: Case, event: Event) -> Case:
    return replace(case, cleared=case.cleared - {event.by}, conflicted=case.conflicted | {event.by})


def _cleared(case: Case, event: Event) -> Case:
    return replace(case, cleared=case.cleared | {event.by})


def _recused(case: Case, event: Event) -> Case:
    return replace(
        case,
        recused=case.recused | {event.by},
        cleared=case.cleared - {event.by},
        assigned=case.assigned - {event.by},
    )


def _overlaid(case: Case, event: Event) -> Case:
    return replace(case, overlays=case.overlays | {event.text("overlay")})


def _lifted(case: Case, event: Event) -> Case:
    return replace(case, overlays=case.overlays - {event.text("overlay")})


def _decided(case: Case, event: Event) -> Case:
    decided = replace(_deciding(case, event), state=event.text("outcome"))
    # A refusal with its reasons is feedback: what is done, and the grounds.
    return replace(decided, fed_back_on=event.at) if decided.state == "ineligible" else decided


def _deciding(case: Case, event: Event) -> Case:
    proposal = case.proposals.get(str(event.body.get("proposal")))
    return replace(
        case,
        decided_by=frozenset({event.by, *([proposal.by] if proposal else ())}),
        decided_on=event.at,
        decided_once_more=False,
    )


def _chosen(case: Case, event: Event) -> Case:
    path = event.text("path")
    return replace(case, state=f"in_{path}", paths=case.paths | {path})


def _notified(case: Case, event: Event) -> Case:
    return replace(case, notified_on=case.notified_on or event.at)


def _drafted(case: Case, event: Event) -> Case:
    return replace(case, state="findings", drafted_by=event.by)


def _agreed(case: Case, _: Event) -> Case:
    return replace(case, state="remedy_plan")


def _fed_back(case: Case, event: Event) -> Case:
    return case if event.by == case.reporter else replace(case, fed_back_on=event.at)


def _missed(case: Case, event: Event) -> Case:
    due = _day(event, "due")
    return replace(case, missed=(*case.missed, due), late_since=due)


def _extended(case: Case, _: Event) -> Case:
    return replace(case, extended=True)


def _checked_in(case: Case, event: Event) -> Case:
    return case if event.by == case.reporter else replace(case, asked_back=True)


def _withdrawn(case: Case, _: Event) -> Case:
    overlays = case.overlays | {"safety", "second_person"}
    return replace(case, withdrawn=True, asked_back=False, overlays=overlays)


def _closed(case: Case, event: Event) -> Case:
    return replace(_deciding(case, event), state="closed", outcome=event.text("class"))


def _review(case: Case, event: Event) -> Case:
    return replace(case, state="review", reviewed=case.state, promised=event.at + REVIEW_WITHIN)


def _reviewed(case: Case, event: Event) -> Case:
    if event.text("outcome") == "reopened":
        return replace(case, state="screening", outcome="", reviewed="", withdrawn=False)
    outcome = case.outcome or "decided"
    return replace(case, state="closed", outcome=outcome, reviewed="", decided_once_more=True)


def _reopened(case: Case, _: Event) -> Case:
    return replace(case, state="screening", outcome="", withdrawn=False)


def _proposed(case: Case, event: Event) -> Case:
    return replace(case, proposals={**case.proposals, event.leaf: proposed(event)})


def _referred(case: Case, event: Event) -> Case:
    return replace(case, referrals={**case.referrals, event.leaf: Referral("proposed", event.at)})


def _referral(state: str) -> Callable[[Case, Event], Case]:
    def folded(case: Case, event: Event) -> Case:
        exposed = state == "consented" and event.body.get("sealed_by") == "server"
        referral = Referral(state, event.at, exposed)
        return replace(case, referrals={**case.referrals, event.text("referral"): referral})

    return folded


def _retained(case: Case, event: Event) -> Case:
    return replace(case, state="retained", keeping=keepings.fold(case.keeping, event))


def _erased(case: Case, event: Event) -> Case:
    return replace(case, state="erased", keeping=keepings.fold(case.keeping, event))


_FOLDS: Final[Mapping[str, Callable[[Case, Event], Case]]] = {
    "act.proposed": _proposed,
    "case.acknowledged": _acknowledged,
    "case.moved": _moved,
    "handler.assigned": _assigned,
    "conflict.declared": _declared,
    "conflict.cleared": _cleared,
    "handler.recused": _recused,
    "overlay.set": _overlaid,
    "overlay.lifted": _lifted,
    "eligibility.decided": _decided,
    "path.chosen": _chosen,
    "respondent.notified": _notified,
    "findings.drafted": _drafted,
    "remedy.agreed": _agreed,
    "feedback.given": _fed_back,
    "deadline.extended": _extended,
    "deadline.missed": _missed,
    "checkin.posted": _checked_in,
    "withdrawal.requested": _withdrawn,
    "case.closed": _closed,
    "review.requested": _review,
    "review.decided": _reviewed,
    "case.reopened": _reopened,
    "referral.proposed": _referred,
    "referral.consented": _referral("consented"),
    "consent.withdrawn": _referral("withdrawn"),
    "referral.sent": _referral("sent"),
    "retention.started": _retained,
    "case.erased": _erased,
}


def fold(case: Case, event: Event) -> Case:
    """The case after one more event of its stream, which the rules have allowed."""
    folded = _FOLDS.get(event.kind)
    if folded is not None:
        case = folded(case, event)
    elif event.kind in asking.KINDS:
        found, orders = asking.fold(case.requests, case.orders, event)
        case = replace(case, requests=found, orders=orders)
    elif event.kind in keepings.KINDS:
        case = replace(case, keeping=keepings.fold(case.keeping, event))
    used = event.body.get("proposal")
    if used is not None:
        left = {leaf: proposal for leaf, proposal in case.proposals.items() if leaf != used}
        case = replace(case, proposals=left)
    if "next" in event.body:
        case = replace(case, promised=_day(event, "next"), late_since=None)
    if "message" in event.body:
        case = replace(case, told=case.told | {event.text("message")})
    return replace(case, next_date=_next_date(case), late_since=case.late_since if case.open else None)


def _next_date(case: Case) -> date | None:
    """The earliest date that the case has to meet; the last one where all of them were missed."""
    if not case.open:
        return None
    dues: list[date | None] = [case.promised]
    acknowledge_by = deadlines.earliest(case.clocks, "acknowledge", case.submitted_on)
    if case.state == "submitted":
        dues = [acknowledge_by]
    elif case.state != "review":
        if case.decided_on is None:
            dues.append(deadlines.earliest(case.clocks, "notice", case.submitted_on))
        if case.fed_back_on is None:
            start = case.acknowledged_on or acknowledge_by or case.submitted_on
            dues.append(deadlines.earliest(case.clocks, "feedback", start, extended=case.extended))
    ahead = [due for due in dues if due is not None and due not in case.missed]
    return min(ahead) if ahead else case.next_date


def _day(event: Event, name: str) -> date:
    return date.fromisoformat(event.text(name))
