"""What the handlers' API says of people, streams and the mechanism, as JSON."""

from collections.abc import Iterable, Sequence

from meyasubako.crypto.canonical import JsonValue, encode_base64
from meyasubako.crypto.keyfile import digest_fingerprint
from meyasubako.crypto.merkle import leaf_hash
from meyasubako.domain import envelope
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.people import Person
from meyasubako.domain.reach import reach
from meyasubako.service import shown
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.store.port import Row
from meyasubako.service.store.sqlite import Store


def person_view(person: Person) -> dict[str, JsonValue]:
    """A person's row of the roster, as the roster digest counts it, and their key id."""
    return {
        "key_id": person.key_id,
        "card": person.card,
        "enrolled": person.enrolled,
        "key": person.key,
        "recipient": person.recipient,
        "roles": list[JsonValue](sorted(person.roles)),
        "state": person.state,
        "usable_from": person.usable_from,
    }


def shown_indices(store: Store, indices: Iterable[int]) -> list[int]:
    """Events' places in the log as they are shown: -1 for what is not published yet.

    A place beyond that would tell how much others write, at the moment at which they do.
    """
    published = store.published()
    size = published.size if published else 0
    return [index if index < size else -1 for index in indices]


def event_rows(store: Store, rows: Sequence[Row]) -> list[JsonValue]:
    """Events as index and base64."""
    indices = shown_indices(store, (row.index for row in rows))
    return [
        {"index": index, "event": encode_base64(row.data)} for index, row in zip(indices, rows, strict=True)
    ]


def head_of(store: Store, ledger: Ledger, stream: str, stop: int | None) -> dict[str, JsonValue]:
    """The head of a stream as it is shown: its last event before seq `stop`, if that is given."""
    if stop is None:
        head = ledger.head(stream)
        return {"seq": head.seq, "leaf": head.leaf}
    before = next((row for row in store.stream(stream, stop - 1) if row.seq == stop - 1), None)
    return {"seq": stop - 1, "leaf": leaf_hash(before.data).hex() if before else ""}


def stream_view(
    mechanism: Mechanism,
    stream: str,
    start: int,
    stop: int | None,
    page: int,
    part: frozenset[str] = frozenset(),
) -> dict[str, JsonValue]:
    """A page of a stream's events from seq `start` on, those before seq `stop` only, and its head.

    Where `part` names kinds, only events of these.
    """
    rows = [
        row
        for row in mechanism.store.stream(stream, start)
        if (stop is None or row.seq < stop) and (not part or row.kind in part)
    ]
    return {
        "stream": stream,
        "events": event_rows(mechanism.store, rows[:page]),
        "more": len(rows) > page,
        "head": head_of(mechanism.store, mechanism.ledger(), stream, stop),
    }


def mechanism_view(mechanism: Mechanism) -> dict[str, JsonValue]:
    """What the mechanism is: origin, fingerprint, its stream and head, times, and its cards in base64."""
    ledger = mechanism.ledger()
    state = ledger.mechanism
    return {
        "origin": state.origin,
        "stream": state.stream,
        "founded": state.founded,
        "fingerprint": digest_fingerprint(bytes.fromhex(state.founded)),
        "head": head_of(mechanism.store, ledger, state.stream, None),
        "slot": state.last_marker.slot if state.last_marker else 0,
        "slot_hours": state.slot_hours,
        "waiting_hours": state.waiting_hours,
        "test": state.test,
        "cards": cards_view(mechanism),
    }


def cards_view(mechanism: Mechanism, before: int | None = None) -> dict[str, JsonValue]:
    """Every card that has not been erased, in base64 by its digest; those of events before an index only."""
    ledger, store = mechanism.ledger(), mechanism.store
    found: dict[str, JsonValue] = {}
    for digest in sorted(ledger.mechanism.cards):
        if (before is None or ledger.owners[digest].index < before) and store.has_payload(digest):
            with store.open_payload(digest) as file:
                found[digest] = encode_base64(file.read())
    return found


def reach_view(mechanism: Mechanism, key_id: str) -> list[JsonValue]:
    """Every case of which somebody was given a key: rooms, epochs, days, and how much was handed out to them.

    Without cases that are not shown yet: see `meyasubako.service.shown`.
    """
    hidden = shown.hidden(mechanism)
    return [
        {
            "case": each.case,
            "channel": each.channel,
            "state": each.state,
            "fetched": each.fetched,
            "alone": each.alone,
            "rooms": [
                {
                    "room": room.name,
                    "epochs": list[JsonValue](room.epochs),
                    "reads_now": room.reads_now,
                    "alone": room.alone,
                    **_days(mechanism.store, room.stream, key_id),
                }
                for room in each.rooms
            ],
        }
        for each in reach(mechanism.ledger(), key_id)
        if hidden.get(each.case) != 1
    ]


def _days(store: Store, stream: str, key_id: str) -> dict[str, JsonValue]:
    """On which day somebody was first given a key of a room, and on which one it was last taken away."""
    since = until = ""
    for row in store.stream(stream):
        event = envelope.read(row.data)
        readers = [str(wrap.get("reader", "")) for wrap in event.records("wraps")]
        if event.kind == "access.granted":
            readers = [event.text("reader")]
        if key_id in readers:
            since, until = since or event.at.isoformat(), ""
        elif event.kind == "access.revoked" and event.text("reader") == key_id:
            until = event.at.isoformat()
    return {"since": since, "until": until}
