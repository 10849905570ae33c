"""Pages that nobody has filled in: the same for everybody but for what is one visitor's own, so made once.

- Whoever asks for a page says in full what it depends on, and nothing of that was typed, ticked or held by a
  reporter. Such a page is remembered with places left for what only one visitor's has: sealed fields, a code.
- All of it is forgotten when the channels change: a page names the people who would read.
"""

import re
import secrets
from collections.abc import Callable, Hashable, Mapping
from typing import Final

# A language has about ten such pages; what comes on top is whoever tries out combinations.
_MOST: Final = 512


class Blanks:
    """Pages as they are before anything of one visitor's is in them."""

    def __init__(self) -> None:
        self._place = secrets.token_hex(16)
        self._split = re.compile(rf"{self._place}-([a-z]+);").split
        self._made: tuple[object, dict[Hashable, list[str]]] = (None, {})

    def page(
        self, of: object, key: Hashable, own: Mapping[str, str], make: Callable[[Mapping[str, str]], str]
    ) -> str:
        """The page with this key while `of` is the same object; `make` is given a place for each of `own`."""
        made = self._made
        if made[0] is not of:
            # By one name from here on: another thread may be at another state of the channels.
            made = self._made = (of, {})
        pages = made[1]
        pieces = pages.get(key)
        if pieces is None:
            pieces = self._split(make({name: f"{self._place}-{name};" for name in own}))
            if len(pages) < _MOST:
                pages[key] = pieces
        return "".join(own[piece] if at % 2 else piece for at, piece in enumerate(pieces))
