"""From the options of a command to a mechanism: its doors, its verified people, their names."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import click

from meyasubako.crypto.keyfile import KeyPair, digest_fingerprint
from meyasubako.domain.people import Mechanism
from meyasubako.service.cli.failures import InputError
from meyasubako.service.cli.output import console
from meyasubako.service.client import roster
from meyasubako.service.client.cards import names
from meyasubako.service.client.desk import Desk
from meyasubako.service.client.errors import UnknownMechanismError
from meyasubako.service.client.handler import HandlerClient
from meyasubako.service.client.http import Http
from meyasubako.service.client.pins import Demands, Pins, verify_known
from meyasubako.service.client.roster import VerifiedMechanism
from meyasubako.service.client.stewardship import mechanism_shown
from meyasubako.service.clocks import system_clock
from meyasubako.service.errors import WrongMechanismError


@dataclass(frozen=True)
class Connection:
    """A handler's connection to one mechanism."""

    client: HandlerClient
    desk: Desk
    people: "People"
    pair: KeyPair = field(repr=False)

    def name(self, key_id: str) -> str:
        """Somebody's name as the mechanism's cards give it, or the beginning of their key id."""
        return self.people.names.get(key_id, key_id[:8])

    def person(self, wanted: str) -> str:
        """The key id of the one person with this name, or whose key id begins so."""
        hint = "" if not self.people.verified else ". Somebody new is known from the next checkpoint on"
        return one_person(self.people.active, wanted, hint)


def one_person(names: Mapping[str, str], wanted: str, hint: str = "") -> str:
    """The key id of the one person of this name, or whose key id begins so; `names` by key id."""
    found = [
        key_id
        for key_id, name in names.items()
        if name.casefold() == wanted.casefold() or (len(wanted) >= 6 and key_id.startswith(wanted))
    ]
    if len(found) > 1:
        keys = ", ".join(key_id[:8] for key_id in found)
        raise InputError(f"several keys are {wanted!r}'s: give the beginning of one of {keys}")
    if not found:
        known = ", ".join(sorted(names.values()))
        raise InputError(f"{wanted!r} is not one person's name here; known are: {known}{hint}")
    return found[0]


class People:
    """Who is on the mechanism's roster: verified by its log where the log's address is known."""

    def __init__(self, client: HandlerClient, log: Http | None, demands: Demands) -> None:
        self._client = client
        self._log = log
        self._demands = demands
        self._pins = Pins()
        self._told = False

    @property
    def verified(self) -> bool:
        """Whether `roster` is verified by the mechanism's log."""
        return self._log is not None

    def roster(self) -> Mechanism:
        """The mechanism's people now. Without a log's address only signatures and founding are checked.

        What is known of the mechanism is looked up under its origin, and it is told once who has seen the
        list.
        """
        if self._log is not None:
            origin, today = self._client.mechanism().origin, system_clock().date()
            found = verify_known(roster.from_log(self._log), origin, today, self._demands, self._pins)
            if not self._told:
                tell_seen(found)
                self._told = True
            return found.mechanism
        mechanism = mechanism_shown(self._client).mechanism
        shown = digest_fingerprint(bytes.fromhex(mechanism.founded))
        wanted = self._demands.fingerprint
        if wanted is not None and wanted.split() != shown.split():
            raise WrongMechanismError(f"this mechanism's fingerprint is {shown}, not the one you were given")
        return mechanism

    def newest(self, wanted: str) -> str:
        """The key id of the one person of this name, by the key that they have now."""
        people = self.roster().people
        replaced = {person.replaces for person in people.values()}
        return one_person({key: name for key, name in self.names.items() if key not in replaced}, wanted)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Key id to name."""
        return self._listed[1]

    @cached_property
    def active(self) -> Mapping[str, str]:
        """Key id to name of those who may act; a key that was replaced leaves its name to the new one."""
        roster, named = self._listed
        return {key_id: name for key_id, name in named.items() if roster.people[key_id].active}

    @cached_property
    def _listed(self) -> tuple[Mechanism, Mapping[str, str]]:
        roster = self.roster()
        return roster, names(roster, self._client.mechanism().cards)


def tell_seen(verified: VerifiedMechanism) -> None:
    """Say on standard error of which day the list of readers is, and how many witnesses have seen it."""
    console(sys.stderr).print(
        f"[dim]readers as of {verified.marker.day} (slot {verified.marker.slot}), "
        f"seen by {verified.seen_by}[/]"
    )


def connect(
    url: str, pair: KeyPair, *, log_url: str | None, demands: Demands, proxy: str | None
) -> Connection:
    """Connect to a handlers' door as this person."""
    client = handler_client(url, pair, proxy)
    people = People(client, Http(log_url, proxy=proxy) if log_url else None, demands)
    return Connection(client, Desk(client, pair, people.roster, verified=people.verified), people, pair)


def handler_client(url: str, pair: KeyPair, proxy: str | None) -> HandlerClient:
    """The handlers' door, each request signed by this person."""
    return HandlerClient(Http(url, proxy=proxy, key=pair.signing))


def be_sure(verified: VerifiedMechanism, fingerprint: str | None, *, first_use: bool) -> None:
    """For those who keep no file: the fingerprint was given, or somebody compares it now.

    Raises `UnknownMechanismError` where there is nobody to ask.
    """
    if fingerprint is not None or first_use:
        return
    if not sys.stdin.isatty():
        raise UnknownMechanismError("it was not said which mechanism this must be")
    click.echo(f"fingerprint  {verified.fingerprint}", err=True)
    click.confirm("Is this the fingerprint on the mechanism's poster?", abort=True, err=True)
