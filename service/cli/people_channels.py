"""`people`: what two people settle for a channel: who holds shares, who stands outside, which laws count."""

from typing import Any

import click
from rich.console import Console

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain.people import Channel
from meyasubako.domain.profiles import ProfileFile
from meyasubako.service import profiles
from meyasubako.service.cli import options
from meyasubako.service.cli.failures import Commands, InputError
from meyasubako.service.cli.output import emit, plain, table
from meyasubako.service.cli.people_acts import people
from meyasubako.service.cli.people_options import (
    as_somebody,
    asked,
    card_reference,
    channel_option,
    person_argument,
)

__all__ = ["people"]

_TOO_FEW = {
    "custodians.appointed": "this is one custodian; an identity block needs two, outside the handling team",
    "recovery.appointed": "this names one person; recovery needs two at least, one of them an outsider",
}

_holders = click.argument("persons", nargs=-1, required=True, metavar="PERSON…")
_threshold = click.option(
    "--threshold", default=2, show_default=True, help="How many of them open one together."
)


@people.command(epilog=options.example("meyasubako people custodians Lee Noor --at URL --as dan.key"))
@_holders
@_threshold
@channel_option
@as_somebody
def custodians(persons: tuple[str, ...], *, threshold: int, channel: str, **given: Any) -> None:
    """Propose who is given shares of reporters' identities from now on (role custodian)."""
    _appoint("custodians.appointed", persons, threshold, channel, given)


@people.command(epilog=options.example("meyasubako people recovery Lee Noor --at URL --as dan.key"))
@_holders
@_threshold
@channel_option
@as_somebody
def recovery(persons: tuple[str, ...], *, threshold: int, channel: str, **given: Any) -> None:
    """Propose who together can recover what a lost key closed (role recovery; one of them an outsider)."""
    _appoint("recovery.appointed", persons, threshold, channel, given)


def _appoint(
    kind: str, persons: tuple[str, ...], threshold: int, channel: str, given: dict[str, Any]
) -> None:
    if len(persons) < 2:
        raise InputError(_TOO_FEW[kind])
    who = asked(given)
    found = [who.person(each) for each in persons]
    body: dict[str, JsonValue] = {
        "channel": channel,
        "people": [key_id for key_id, _ in found],
        "threshold": threshold,
    }
    who.do(kind, body, act=kind, people=[name for _, name in found], threshold=threshold, channel=channel)


@people.command(epilog=options.example('meyasubako people fallback "Lee Law" --at URL --as dan.key'))
@person_argument
@channel_option
@as_somebody
def fallback(person: str, *, channel: str, **given: Any) -> None:
    """Propose who outside reads where nobody inside may (role outsider, no custodian of the channel)."""
    who = asked(given)
    key_id, name = who.person(person)
    who.do("fallback.appointed", {"channel": channel, "person": key_id}, fallback=name, channel=channel)


@people.command(epilog=options.example("meyasubako people letterbox on --at URL --as dan.key"))
@click.argument("switch", type=click.Choice(["on", "off"]))
@channel_option
@as_somebody
def letterbox(switch: str, *, channel: str, **given: Any) -> None:
    """Propose that a channel collects for somebody outside, or does so no longer.

    In a letterbox reports are sealed to the fallback alone, and the reporter's site says so.
    """
    who = asked(given)
    body = _as_it_is(who.channel(channel))
    who.do("channel.changed", {**body, "letterbox": switch == "on"}, channel=channel, letterbox=switch)


@people.command(
    "change-channel",
    epilog=options.example("meyasubako people change-channel --draw 2 --at URL --as dan.key"),
)
@channel_option
@click.option(
    "--draw", type=click.IntRange(0, 64), help="Seal each report to so many drawn at random; 0: all."
)
@click.option("--languages", help="Languages in which somebody answers, with commas between.")
@as_somebody
def change_channel(channel: str, *, draw: int | None, languages: str | None, **given: Any) -> None:
    """Propose another number of readers drawn, or other languages."""
    if draw is None and languages is None:
        raise click.UsageError("Give --draw, or --languages, or both.")
    who = asked(given)
    body = _as_it_is(who.channel(channel))
    if draw is not None:
        body["draw"] = draw
    if languages is not None:
        body["languages"] = [language.strip() for language in languages.split(",")]
    who.do("channel.changed", body, channel=channel, draw=body["draw"], languages=body["languages"])


@people.command(
    "close-channel",
    epilog=options.example("meyasubako people close-channel --channel old --at URL --as dan.key"),
)
@channel_option
@as_somebody
def close_channel(channel: str, **given: Any) -> None:
    """Propose that nothing is reported on a channel any more, for good. Its cases go on."""
    who = asked(given)
    who.channel(channel)
    who.do("channel.closed", {"channel": channel}, channel=channel)


@people.command(
    "open-channel",
    epilog=options.example("meyasubako people open-channel second --like main --at URL --as dan.key"),
)
@click.argument("name")
@click.option(
    "--like", default="main", show_default=True, help="Take cards, languages and draw from this one."
)
@as_somebody
def open_channel(name: str, *, like: str, **given: Any) -> None:
    """Propose another channel, for people of its own, with the cards of one that is open."""
    who = asked(given)
    body = {**_as_it_is(who.channel(like)), "channel": name}
    who.do("channel.opened", body, channel=name)


