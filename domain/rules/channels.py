"""Channels: opened once, asking what was published, with people and days that hold what they promise."""

from meyasubako.domain import roles
from meyasubako.domain.channels import KINDS, listed
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.registry import rule

_ROLES = {"custodians.appointed": "custodian", "recovery.appointed": "recovery"}


@rule(
    "channel-is-known",
    "a channel is opened once, and whatever is settled for one names one that is open",
    *sorted(KINDS),
)
def channel_is_known(ledger: Ledger, event: Event, _: int) -> str | None:
    known = ledger.mechanism.channels.get(event.text("channel"))
    if event.kind == "channel.opened":
        if known is not None:
            return "a channel of this name exists, or did: its name is not given again"
    elif known is None:
        return "there is no channel of this name"
    elif not known.open:
        return "the channel is closed"
    for name in ("card", "questionnaire"):
        card = event.body.get(name)
        if isinstance(card, dict) and card["ref"] not in ledger.mechanism.cards:
            return f"the {name} that is named was not published"
    return None


@rule(
    "letterbox-has-somebody-outside",
    "a letterbox collects for somebody outside, so there must be one",
    "channel.opened",
    "channel.changed",
)
def letterbox_has_somebody_outside(ledger: Ledger, event: Event, _: int) -> str | None:
    if event.body.get("letterbox") is not True:
        return None
    known = ledger.mechanism.channels.get(event.text("channel"))
    if known and known.fallback and ledger.mechanism.active(known.fallback):
        return None
    return "a letterbox needs somebody outside who reads what comes in: first appoint a fallback"


@rule(
    "fallback-is-outside",
    "where nobody inside may read, somebody outside does, who holds no share of who reported",
    "fallback.appointed",
    "custodians.appointed",
    "role.granted",
)
def fallback_is_outside(ledger: Ledger, event: Event, _: int) -> str | None:
    both = "the fallback reads reports, and is not a custodian of the same channel's identities"
    if event.kind == "fallback.appointed":
        person = ledger.mechanism.active(event.text("person"))
        if person is None or not person.has("outsider"):
            return "the fallback is an active person outside the organisation (role outsider)"
        return both if person.has("custodian", event.text("channel")) else None
    if event.kind == "custodians.appointed":
        known = ledger.mechanism.channels.get(event.text("channel"))
        return both if known and known.fallback in listed(event.body["people"]) else None
    role = event.text("role")
    known = ledger.mechanism.channels.get(roles.channel(role))
    if roles.name(role) == "custodian" and known and known.fallback == event.text("person"):
        return both
    return None


@rule(
    "holders-can-hold",
    "shares are given to people of the roster, enough of them, and recovery needs somebody outside",
    *_ROLES,
)
def holders_can_hold(ledger: Ledger, event: Event, _: int) -> str | None:
    role, channel = _ROLES[event.kind], event.text("channel")
    named = listed(event.body["people"])
    able = [ledger.mechanism.active(each) for each in named]
    if len(set(named)) != len(named):
        return "each of them is named once"
    if not all(person and person.has(role, channel) for person in able):
        return f"each of them is an active person with the role {role}:{channel}"
    if event.number("threshold") > len(named):
        return f"{event.number('threshold')} of {len(named)} people can never come together"
    if role == "recovery" and not any(person and person.has("outsider") for person in able):
        return "one of those who recover is outside the organisation (role outsider)"
    return None


@rule(
    "profile-is-sound",
    "the days of a profile can be kept: none ends before it begins, and none is said twice",
    "profile.adopted",
)
def profile_is_sound(_: Ledger, event: Event, __: int) -> str | None:
    deadlines, retention = event.records("deadlines"), event.records("retention")
    steps = [row["step"] for row in deadlines]
    items = [(row["item"], row["trigger"]) for row in retention]
    if len(set(steps)) != len(steps) or len(set(items)) != len(items):
        return "a step, or what is kept, is named once in a profile"
    if any(int(str(row.get("extended", row["days"]))) < int(str(row["days"])) for row in deadlines):
        return "an extended deadline is not before the deadline"
    if any("most" in row and int(str(row.get("least", 0))) > int(str(row["most"])) for row in retention):
        return "nothing is kept for longer than at most"
    return None
