"""The kinds of a case's own stream: what is decided, by whom, and by when. Reasons are sealed in rooms."""

from typing import Final

from meyasubako.domain.kinds.kind import (
    CASE,
    FILES,
    HOLDER,
    NEXT,
    READS,
    REPORTER,
    REQUESTER,
    SEALED_BY,
    STAFF,
    THE_SERVICE,
    Kind,
    body,
    told,
)
from meyasubako.domain.schema import (
    AGE_RECIPIENT,
    CHANNEL_ID,
    DIGEST,
    LEAF,
    PERSON,
    PUBLIC_KEY,
    REFERENCE,
    STREAM,
    Count,
    Day,
    ListOf,
    OneOf,
    Owned,
    Record,
)

CLASSES: Final = ("settled", "decided", "ended")
# States that a case enters by `case.moved`; every other state has an event of its own.
MOVED_TO: Final = ("screening", "waiting_for_reporter", "assessment", "monitoring")
OVERLAYS: Final = ("paused", "second_person", "safety")
PATHS: Final = ("dialogue", "mediation", "investigation")
ELIGIBILITY: Final = ("eligible", "partly_eligible", "ineligible")
GROUNDS: Final = ("request", "break_glass", "court_order")

_HERE: Final = (CASE,)
_STAFF: Final = (STAFF,)
_REPORTER: Final = (REPORTER,)
_BOTH: Final = (REPORTER, STAFF)
_PROPOSAL = "proposal"

_LIFE: Final = (
    Kind(
        "report.submitted",
        _HERE,
        body(
            "identity",
            key=PUBLIC_KEY,
            recipient=AGE_RECIPIENT,
            channel=CHANNEL_ID,
            card=REFERENCE,
            questionnaire=REFERENCE,
            marker=LEAF,
            rooms=Record({"report": STREAM, "dialogue": STREAM, "identity": STREAM}, frozenset({"identity"})),
            report=Owned(),
            identity=Owned(),
            files=FILES,
            sealed_by=SEALED_BY,
        ),
        _REPORTER,
        "a receipt, a promise, the next date",
    ),
    # A mediator says no more of a mediation than that it is over: agreed on, or back to the assessment.
    Kind(
        "case.moved",
        _HERE,
        body(to=OneOf(MOVED_TO), next=NEXT),
        (*_STAFF, "mediator"),
        "the state and the next date",
    ),
    Kind("case.acknowledged", _HERE, told(next=NEXT), _STAFF, "the message that it names, and the next date"),
    Kind("handler.assigned", _HERE, body(person=PERSON), _STAFF, "who reads the case now"),
    Kind("conflict.declared", _HERE, body(), _STAFF),
    Kind("conflict.cleared", _HERE, body(), _STAFF),
    Kind("handler.recused", _HERE, body(), _STAFF, "that the case has a new handler"),
    Kind("overlay.set", _HERE, body(overlay=OneOf(OVERLAYS)), _STAFF, "that the case is paused, if it is"),
    Kind("overlay.lifted", _HERE, body(_PROPOSAL, overlay=OneOf(OVERLAYS), proposal=LEAF), _STAFF),
    Kind(
        "eligibility.decided",
        _HERE,
        body(_PROPOSAL, "next", outcome=OneOf(ELIGIBILITY), message=LEAF, next=NEXT, proposal=LEAF),
        _STAFF,
        "the decision, its reasons, how to ask for a review",
    ),
    Kind(
        "path.chosen",
        _HERE,
        body("sealed_by", "next", path=OneOf(PATHS), message=LEAF, next=NEXT, sealed_by=SEALED_BY),
        _BOTH,
        "the way that was chosen, and that it can be changed",
    ),
    Kind("respondent.notified", _HERE, told(next=NEXT), _STAFF, "beforehand: what the organisation hears"),
    Kind("findings.drafted", _HERE, told(next=NEXT), _STAFF, "that a draft stands, and the next date"),
    Kind(
        "remedy.agreed",
        _HERE,
        told(next=NEXT),
        (*_STAFF, "mediator"),
        "the plan, its dates, how to object",
    ),
    Kind("milestone.verified", _HERE, told(next=NEXT), _STAFF, "what was checked"),
    Kind(
        "feedback.given",
        _HERE,
        body("sealed_by", "next", message=LEAF, next=NEXT, sealed_by=SEALED_BY),
        _BOTH,
        "what is done or planned, and the grounds",
    ),
    Kind("deadline.extended", _HERE, told(next=NEXT), _STAFF, "why it takes longer, and the next date"),
    Kind(
        "deadline.missed",
        _HERE,
        body(due=Day()),
        (THE_SERVICE,),
        "that the mechanism is late, and whom else one can ask",
    ),
    Kind(
        "checkin.posted",
        _HERE,
        body("sealed_by", message=LEAF, sealed_by=SEALED_BY),
        _BOTH,
        "a question whether anything has changed",
    ),
    Kind("withdrawal.requested", _HERE, told(sealed_by=SEALED_BY), _REPORTER, "what follows from it"),
    Kind(
        "case.closed",
        _HERE,
        Record({"class": OneOf(CLASSES), "message": LEAF, "proposal": LEAF}, frozenset({_PROPOSAL})),
        _STAFF,
        "the reason, the right of review, how long the mailbox stays",
    ),
    Kind(
        "review.requested", _HERE, told(sealed_by=SEALED_BY), _REPORTER, "that it arrived, and when to look"
    ),
    Kind(
        "review.decided",
        _HERE,
        body("next", outcome=OneOf(("reopened", "upheld")), message=LEAF, next=NEXT),
        _STAFF,
        "the decision and its reasons",
    ),
    Kind("case.reopened", _HERE, told(next=NEXT), _STAFF, "that the case is open again"),
    Kind("cases.linked", _HERE, body(cases=ListOf(STREAM, 1, 16)), _STAFF),
    Kind(
        "referral.proposed", _HERE, told(), _STAFF, "to whom, what would be sent, and what cannot be undone"
    ),
    Kind(
        "referral.consented", _HERE, told(referral=LEAF, sealed_by=SEALED_BY), _REPORTER, "what was agreed to"
    ),
    Kind(
        "consent.withdrawn",
        _HERE,
        told(referral=LEAF, sealed_by=SEALED_BY),
        _REPORTER,
        "what cannot be undone",
    ),
    Kind("referral.sent", _HERE, told(referral=LEAF, package=DIGEST, next=NEXT), _STAFF, "what was sent"),
)

