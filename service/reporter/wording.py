"""Codes of the domain in plain words, for a person who has never seen our software.

Every state and role that a mailbox can show has a sentence here; a code without one is shown as the most
general sentence rather than as a code.
"""

from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from meyasubako.domain.profiles import Outside
from meyasubako.service.reporter.languages import current

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
    "respondent": _l("Person who answers for the organisation"),
    "representative": _l("Person who speaks for whoever reported"),
}

ROOMS: Final[dict[str, LazyString]] = {
    "report": _l("your report and its files"),
    "dialogue": _l("the messages in this mailbox"),
    "team": _l("notes among the people who work on it"),
    "mediation": _l("the mediation"),
    "respondent": _l("what was told to the organisation"),
    "identity": _l("your name and contact"),
}

# What a reporter can ask for, by the first part of its code, or by all of it.
WISHES: Final[dict[str, LazyString]] = {
    "path:dialogue": _l("I want to talk with the organisation."),
    "path:mediation": _l("I want a mediator to help both sides."),
    "path:investigation": _l("I want an investigation."),
    "review": _l("I ask other people to look at the decision again."),
    "consent": _l("I agree that it is sent to those whom you named."),
    "unconsent": _l("I take back my agreement to send it to others."),
    "view:satisfied": _l("I am satisfied with the result."),
    "view:partly": _l("I am satisfied with a part of the result."),
    "view:not": _l("I am not satisfied with the result."),
    "checkin": _l("I answer the question how I am."),
    "withdraw": _l("I want to withdraw my report."),
    "close": _l("I want this code to open nothing any more."),
}
# What somebody should know before they ask for it.
WARNINGS: Final[dict[str, LazyString]] = {
    "consent": _l(
        "It is sent in a week at the earliest. Until then you can take it back here. What was sent cannot be "
        "called back."
    ),
    "withdraw": _l(
        "Does somebody press you to do this? Then write it here, if you can. Nothing ends at once: we ask you"
        " back first, and two people look at it. What you told us may still be looked into, without you."
    ),
    "close": _l("This cannot be undone. You can still write, but you will never read an answer here again."),
}


# What was asked about a reporter, or done.
HAPPENED: Final[dict[str, LazyString]] = {
    "requested": _l("Somebody asked the people who guard names who you are."),
    "requested: danger": _l("Somebody asked who you are, because somebody may be in danger."),
    "requested: court": _l("Somebody asked who you are, because a court ordered it."),
    "approved": _l("One of the people who guard names agreed."),
    "refused": _l("One of the people who guard names refused. This request is over."),
    "opened": _l("One person was shown who you are. They wrote to you above."),
    "expired": _l("The time is over. This request opens nothing any more."),
    "ordered": _l("A court ordered us to hand something over."),
    "disclosed": _l("Something was handed over to the court."),
    "recovery requested": _l("Somebody lost a key. The people who can help were asked to give access back."),
}


# What bodies outside are for.
OUTSIDE: Final[dict[str, LazyString]] = {
    "emergency": _l("Danger now"),
    "labour": _l("Work, pay and safety"),
    "human_rights": _l("Human rights, unequal treatment"),
    "breaches": _l("Breaking a law, protection for whoever reports it"),
    "legal_advice": _l("Advice about the law"),
    "migrants": _l("Help for people from other countries"),
    "data_protection": _l("Personal data"),
    "finance": _l("Banks, insurance, stock market"),
    "business": _l("Complaints about international companies"),
}


def outside_label(purpose: str) -> LazyString:
    """What a body outside is for, as its kind is called on the page."""
    return OUTSIDE[purpose]


def answered_in(body: Outside) -> str:
    """The language to name beside a body outside: the reader's own if somebody answers in it, else English.

    Nothing for its own language, which its name tells.
    """
    own = current()
    found = next((tag for tag in (own, "en") if tag in body.languages), "")
    return "" if body.language in (own, found) else found


def happened_sentence(code: str) -> LazyString | str:
    """What was asked about a reporter, or done, in a sentence."""
    return HAPPENED.get(code, "")


def wish_label(code: str) -> LazyString | str:
    """What somebody says who asks for this."""
    return WISHES.get(code, WISHES.get(code.partition(":")[0], ""))


def wish_warning(code: str) -> LazyString | str:
    """What they should know before."""
    return WARNINGS.get(code.partition(":")[0], "")


def state_sentence(code: str) -> LazyString:
    """What is happening to a report, in one sentence."""
    return STATES.get(code, _OPEN)


def role_name(code: str) -> LazyString:
    """What somebody does, without a name."""
    return ROLES.get(code, _PERSON)


def room_name(code: str) -> LazyString | str:
    """What was read or opened."""
    return ROOMS.get(code, code)
