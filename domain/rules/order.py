"""What holds for every event: one log, dense streams, days between their markers, digests owned once."""

from datetime import timedelta

from meyasubako.crypto import age
from meyasubako.domain import kinds, reading, sealing
from meyasubako.domain.envelope import Event
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.rules.registry import rule

ONE_DAY = timedelta(days=1)
_BEGINS = frozenset({"report.submitted", "room.opened"})


@rule("founded-first", "leaf 0 founds the mechanism, and nothing founds it again")
def founded_first(ledger: Ledger, event: Event, index: int) -> str | None:
    if (index == 0) != (event.kind == "mechanism.founded"):
        return "a log begins with mechanism.founded and holds it once"
    if index and event.log != ledger.mechanism.origin:
        return "the event was written for another log"
    return None


@rule(
    "stream-is-whole", "sequences are dense and prev names the stream's last leaf, so nothing can be left out"
)
def stream_is_whole(ledger: Ledger, event: Event, _: int) -> str | None:
    head = ledger.head(event.stream)
    if event.seq != head.seq + 1:
        return f"event {event.seq} follows event {head.seq} of its stream"
    if event.prev != head.leaf:
        return "prev is not the leaf hash of the stream's last event"
    return None


@rule("kind-fits-stream", "each sort of stream holds its own kinds, and a sort has one way to begin")
def kind_fits_stream(ledger: Ledger, event: Event, _: int) -> str | None:
    if event.seq == 1:
        sort = kinds.OPENING.get(event.kind)
        if sort is None:
            return f"no stream begins with {event.kind}"
        if sort == kinds.COVERS and kinds.COVERS in ledger.sorts.values():
            return "a log has one stream of covers"
        return None
    # What is proposed stands where it will be done.
    proposed = event.kind == "act.proposed"
    kind, version = (event.text("kind"), event.number("v")) if proposed else (event.kind, event.v)
    if ledger.sorts.get(event.stream) not in kinds.KINDS[kind, version].streams:
        return f"{event.kind} does not stand in this sort of stream"
    if event.kind in _BEGINS:
        return f"{event.kind} is the first event of its stream"
    return None


@rule("day-after-marker", "an event's day lies, give or take a day, after the slot marker before it")
def day_after_marker(ledger: Ledger, event: Event, index: int) -> str | None:
    marker = ledger.mechanism.last_marker
    earliest = marker.day if marker else ledger.mechanism.founded_on
    if index and event.at < earliest and earliest - event.at > ONE_DAY:
        return f"the day {event.at} is before the last slot marker's, {earliest}"
    return None


@rule("digest-owned-once", "a payload belongs to one event, so that erasing it harms no other", *kinds.OWNING)
def digest_owned_once(ledger: Ledger, event: Event, _: int) -> str | None:
    owned = ledger.owned(event)
    for payload in owned:
        if payload.digest in ledger.owners:
            return f"the payload {payload.digest} is named as its own by another event"
    if len(owned) > 1 and len({payload.digest for payload in owned}) < len(owned):
        return "a payload is named as its own twice"
    return None


@rule(
    "wrap-size",
    "a wrap holds exactly one room key, so its size is one and the same",
    "room.opened",
    "room.advanced",
    "access.granted",
)
def wrap_size(_: Ledger, event: Event, __: int) -> str | None:
    if any(wrap["size"] != age.WRAP_SIZE for wrap in event.records("wraps")):
        return f"a wrap is exactly {age.WRAP_SIZE} bytes"
    return None


@rule(
    "text-size",
    "a text is opened in memory, so nobody can write one that stops whoever reads it; files are not texts",
    *reading.TEXTS,
)
def text_size(ledger: Ledger, event: Event, _: int) -> str | None:
    use = reading.TEXTS[event.kind]
    for payload in ledger.owned(event):
        if payload.use == use and payload.size > sealing.TEXT_LIMIT:
            return f"a sealed text is at most {sealing.TEXT_LIMIT} bytes: send the rest as a file"
    return None
