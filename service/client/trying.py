"""An act is made again where somebody else wrote first, or where the published list of readers is behind.

Who leaves, or is suspended, is gone at once, and the list that says so is published a moment later: who
writes in between waits for it, a few seconds in all.
"""

import time
from typing import Final

from meyasubako.service.errors import RefusedError

TRIES: Final = 6
# What a refusal is called when somebody wrote between our reading and our writing.
MOVED: Final = frozenset(
    {"conflict", "epoch-is-fresh", "advance-wraps-exactly", "shares-exactly", "stream-is-whole"}
)
_BEHIND: Final = frozenset({"epoch-is-fresh", "advance-wraps-exactly", "shares-exactly"})
_FIRST_WAIT: Final = 0.2


def or_again(refused: RefusedError, attempt: int) -> None:
    """Raise the refusal of an attempt, counted from 1, unless one more is made; waits where that helps."""
    if attempt >= TRIES or refused.name not in MOVED:
        raise refused
    if refused.name in _BEHIND:
        time.sleep(_FIRST_WAIT * 2 ** (attempt - 1))
