"""Who reads, with what proves it, in a size that does not grow with the log: what a page's script verifies.

Rules upheld here:

- The people are those of the newest published marker, whose digest they must give; the marker is the tree's
  last leaf, the founding its first. Both come with their inclusion paths, and so does each new server key.
- Which channels there are, who stands in where nobody is left, and who is appointed to hold shares, is folded
  from the same events; a page takes that from the service's word, a program from the whole stream
  (`GET /api/channel`).
"""

from collections.abc import Mapping
from functools import lru_cache

from meyasubako.crypto.canonical import JsonValue, encode_base64
from meyasubako.crypto.merkle import leaf_hash
from meyasubako.domain import envelope, people
from meyasubako.domain.channels import Holders
from meyasubako.domain.deadlines import acknowledged_by
from meyasubako.domain.people import Channel
from meyasubako.domain.people import Mechanism as State
from meyasubako.service.handler.views import person_view
from meyasubako.service.log.proofs import proven
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.store.port import Published, Row
from meyasubako.service.web import Problem

_KEPT = 2


class Readers:
    """The answer of `GET /api/readers`, made anew when a slot closes; other days and cards change nothing."""

    def __init__(self, mechanism: Mechanism) -> None:
        self._mechanism = mechanism
        self._folded = lru_cache(_KEPT)(self._fold)

    def view(self) -> dict[str, JsonValue]:
        """Everything that a page verifies before it seals; 503 before the founding was published."""
        published = self._mechanism.store.published()
        if published is None:
            raise Problem(503, "not-published", "the list of readers was not published yet")
        today = self._mechanism.clock().date()
        shown, channels = self._folded(published)
        due: dict[str, JsonValue] = {
            name: acknowledged_by(each, today).isoformat() for name, each in channels.items()
        }
        return {**shown, "day": today.isoformat(), "due": due}

    def _fold(self, published: Published) -> tuple[dict[str, JsonValue], Mapping[str, Channel]]:
        stream = self._mechanism.ledger().mechanism.stream
        rows = [row for row in self._mechanism.store.stream(stream) if row.index < published.size]
        state = State()
        for row in rows:
            event = envelope.recall(row.data, leaf_hash(row.data).hex())
            state = people.fold(state, event, row.index)
        marker = next(row for row in reversed(rows) if row.kind == "slot.marked")
        rotations = [row for row in rows if row.kind == "key.rotated" and _of_the_server(row)]
        listed = sorted(state.people.values(), key=lambda person: person.key_id)
        cards = {person.card for person in listed} | {each.card for each in state.channels.values()}
        shown: dict[str, JsonValue] = {
            "origin": state.origin,
            "founding": self._proven(published, rows[:1])[0],
            "marker": self._proven(published, [marker])[0],
            "rotations": self._proven(published, rotations),
            "checkpoint": published.note.decode(),
            "people": [
                {**person_view(person), "replaces": person.replaces, "since": person.since.isoformat()}
                for person in listed
            ],
            "channels": {name: _channel_view(each) for name, each in state.channels.items() if each.open},
            "appointments": {leaf: _holders_view(named) for leaf, named in state.appointments.items()},
            "cards": self._cards(cards),
        }
        return shown, state.channels

    def _proven(self, published: Published, rows: list[Row]) -> list[JsonValue]:
        return proven(self._mechanism.store, published, rows)

    def _cards(self, digests: set[str]) -> dict[str, JsonValue]:
        store = self._mechanism.store
        found: dict[str, JsonValue] = {}
        for digest in sorted(digests):
            if store.has_payload(digest):
                with store.open_payload(digest) as file:
                    found[digest] = encode_base64(file.read())
        return found


def _of_the_server(row: Row) -> bool:
    return envelope.recall(row.data, "").body["of"] in ("log", "promise", "service")


def _holders_view(named: Holders) -> dict[str, JsonValue]:
    return {"people": list[JsonValue](named.people), "threshold": named.threshold}


def _channel_view(channel: Channel) -> dict[str, JsonValue]:
    appointed = {"recovery": channel.recovery, "custodians": channel.custodians}
    return {
        **{name: {**_holders_view(each), "leaf": each.leaf} for name, each in appointed.items() if each},
        "card": channel.card,
        "questionnaire": channel.questionnaire,
        "draw": channel.draw,
        "languages": list[JsonValue](channel.languages),
        "fallback": channel.fallback or "",
        "letterbox": channel.letterbox,
    }
