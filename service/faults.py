"""What went wrong, written down: an event id, the class and the place in the code.

Never the text of an exception, its locals, or anything of the request: they may hold what a person wrote.
"""

import logging
import secrets
from typing import Any, Final

LOGGER: Final = logging.getLogger("meyasubako")


def record(error: BaseException) -> str:
    """Write down that something went wrong, and return the event id that a person may quote."""
    event_id = secrets.token_hex(4)
    LOGGER.error("event %s: %s at %s", event_id, type(error).__name__, _place(error))
    return event_id


def _place(error: BaseException) -> str:
    traceback: Any = error.__traceback__
    if traceback is None:
        return "an unknown place"
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{traceback.tb_frame.f_globals.get('__name__', '?')}:{traceback.tb_lineno}"
