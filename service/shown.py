"""How far into the log handlers see what reporters wrote.

What a reporter writes becomes visible at the next full hour, so that the time at which something appears on a
desk does not tell the minute at which somebody wrote it. The clock notes the log's size at each full hour in
the file `shown`; whatever is published is visible in any case. With `show = "at_once"` nothing is held back.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from meyasubako.domain import envelope, kinds
from meyasubako.service.mechanism import Mechanism

FILE_NAME: Final = "shown"


def note_size(directory: Path, size: int) -> None:
    """Show handlers the first `size` entries from now on."""
    fresh = directory / f"{FILE_NAME}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{size}\n")
    fresh.replace(directory / FILE_NAME)


def shown_size(mechanism: Mechanism) -> int:
    """How many entries of the log handlers are shown whole."""
    published = mechanism.store.published()
    try:
        noted = int((mechanism.directory / FILE_NAME).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        noted = 0
    return max(noted, published.size if published else 0)


def hidden(mechanism: Mechanism) -> Mapping[str, int]:
    """The streams whose ends are not shown yet, and the seq of the first event of each that is not."""
    if mechanism.config.intake.show == "at_once":
        return {}
    people = mechanism.ledger().mechanism.people
    first: dict[str, int] = {}
    for row in mechanism.store.rows(shown_size(mechanism), without_kinds=("cover.written",)):
        if row.kind in kinds.REPORTERS and envelope.read(row.data).by not in people:
            first.setdefault(row.stream, row.seq)
    return first
