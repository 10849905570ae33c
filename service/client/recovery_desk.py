"""Restoring access that was lost with a key, case by case, by those who hold shares of it.

- Nobody holds a key to everything: each case is asked for, agreed to and opened by shares of its own.
- Whoever gets access back puts the keys together on their own machine.
- What too few shares are left of is said case by case, and never guessed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain import acts_identity, holders, requests
from meyasubako.domain.acts import Request
from meyasubako.domain.envelope import Event
from meyasubako.domain.rooms import Room
from meyasubako.service.client.errors import NoAccessError
from meyasubako.service.client.joint import Joint, JointFile

# A team room is given to whoever reads the report already.
_ORDER: Final = ("report", "dialogue", "team", "mediation", "respondent")


@dataclass(frozen=True, slots=True)
class Kept:
    """How a case stands if some people's keys are lost: who reads it, and what shares are left.

    `rooms` gives, for each room and epoch, how many shares are left and how many it takes.
    """

    case: str
    readers: tuple[str, ...]
    rooms: tuple[tuple[str, int, int, int], ...]

    @property
    def recoverable(self) -> bool:
        """Whether enough shares of every epoch are left."""
        return bool(self.rooms) and all(needed and left >= needed for _, _, left, needed in self.rooms)

    @property
    def lost(self) -> bool:
        """Whether nobody reads it any more and not all of it can be opened again."""
        return not self.readers and not self.recoverable


class RecoveryDesk(Joint):
    """One person's part in restoring access."""

    def asked(self) -> list[tuple[JointFile, requests.Request]]:
        """Every request that one is shown; one's own new shares are looked at besides."""
        found = []
        for file in self.files():
            self.check_shares(file)
            found += [(file, each) for each in file.case.requests.values() if each.is_recovery]
        return found

    def missing(self, person: str) -> list[JointFile]:
        """The cases that this person's earlier key read and that their key of now does not."""
        found = []
        for file in self.files():
            report = file.room("report")
            if report is None or person in report.readers or not holders.shared_epochs(report):
                continue
            known = file.mechanism.people.get(person)
            earlier = known.replaces if known else ""
            if earlier and holders.stands_for(file.mechanism, earlier, report.readers):
                found.append(file)
        return found

    def ask(self, case: str, person: str) -> Event:
        """Ask that this person is given back every room of the case of which there are shares."""

        def build(file: JointFile, request: Request) -> Event:
            named: list[JsonValue] = [
                room.stream for room in _in_order(file) if person not in room.readers and room.shares
            ]
            if not named:
                raise NoAccessError(
                    "there is no share of any room of this case that the person does not read"
                )
            body: dict[str, JsonValue] = {"person": person, "rooms": named}
            return request.add("recovery.requested", file.case.stream, body)

        return self.act(self.find(case), build)

    def approve(self, wanted: str) -> Event:
        """Agree that this person gets access back."""
        found, asked = self.request(wanted, recovery=True)

        def build(file: JointFile, request: Request) -> Event:
            self.recipient_of(file, asked.to)
            return request.add("recovery.approved", file.case.stream, {"request": asked.leaf})

        return self.act(found.case.stream, build)

    def release(self, wanted: str, period: timedelta = requests.USUAL) -> Event:
        """Release one's shares to that person's new key."""
        found, asked = self.request(wanted, recovery=True)
        return self.release_held(found, asked, sorted(asked.rooms), period)

    def finish(self, wanted: str) -> Event:
        """Put the keys together, and take back what they open; done by whoever gets access back."""
        found, asked = self.request(wanted, recovery=True)
        if asked.to != self.me:
            raise NoAccessError("whoever gets access back finishes it")

        def build(file: JointFile, request: Request) -> Event:
            keys = self.rebuilt(file, asked)
            for room in _in_order(file):
                if room.stream in keys and self.me not in room.readers:
                    acts_identity.take_back(request, room, keys[room.stream], self._pair.identity.recipient)
            return request.add("handler.assigned", file.case.stream, {"person": self.me})

        return self.act(found.case.stream, build)

    def kept(self, without: Collection[str] = ()) -> list[Kept]:
        """How every case that one is shown stands if the keys of these people are lost besides."""
        return [_kept(file, frozenset(without)) for file in self.files()]


def _kept(file: JointFile, without: frozenset[str]) -> Kept:
    report = file.room("report")
    readers = holders.readers_now(report, file.mechanism) - without
    rows = []
    for room in _in_order(file):
        for epoch in range(1, room.epoch + 1):
            left = {
                holder
                for holder in holders.holders_of(room, epoch) - without
                if file.mechanism.active(holder) and (holder, epoch) not in room.doubted
            }
            rows.append((room.name, epoch, len(left), holders.threshold_of(room, epoch, file.mechanism)))
    return Kept(file.case.stream, tuple(sorted(readers)), tuple(rows))


def _in_order(file: JointFile) -> list[Room]:
    found = [room for room in file.rooms.values() if room.name in holders.RECOVERABLE]
    return sorted(found, key=lambda room: _ORDER.index(room.name))


def notice(kept: Collection[Kept], people: Collection[str], day: str) -> str:
    """The text of a breach notice (GDPR, article 33(3)) about the cases that are lost, to be completed."""
    lost = sorted(each.case for each in kept if each.lost)
    lines = [
        f"Notification of a personal data breach: loss of availability, {day}",
        "",
        "1. What happened: the keys of these people were lost: " + ", ".join(sorted(people)) + ".",
        f"   Of {len(lost)} case(s) nobody has a key any more, and too few shares of the keys are left:",
        *(f"   - case {case}" for case in lost),
        "   The sealed data exists and is unreadable. Nobody gained access to it.",
        "2. Who is concerned: the reporter of each case and the people named in it. Their number is unknown:",
        "   the mechanism does not know who reports.",
        "3. Contact: (data protection officer, or another contact point)",
        "4. Likely consequences: what was reported must be reported again; evidence that was sent is lost.",
        "5. Measures taken or proposed: each reporter is told in the mailbox, which still works; the",
        "   roster was changed; new cases are shared among new holders.",
        "",
        "   To be sent to the supervisory authority within 72 hours of becoming aware (article 33(1)).",
    ]
    return "\n".join(lines) + "\n"
