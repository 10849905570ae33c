"""What the commands under `people` share: who acts where, and how an act of two people is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain.envelope import Event
from meyasubako.domain.people import Channel
from meyasubako.service.cli import options
from meyasubako.service.cli.acts import steward
from meyasubako.service.cli.connecting import one_person
from meyasubako.service.cli.failures import InputError
from meyasubako.service.cli.output import emit
from meyasubako.service.client.stewardship import Stewardship

Command = Callable[..., Any]

channel_option = click.option("--channel", default="main", show_default=True, help="Which channel.")
person_argument = click.argument("person", metavar="PERSON")


def as_somebody(command: Command) -> Command:
    """The options with which every command here finds the mechanism and says who acts."""
    for option in (options.as_json, options.proxy, options.passphrase_file, options.keyfile):
        command = option(command)
    return options.server("the handlers' API")(command)


@dataclass(frozen=True, slots=True)
class Asked:
    """Whoever acts, and how they are answered."""

    stewardship: Stewardship
    url: str
    as_json: bool

    def person(self, wanted: str, *, state: str = "active") -> tuple[str, str]:
        """Key id and name of the one person in this state of this name, or whose key id begins so."""
        mechanism, names = self.stewardship.known()
        there = {each: name for each, name in names.items() if mechanism.people[each].state == state}
        key_id = one_person(there, wanted)
        return key_id, there[key_id]

    def channel(self, name: str) -> Channel:
        """A channel that is open."""
        found = self.stewardship.known()[0].channels.get(name)
        if found is None or not found.open:
            raise InputError(f"there is no open channel {name}")
        return found

    def do(self, kind: str, body: Mapping[str, JsonValue], **facts: object) -> None:
        """Do it alone where one may, else propose it; and say which it was."""
        event, proposed = self.stewardship.do(kind, body)
        self.told(event, facts, proposed=proposed)

    def told(self, event: Event, facts: Mapping[str, object], *, proposed: bool) -> None:
        """Say what happened, and what comes next where it waits for a second person."""
        answer = {**facts, "state": "proposed" if proposed else "done", "leaf": event.leaf}
        if proposed and not self.as_json:
            answer["next"] = (
                f"a second person runs: meyasubako confirm {event.leaf[:12]} --at {self.url} --as …"
            )
        emit(answer, as_json=self.as_json)


def asked(given: dict[str, Any]) -> Asked:
    """Open the key file and reach the mechanism."""
    who = steward(given["url"], given["keyfile"], given["passphrase_file"], given["proxy"])
    return Asked(who, given["url"], given["as_json"])


def card_reference(digest: str) -> dict[str, JsonValue]:
    """A card as an event names it."""
    return {"ref": digest}
