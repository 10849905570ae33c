"""Retention: nothing is erased under a hold or before its time, and nothing is written into what is gone."""

from datetime import date
from typing import Final

from meyasubako.domain import keeping, kinds, rooms
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.registry import rule

_IN_ROOMS: Final = tuple(kind.name for kind in kinds.KINDS.values() if kinds.ROOM in kind.streams)
# What may still happen in a room of a case that is only kept: access is taken away, a mailbox is closed.
_AFTERWARDS: Final = frozenset(
    {"access.revoked", "mailbox.closed_to_reading", "wrap.disputed", "share.checked", "share.disputed"}
)


@rule(
    "nothing-under-a-hold",
    "what somebody ordered to be kept is not destroyed",
    "payload.removed",
    "case.erased",
)
def nothing_under_a_hold(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case_of(event)
    return "a hold stands on this case" if case and case.keeping.holds else None


@rule("hold-stands", "a hold is lifted once, by its name", "hold.lifted")
def hold_stands(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case_of(event)
    stands = case is not None and event.text("hold") in case.keeping.holds
    return None if stands else "no such hold stands on this case"


@rule(
    "window-keeps-the-rules",
    "a case is kept as long as the rules of its channel say; where these conflict, people decide",
    "retention.started",
)
def window_keeps_the_rules(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case_of(event)
    if case is None or case.decided_on is None:
        return "the case was not closed"
    channel = ledger.mechanism.channels[case.channel]
    allowed = keeping.window(channel.profiles.values(), case.submitted_on, case.decided_on)
    earliest = date.fromisoformat(event.text("earliest"))
    latest = date.fromisoformat(event.text("latest"))
    if earliest > latest:
        return "the window ends before it begins"
    if not allowed.conflict:
        if allowed.earliest <= earliest and latest <= allowed.latest:
            return None
        return f"the rules that hold give {allowed.earliest} to {allowed.latest}"
    # A note never goes away, so that this needs no guard against what is written meanwhile.
    team = [room for room in ledger.rooms_of(case.stream) if room.name == "team"]
    decision = str(event.body.get("decision", ""))
    if not any(decision in room.notes for room in team):
        return (
            "the rules that hold conflict: the decision stands in a note of the team room, which this names"
        )
    if latest < allowed.latest or earliest > allowed.earliest:
        return "the decision lies between the days that the rules name"
    return None


@rule("erased-in-time", "a case is erased when its time has come, not before", "case.erased")
def erased_in_time(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case_of(event)
    earliest = case.keeping.earliest if case else None
    if earliest is None:
        return "the case's retention has not been started"
    return None if event.at >= earliest else f"the case is kept until {earliest}"


@rule(
    "erasers-are-apart",
    "one of the two who erase keeps the records and does not read the case",
    "case.erased",
)
def erasers_are_apart(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case_of(event)
    report = ledger.room(case.rooms["report"]) if case else None
    proposal = case.proposals.get(str(event.body.get("proposal"))) if case else None
    if report is None or proposal is None:
        return "nobody proposed this erasure"
    readers = rooms.present(report, ledger.mechanism)
    for key_id in (event.by, proposal.by):
        person = ledger.mechanism.active(key_id)
        if person and person.has("records") and key_id not in readers:
            return None
    return "neither of the two is a records custodian who does not read the case"


@rule(
    "removed-is-the-cases-own",
    "only what the case itself brought is removed, once; a recording when its reporter has approved the text",
    "payload.removed",
)
def removed_is_the_cases_own(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case_of(event)
    if case is None:
        return "the case does not exist"
    for named in event.records("payloads"):
        digest = str(named["ref"])
        owner = ledger.owners.get(digest)
        if owner is None or owner.case != case.stream or owner.use in ("wraps", "shares"):
            return f"the payload {digest} is not a text or a file of this case"
        if digest in case.keeping.removed:
            return f"the payload {digest} was removed already"
    approved = event.body.get("approved")
    if approved is not None:
        dialogue = ledger.room(case.rooms["dialogue"])
        if dialogue is None or dialogue.messages.get(str(approved)) != case.reporter:
            return "the approval that this names is not a message of the case's reporter"
    return None


@rule("kept-is-silent", "nothing is said any more in a case that is only kept, or is erased", *_IN_ROOMS)
def kept_is_silent(ledger: Ledger, event: Event, _: int) -> str | None:
    case = ledger.case_of(event)
    if case is None or case.state not in ("retained", "erased"):
        return None
    if case.state == "retained" and event.kind in _AFTERWARDS:
        return None
    return f"the case is {case.state}"
