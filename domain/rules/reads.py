"""Reads: a payload is given out only to somebody who may read it now, and only after it is written down."""

from meyasubako.domain import kinds
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.identity import may_be_shown
from meyasubako.domain.rules.registry import rule
from meyasubako.domain.rules.rooms import is_reader


@rule(
    "reads-are-ones-own",
    "each person has one reads stream a case, which nobody else writes",
    "payload.fetched",
)
def reads_are_ones_own(ledger: Ledger, event: Event, _: int) -> str | None:
    known = ledger.reads.get(event.stream)
    if known and (known.person, known.case) != (event.by, event.text("case")):
        return "a reads stream is one person's, of one case"
    return None if ledger.case(event.text("case")) else "the case does not exist"


@rule(
    "fetch-what-one-may-read",
    "what is fetched belongs to the case and to a room that the person reads now",
    "payload.fetched",
)
def fetch_what_one_may_read(ledger: Ledger, event: Event, _: int) -> str | None:
    digests = event.texts("payloads")
    known = ledger.reads.get(event.stream)
    if len(set(digests)) != len(digests) or (known and not known.payloads.isdisjoint(digests)):
        return "a payload is fetched once by each person"
    for digest in digests:
        if not may_fetch(ledger, event.by, event.text("case"), digest):
            return f"the payload {digest} is not one that this person may read now"
    return None


def may_fetch(ledger: Ledger, person: str, case_stream: str, digest: str) -> bool:
    """Whether the person reads, now, the room that the payload belongs to; a wrap only if it is theirs."""
    owner, case = ledger.owners.get(digest), ledger.case(case_stream)
    if owner is None or case is None or owner.case != case_stream:
        return False
    if case.state == "erased" or digest in case.keeping.removed:
        return False
    if owner.use == "shares":
        return _may_fetch_share(ledger, case, person, digest)
    room = ledger.room(case.rooms["report"] if owner.stream == case_stream else owner.stream)
    if owner.use == "identity" or (room is not None and room.name == kinds.IDENTITY):
        return may_be_shown(ledger, case, person)
    if room is None or not is_reader(ledger.mechanism, room, person):
        return False
    return owner.use != "wraps" or owner.reader == person


def _may_fetch_share(ledger: Ledger, case: Case, person: str, digest: str) -> bool:
    """A share is its holder's; a released one is for whoever it was released to, as long as it is out.

    Shares of an identity are fetched only once it is in the log how the reporter is told.
    """
    owner = ledger.owners[digest]
    if owner.reader != person or ledger.mechanism.active(person) is None:
        return False
    if owner.kind != "share.released":
        return True
    return any(
        request.standing and (request.is_recovery or may_be_shown(ledger, case, person))
        for request in case.requests.values()
        if digest in {share.digest for share in request.released}
    )
