"""Reads: a payload is given out only to somebody who may read it now, and only after it is written down."""

from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.registry import rule
from meyasubako.domain.rules.rooms import is_staff


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
    named = event.body["payloads"]
    digests = [str(digest) for digest in named] if isinstance(named, list) else []
    known = ledger.reads.get(event.stream)
    if len(set(digests)) != len(digests) or (known and known.payloads & set(digests)):
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
    room = ledger.room(case.rooms["report"] if owner.stream == case_stream else owner.stream)
    if room is None or not is_staff(ledger.mechanism, room, person):
        return False
    return owner.use != "wraps" or owner.reader == person