_IDENTITY: Final = (
    Kind(
        "identity.requested",
        _HERE,
        body("order", room=STREAM, motive=LEAF, ground=OneOf(GROUNDS), order=LEAF),
        _STAFF,
        "that somebody asked, by role, and on which ground",
    ),
    Kind("identity.approved", _HERE, body(request=LEAF), ("custodian",), "that a custodian agreed"),
    Kind(
        "identity.refused",
        _HERE,
        body(request=LEAF, reason=LEAF),
        ("custodian",),
        "that a custodian refused",
    ),
    Kind(
        "share.released",
        _HERE,
        body(
            request=LEAF,
            shares=ListOf(Owned({"room": STREAM, "epoch": Count(1)}), 1),
            until=Day(),
        ),
        (HOLDER,),
    ),
    Kind(
        "identity.opened",
        _HERE,
        body(
            "message",
            "ground",
            "review",
            request=LEAF,
            # Of the identity's epochs the last one, to which nothing is added any more.
            epoch=Count(1),
            message=LEAF,
            ground=LEAF,
            review=Day(),
        ),
        (REQUESTER,),
        "who by role, when and why; or later, where a sealed ground says so",
    ),
    Kind("identity.expired", _HERE, body(request=LEAF), (THE_SERVICE,), "that the time is over"),
    Kind(
        "disclosure.ordered",
        _HERE,
        # `room`: where the note stands that says what the order says, and the ground, if any.
        body(
            "message",
            "ground",
            "review",
            room=STREAM,
            note=LEAF,
            message=LEAF,
            ground=LEAF,
            review=Day(),
        ),
        _STAFF,
        "beforehand and with reasons; or later, where a sealed ground says so",
    ),
    Kind(
        "disclosure.made",
        _HERE,
        body(order=LEAF, package=DIGEST),
        _STAFF,
        "that it was done, when it may be told",
    ),
    Kind(
        "recovery.requested",
        _HERE,
        body(person=PERSON, rooms=ListOf(STREAM, 1, 8)),
        (STAFF, "recovery"),
        "that somebody's lost access is being restored",
    ),
    Kind("recovery.approved", _HERE, body(request=LEAF), ("recovery",)),
)

_KEEPING: Final = (
    Kind("hold.placed", _HERE, body(), ("records",), "that the case is kept, unless that is forbidden"),
    Kind("hold.lifted", _HERE, body(hold=LEAF), ("records",)),
    Kind(
        "retention.started",
        _HERE,
        body("decision", earliest=Day(), latest=Day(), decision=LEAF),
        ("records", STAFF),
        "until when the case is kept",
    ),
    Kind(
        "payload.removed",
        _HERE,
        body(_PROPOSAL, "approved", payloads=ListOf(REFERENCE, 1), approved=LEAF, proposal=LEAF),
        (STAFF, "records"),
        "that something was removed",
    ),
    Kind("case.erased", _HERE, body(_PROPOSAL, proposal=LEAF), ("records", STAFF)),
)

KINDS: Final = (
    *_LIFE,
    *_IDENTITY,
    *_KEEPING,
    Kind(
        "payload.fetched",
        (READS,),
        body(case=STREAM, payloads=ListOf(DIGEST, 1)),
        ("whoever reads the room",),
        "who, by role, has read",
    ),
)
