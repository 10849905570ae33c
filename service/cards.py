"""Cards: public payloads in which a mechanism says who and what it is, named in the log by their digests."""

from meyasubako.crypto import canonical
from meyasubako.service.store.errors import MissingPayloadError
from meyasubako.service.store.sqlite import Store


def texts_on(store: Store, digest: str) -> dict[str, str]:
    """What stands on a card; nothing where it was erased, or is lost with a backup that was restored."""
    try:
        with store.open_payload(digest) as file:
            fields = canonical.decode_document(file.read())
    except MissingPayloadError:
        return {}
    return {name: value for name, value in fields.items() if isinstance(value, str)}
