"""To whom else a reporter may turn: the bodies outside that the adopted profiles name, as the log holds them.

Rules upheld here:

- What is shown is what two people adopted: the profile's file on its card, which an auditor reads too.
  Directive (EU) 2019/1937, article 9(1)(g), asks for it before and after a report.
- The list is one for the whole mechanism, whatever somebody reports where: it tells nothing about a case.
- Cards are read once for each event of the mechanism's, never for a visit.
- A card that cannot be read (erased, or of another version) takes its bodies away, and nothing else.
"""

from collections.abc import Iterator
from contextlib import suppress

from meyasubako.crypto.errors import CryptoError
from meyasubako.domain import profiles
from meyasubako.domain.errors import BadProfileError
from meyasubako.domain.people import Mechanism as Roster
from meyasubako.domain.profiles import Outside, ProfileFile
from meyasubako.service.cards import texts_on
from meyasubako.service.faults import record
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.store.errors import ErasureKeyError

Listed = tuple[tuple[str, tuple[Outside, ...]], ...]


class OutsideList:
    """The bodies outside, by what they are for; empty where no adopted profile names one."""

    def __init__(self, mechanism: Mechanism) -> None:
        self._mechanism = mechanism
        # The list as it was shown last, and the roster that it is of.
        self._shown: tuple[Roster, Listed] | None = None

    def view(self) -> Listed:
        """The list as it stands."""
        roster, shown = self._mechanism.ledger().mechanism, self._shown
        if shown is None or shown[0] is not roster:
            shown = self._shown = (roster, profiles.by_purpose(self._adopted(roster)))
        return shown[1]

    def _adopted(self, roster: Roster) -> Iterator[ProfileFile]:
        """The files of the profiles that count: of the open channels, or of all where none is open."""
        known = [channel for _, channel in sorted(roster.channels.items())]
        for channel in [each for each in known if each.open] or known:
            for _, profile in sorted(channel.profiles.items()):
                text = self._text_on(profile.card)
                with suppress(BadProfileError):
                    yield profiles.parse(text)

    def _text_on(self, card: str) -> str:
        try:
            return texts_on(self._mechanism.store, card).get("text", "") if card else ""
        except (CryptoError, ErasureKeyError) as error:
            # Damaged where it lies, or never a card: whoever runs the service is told, and the site goes on.
            record(error)
            return ""
