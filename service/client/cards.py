"""Cards: the names and titles that a mechanism publishes, believed only under their own digest."""

from collections.abc import Mapping
from hashlib import sha256

from meyasubako.crypto import canonical
from meyasubako.crypto.errors import NotCanonicalError
from meyasubako.domain.people import Mechanism


def card_name(cards: Mapping[str, bytes], digest: str) -> str:
    """The name on a card; empty where the card was erased or is not the one of this digest."""
    data = cards.get(digest, b"")
    if sha256(data).hexdigest() != digest:
        return ""
    try:
        name = canonical.decode_document(data).get("name")
    except NotCanonicalError:
        return ""
    return name if isinstance(name, str) else ""


def names(mechanism: Mechanism, cards: Mapping[str, bytes]) -> dict[str, str]:
    """Key id to name, or to the key id's first characters where there is no card."""
    return {
        key_id: card_name(cards, person.card) or key_id[:8] for key_id, person in mechanism.people.items()
    }
