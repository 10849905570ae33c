"""Codes of the domain in plain words, for a person who has never seen our software.

Every state and role that a mailbox can show has a sentence here; a code without one is shown as the most
general sentence rather than as a code.
"""

from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

_RECEIVED: Final = _l("Your report has arrived. Nobody has confirmed it yet.")
_OPEN: Final = _l("Your report is being worked on.")
_PERSON: Final = _l("A person who works on reports")

STATES: Final[dict[str, LazyString]] = {
    "submitted": _RECEIVED,
    "acknowledged": _l("Somebody has read your report and confirmed that it arrived."),
    "screening": _l("Your report is being checked: whether this is the right place, and what comes next."),
    "waiting_for_reporter": _l("We asked you something and wait for your answer. You do not have to answer."),
    "eligible": _l("Your report is accepted. The next steps are being prepared."),
    "partly_eligible": _l("A part of your report is accepted. The messages below say which part."),
    "ineligible": _l("Your report was not accepted here. The messages below say why, and where else to go."),
    "assessment": _l("Your report is accepted. We are looking at how it can best be solved."),
    "in_dialogue": _l("We are talking with the organisation to find a solution."),
    "in_mediation": _l("A mediator is helping both sides to find a solution."),
    "in_investigation": _l("What you reported is being investigated."),
    "findings": _l("The investigation has ended. The result is being written down."),
    "remedy_plan": _l("What has to be done is being decided."),
    "monitoring": _l("What has to be done is decided. We are checking that it is done."),
    "closed": _l("The work on your report has ended. You can still write here."),
    "review": _l("You asked for a second look. Other people are looking at the decision."),
    "retained": _l("The work on your report has ended. It is kept for a time that the law fixes."),
    "erased": _l("The work has ended, and what you sent was deleted."),
}

ROLES: Final[dict[str, LazyString]] = {
    "intake": _l("Person who receives reports"),
    "handler": _l("Person who works on reports"),
    "mediator": _l("Mediator"),
    "custodian": _l("Person who guards names"),
    "fallback": _l("Person outside the organisation"),
    "outsider": _l("Person outside the organisation"),
    "recovery": _l("Person who can help if keys are lost"),
    "steward": _l("Person who runs the service"),
    "translator": _l("Translator"),
    "panel": _l("Member of a panel"),
    "representative": _l("Person who speaks for whoever reported"),
    "respondent": _l("Person who answers for the organisation"),
}

ROOMS: Final[dict[str, LazyString]] = {
    "report": _l("your report and its files"),
    "dialogue": _l("the messages in this mailbox"),
    "team": _l("notes among the people who work on it"),
    "mediation": _l("the mediation"),
    "identity": _l("your name and contact"),
}


def state_sentence(code: str) -> LazyString:
    """What is happening to a report, in one sentence."""
    return STATES.get(code, _OPEN)


def role_name(code: str) -> LazyString:
    """What somebody does, without a name."""
    return ROLES.get(code, _PERSON)


def room_name(code: str) -> LazyString | str:
    """What was read or opened."""
    return ROOMS.get(code, code)