def _as_it_is(channel: Channel) -> dict[str, JsonValue]:
    """The body of a `channel.changed` that changes nothing."""
    body: dict[str, JsonValue] = {
        "channel": channel.channel,
        "card": card_reference(channel.card),
        "questionnaire": card_reference(channel.questionnaire),
        "draw": channel.draw,
        "languages": list[JsonValue](channel.languages),
    }
    return {**body, "letterbox": True} if channel.letterbox else body


@people.group(cls=Commands)
def profile() -> None:
    """Laws and practice as data: deadlines, how long something is kept, whom one may turn to outside."""


@profile.command("list", epilog=options.example("meyasubako people profile list"))
@options.as_json
def list_profiles(*, as_json: bool) -> None:
    """List the profiles that come with the software."""
    found = [profiles.load(name) for name in profiles.names()]

    def show(out: Console) -> None:
        made = table("name", "of", "what", "checked")
        for each in found:
            made.add_row(each.name, plain(each.jurisdiction), plain(each.title), _status(each))
        out.print(made)

    rows = [
        {"name": each.name, "jurisdiction": each.jurisdiction, "title": each.title, "verified": each.verified}
        for each in found
    ]
    emit({"profiles": rows}, as_json=as_json, show=show)


@profile.command("show", epilog=options.example("meyasubako people profile show de-hinschg"))
@click.argument("name", metavar="NAME_OR_FILE")
@options.as_json
def show_profile(name: str, *, as_json: bool) -> None:
    """Show a profile: each number and body outside, where it is from, and whether somebody checked that."""
    found = profiles.load(name)

    def show(out: Console) -> None:
        out.print(plain(found.title))
        draw_profile(out, found)

    emit({**_facts(found), "text": profiles.text_of(name)}, as_json=as_json, show=show)


@profile.command(epilog=options.example("meyasubako people profile adopt de-hinschg --at URL --as dan.key"))
@click.argument("name", metavar="NAME_OR_FILE")
@channel_option
@as_somebody
def adopt(name: str, *, channel: str, **given: Any) -> None:
    """Propose that a channel takes a profile. Several hold at once: the earliest date counts.

    NAME_OR_FILE is a profile that comes with the software, or a file of your own (TOML). The bodies outside
    that it names are shown on the reporter's site. Whatever is not verified is confirmed first, by counsel
    or by a call: it is printed which numbers and bodies those are.
    """
    found, text = profiles.load(name), profiles.text_of(name)
    who = asked(given)
    event, proposed = who.stewardship.adopt(found, text, channel)
    facts = {"profile": found.name, "channel": channel, "unverified": _facts(found)["unverified"]}
    who.told(event, facts, proposed=proposed)


@profile.command(epilog=options.example("meyasubako people profile drop jp-wpa --at URL --as dan.key"))
@click.argument("name")
@channel_option
@as_somebody
def drop(name: str, *, channel: str, **given: Any) -> None:
    """Propose that a profile counts no longer: for reports from then on, and for what is not closed yet.

    The bodies outside that it names are not shown any more.
    """
    who = asked(given)
    known = who.channel(channel).profiles
    if name not in known:
        raise InputError(f"{channel} has no profile {name}; it has: {', '.join(sorted(known)) or 'none'}")
    body: dict[str, JsonValue] = {"channel": channel, "profile": name, "deadlines": [], "retention": []}
    who.do("profile.adopted", body, dropped=name, channel=channel)


def _status(found: ProfileFile) -> str:
    return "all of it" if found.verified else "NOT all of it"


def _facts(found: ProfileFile) -> dict[str, object]:
    return {
        "name": found.name,
        "title": found.title,
        "jurisdiction": found.jurisdiction,
        "verified": found.verified,
        "unverified": [
            *(f"{row.step}: {row.source}" for row in found.deadline if row.status != "verified"),
            *(f"{row.item}: {row.source}" for row in found.retention if row.status != "verified"),
            *(f"{row.name}: {row.source}" for row in found.outside if row.status != "verified"),
        ],
        "note": found.note,
    }


def draw_profile(out: Console, found: ProfileFile) -> None:
    """A profile's numbers as a table, and below it to whom a reporter may turn outside."""
    made = table("what", "days", "source", "reviewed", "status")
    for deadline in found.deadline:
        days = f"{deadline.days}{' working' if deadline.working else ''}"
        days += f", at most {deadline.extended}" if deadline.extended else ""
        made.add_row(
            deadline.step, days, plain(deadline.source), deadline.reviewed_on.isoformat(), deadline.status
        )
    for kept in found.retention:
        bounds = [f"at least {kept.least}"] if kept.least else []
        bounds += [f"at most {kept.most}"] if kept.most else []
        what = f"{kept.item} from {kept.trigger}"
        made.add_row(what, ", ".join(bounds), plain(kept.source), kept.reviewed_on.isoformat(), kept.status)
    if made.row_count:
        out.print(made)
    for body in found.outside:
        called = body.name if body.english == body.name else f"{body.name} ({body.english})"
        out.print(f"{plain(called)}, for {body.purpose}: {plain(', '.join(body.addresses))}")
        spoken = f"in {', '.join(body.languages)}; " if body.languages else ""
        checked = f"{body.status} {body.reviewed_on.isoformat()}"
        out.print(f"  [dim]{plain(spoken)}{checked}: {plain(body.source)}[/]")
        if body.note:
            out.print(f"  [dim]{plain(body.note)}[/]")
    for note in (found.note, *(row.note for row in found.deadline), *(row.note for row in found.retention)):
        if note:
            out.print(f"[dim]{plain(note)}[/]")
