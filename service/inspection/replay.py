"""Replay: the lists that people are shown follow from the log alone, or are built anew."""

from dataclasses import dataclass
from pathlib import Path

from meyasubako.domain import envelope
from meyasubako.domain.ledger import Ledger
from meyasubako.service.config import Config
from meyasubako.service.inspection.errors import UnreadableSourceError
from meyasubako.service.inspection.source import Progress
from meyasubako.service.store.errors import StoreError
from meyasubako.service.store.sqlite import Store
from meyasubako.service.store.views import Views

_EVERY = 1024


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found: `differing` names the tables that were not what the log gives.

    `position` is the size of the log up to which the views are now built; `rows` counts their rows by table.
    """

    differing: tuple[str, ...]
    position: int
    rows: dict[str, int]

    @property
    def equal(self) -> bool:
        """Whether the views were what the log gives."""
        return not self.differing


def rebuild_views(directory: Path, *, progress: Progress | None = None) -> Replayed:
    """Fold a mechanism's log from its beginning, compare the views with it, and put right what differs.

    Raises UnreadableSourceError if there is no mechanism in the directory, ConfigError for its settings.
    """
    try:
        store = Store.open(directory, read_only=True)
    except StoreError as error:
        raise UnreadableSourceError(f"{directory} does not hold a mechanism's log: {error}") from error
    try:
        Config.load(directory)  # refuses a directory of a newer release before anything is written in it
        with Views(directory) as views, Views(None) as fresh, views.turn():
            position = min(views.position, store.size())
            ledger = Ledger(lambda _size: "")
            for row in store.rows(0, position):
                if progress and row.index % _EVERY == 0:
                    progress("folding the log", row.index, position)
                ledger.apply(envelope.read(row.data), row.index)
            fresh.rebuild(ledger)
            differing = fresh.differing(views)
            for row in store.rows(position):
                ledger.apply(envelope.read(row.data), row.index)
            views.rebuild(ledger)
            return Replayed(differing, views.position, views.counts())
    finally:
        store.close()
