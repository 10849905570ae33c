"""Where somebody sits to work on cases: what every act has in common, whatever part of a case it needs.

- Keys stay here: what goes out is signed events and sealed bytes.
- A key, or a share of one, is given only to people of a roster that was verified against the public log.
- Bytes are asked for after the fetch is in the log, never before.
- Where somebody else wrote first, the act is made again on what stands there now. What a conflict shows may
  be shown nowhere else before the next full hour.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Final, Protocol, TypeVar

from meyasubako.crypto.canonical import JsonValue
from meyasubako.crypto.keyfile import KeyPair
from meyasubako.domain import kinds
from meyasubako.domain.acts import Request
from meyasubako.domain.case import Case
from meyasubako.domain.envelope import Event, Head
from meyasubako.domain.ledger import Ledger
from meyasubako.domain.people import Mechanism
from meyasubako.service.client.casefile import Part
from meyasubako.service.client.errors import NoSuchCaseError, UnverifiedRosterError
from meyasubako.service.client.handler import HandlerClient
from meyasubako.service.client.trying import or_again
from meyasubako.service.clocks import Clock, system_clock
from meyasubako.service.errors import ConflictError, RefusedError

# The sorts of a case's streams, in the order in which they are folded.
_ORDER: Final = {kinds.CASE: 0, kinds.ROOM: 1, kinds.READS: 2}
# Digests named in one payload.fetched: an event has at most 32 KiB.
_FETCHED_AT_ONCE: Final = 256
# With these somebody is given a key, or a share of one.
_GIVING: Final = frozenset({"room.opened", "room.advanced", "access.granted", "share.released"})


class File(Protocol):
    """A case as it was loaded: its fold, and the ledger that it was folded in."""

    @property
    def case(self) -> Case:
        """The case."""

    @property
    def ledger(self) -> Ledger:
        """What was folded."""


F = TypeVar("F", bound=File)


class Seat:
    """One person's place at one mechanism."""

    def __init__(
        self,
        client: HandlerClient,
        pair: KeyPair,
        roster: Callable[[], Mechanism],
        *,
        verified: bool,
        clock: Clock = system_clock,
    ) -> None:
        """`roster` gives the mechanism's people, anew for each act.

        `verified` says whether by its public log: without that nothing is sealed to a new set of readers.
        """
        self._client = client
        self._pair = pair
        self._roster = roster
        self._verified = verified
        self._clock = clock

    @property
    def me(self) -> str:
        """The key id of whoever sits here."""
        return self._pair.signing.verify_key.key_id

    def fetch(self, file: File, digests: Iterable[str]) -> None:
        """Write down, signed, that these payloads are fetched, where it is not written down yet."""
        case = file.case.stream
        known = file.ledger.fetched.get((self.me, case), frozenset())
        missing = list(dict.fromkeys(digest for digest in digests if digest not in known))
        own = (stream for stream, reads in file.ledger.reads.items() if reads.person == self.me)
        stream = next(own, None) or str(uuid.uuid4())
        request = self._request(file)
        for start in range(0, len(missing), _FETCHED_AT_ONCE):
            named: list[JsonValue] = list(missing[start : start + _FETCHED_AT_ONCE])
            request.add("payload.fetched", stream, {"case": case, "payloads": named})
        for event in request.events:
            self._client.post([event], {})
            # So that what is fetched next in this case is written behind it.
            file.ledger.apply(event, 0)

    def _parts(self, case: str, beside: Sequence[Event], *, whole: bool) -> dict[str, Part]:
        """What one is shown of a case's streams, or of those shown whole, in the order of folding.

        `beside` are events that a conflict has shown before their hour.
        """
        streams = (each for each in self._client.me().streams if each.case == case and each.sort in _ORDER)
        shown = [each for each in streams if each.whole or not whole]
        # The rooms that others' access hangs on come first.
        shown.sort(key=lambda each: (_ORDER[each.sort], each.room not in ("report", "dialogue")))
        parts = {}
        for each in shown:
            events, head = self._client.part(each.stream)
            later = [event for event in beside if event.stream == each.stream]
            later = [event for event in later if not events or event.seq > events[-1].seq]
            if later:
                head = Head(later[-1].seq, later[-1].leaf)
            parts[each.stream] = Part((*events, *later), head, each.whole)
        return parts

    def _request(self, file: File) -> Request:
        heads = dict(file.ledger.heads)
        return Request(file.ledger.mechanism.origin, self._pair.signing, self._clock(), heads)

    def _sign(self, load: Callable[[Sequence[Event]], F], build: Callable[[F, Request], Event]) -> Event:
        """Sign what `build` makes of the case as it stands; gives the event that `build` gives.

        `load` is given the events that a conflict has shown.
        """
        beside: list[Event] = []
        for attempt in count(1):
            file = load(beside)
            request = self._request(file)
            event = build(file, request)
            if not self._verified and any(each.kind in _GIVING for each in request.events):
                raise UnverifiedRosterError("this gives a room's key to people who have not been verified")
            try:
                self._client.post(request.events, request.payloads)
            except RefusedError as refused:
                or_again(refused, attempt)
                if isinstance(refused, ConflictError):
                    beside.extend(refused.events)
                continue
            return event
        raise AssertionError("unreachable: an attempt returns or raises")


def the_one(shown: Iterable[str], wanted: str) -> str:
    """The one of the cases shown whose id begins with this text; NoSuchCaseError."""
    found = [stream for stream in shown if stream.startswith(wanted.lower())]
    if len(found) != 1 or not wanted:
        say = "several cases begin" if found and wanted else "no case that you are shown begins"
        raise NoSuchCaseError(f"{say} with {wanted}")
    return found[0]
