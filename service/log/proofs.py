"""The mechanism's public stream, each event with a proof that it stands in the published tree."""

from collections.abc import Sequence

from meyasubako.crypto.canonical import JsonValue, encode_base64
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.proofs import published_path
from meyasubako.service.store.port import Published, Row
from meyasubako.service.store.sqlite import Store

PAGE = 500


def public_stream(mechanism: Mechanism, start: int) -> dict[str, JsonValue]:
    """The published events of the mechanism's stream from seq `start` on, a page of them, with the
    checkpoint.
    """
    published = mechanism.store.published()
    if published is None:
        return {"events": [], "checkpoint": ""}
    stream = mechanism.ledger().mechanism.stream
    rows = [row for row in mechanism.store.stream(stream, start) if row.index < published.size]
    return {
        "events": proven(mechanism.store, published, rows[:PAGE]),
        "checkpoint": published.note.decode(),
    }


def proven(store: Store, published: Published, rows: Sequence[Row]) -> list[JsonValue]:
    """Each event in base64, its index, and its inclusion path in the published tree, in base64."""
    return [
        {
            "event": encode_base64(row.data),
            "index": row.index,
            "proof": [encode_base64(each) for each in published_path(store, published, row.index)],
        }
        for row in rows
    ]
