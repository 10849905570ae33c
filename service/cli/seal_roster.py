"""People whom `seal -r NAME` can name: in a file of public lines, or on a mechanism's roster by its site.

What a site shows is verified against the mechanism's public log, and the mechanism by its fingerprint, before
anybody on it is believed.
"""

from dataclasses import dataclass
from typing import NamedTuple

from meyasubako.crypto.age import HybridRecipient


class Named(NamedTuple):
    """A person whom one can seal to."""

    name: str
    recipient: HybridRecipient


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which mechanism a site must show, what to put up with, and the proxy to go through."""

    fingerprint: str | None = None
    first_use: bool = False
    accept_stale: bool = False
    accept_unwitnessed: bool = False
    proxy: str | None = None


def is_address(roster: str) -> bool:
    """Whether this names a site and not a file."""
    return roster.startswith(("http://", "https://"))


def people_in(data: bytes) -> list[Named]:
    """The people of public lines, whose proofs of possession fit; `BadKeyError`."""
    from meyasubako.crypto.keyfile import parse_public_line  # noqa: PLC0415  # `seal` starts in no time

    lines = (line.removesuffix("\r") for line in data.decode("utf-8").split("\n"))
    people = [parse_public_line(line) for line in lines if line and not line.startswith("#")]
    return [Named(person.name, person.recipient) for person in people]


def people_at(url: str, wanted: Wanted) -> list[Named]:
    """Everybody who is active on the roster of the mechanism whose reporters' site this is.

    Raises what `sealed_report.look` raises, and `UnknownMechanismError` where nobody compares a fingerprint.
    """
    from meyasubako.service.cli import connecting  # noqa: PLC0415  # as above
    from meyasubako.service.client import sealed_report  # noqa: PLC0415
    from meyasubako.service.client.http import Http  # noqa: PLC0415
    from meyasubako.service.client.reporter import ReporterClient  # noqa: PLC0415

    offer = sealed_report.look(
        ReporterClient(Http(url, proxy=wanted.proxy)),
        fingerprint=wanted.fingerprint,
        accept_stale=wanted.accept_stale,
        accept_unwitnessed=wanted.accept_unwitnessed,
    )
    connecting.tell_seen(offer.verified)
    connecting.be_sure(offer.verified, wanted.fingerprint, first_use=wanted.first_use)
    active = (person for person in offer.verified.mechanism.people.values() if person.active)
    return [Named(offer.names[each.key_id], HybridRecipient.parse(each.recipient)) for each in active]
