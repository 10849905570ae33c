"""Keeping the records of cases: until when each is kept, holds, erasing what is over, removing single items.

- What destroys something takes two people: the first proposes, the second confirms.
- The window comes from the rules that the channel adopted. Where they conflict nothing here chooses: people
  who read the case decide, and the decision stands as a note in its team room.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from meyasubako.crypto.canonical import JsonValue
from meyasubako.domain import keeping
from meyasubako.domain.acts import Request
from meyasubako.domain.channels import Profile
from meyasubako.domain.envelope import Event
from meyasubako.domain.keeping import Window
from meyasubako.domain.people import Mechanism
from meyasubako.domain.proposals import Proposal
from meyasubako.service.client.errors import (
    ConflictingRulesError,
    NoAccessError,
    NoSuchProposalError,
    NotClosedError,
)
from meyasubako.service.client.joint import Joint, JointFile

# What is destroyed by two, and so proposed first.
DESTROYING = ("case.erased", "payload.removed")


@dataclass(frozen=True, slots=True)
class Kept:
    """A case as whoever keeps the records sees it; `window` is None while it is open."""

    file: JointFile
    window: Window | None
    today: date

    @property
    def proposals(self) -> Mapping[str, Proposal]:
        """What one person proposed to destroy, and a second has not confirmed."""
        standing = self.file.case.proposals
        return {leaf: each for leaf, each in standing.items() if each.kind in DESTROYING}

    @property
    def next_step(self) -> str:
        """What is to be done about the case now: start, wait, hold, erase, overdue, or nothing."""
        case = self.file.case
        if case.open or case.state == "erased":
            return ""
        if case.keeping.holds:
            return "hold"
        if case.keeping.earliest is None:
            return "start"
        if self.today < case.keeping.earliest:
            return "wait"
        overdue = case.keeping.latest is not None and self.today > case.keeping.latest
        return "overdue" if overdue else "erase"


class Records(Joint):
    """One person's part in keeping the records."""

    def kept(self) -> list[Kept]:
        """Every case that one is shown whole, oldest first."""
        return [self._kept(file) for file in self.files() if file.whole]

    def one(self, wanted: str) -> Kept:
        """The case whose id begins with this text; NoSuchCaseError."""
        return self._kept(self.file(wanted))

    def _kept(self, file: JointFile) -> Kept:
        return Kept(file, window_of(file), self._clock().date())

    def start(self, wanted: str) -> Event:
        """Let the window begin that the channel's rules give; ConflictingRulesError where they give none."""

        def build(file: JointFile, request: Request) -> Event:
            window = _needed(file)
            if window.conflict:
                raise ConflictingRulesError(
                    f"{window.earliest_by} wants the case kept until {window.earliest} at least, "
                    f"{window.latest_by} until {window.latest} at most"
                )
            return request.add("retention.started", file.case.stream, _days(window.earliest, window.latest))

        return self.act(self.find(wanted), build)

    def decide(self, wanted: str, day: date, reasons: str) -> Event:
        """Choose the day where rules conflict, for these reasons, which the team reads."""

        def build(file: JointFile, request: Request) -> Event:
            _needed(file)
            team = next((room for room in file.rooms.values() if room.name == "team"), None)
            if team is None:
                raise NoAccessError("the decision stands in the case's team room, which you do not read")
            note = self.note(file, request, team.stream, reasons)
            return request.add("retention.started", file.case.stream, {**_days(day, day), "decision": note})

        return self.act(self.find(wanted), build)

    def hold(self, wanted: str) -> Event:
        """Keep a case, whatever its window says, until the hold is lifted."""
        return self._add(wanted, "hold.placed", {})

    def lift(self, wanted: str) -> list[Event]:
        """Lift every hold that stands on a case."""
        holds = sorted(self.file(wanted).case.keeping.holds)
        if not holds:
            raise NoSuchProposalError("no hold stands on this case")
        return [self._add(wanted, "hold.lifted", {"hold": hold}) for hold in holds]

    def erase(self, wanted: str) -> Event:
        """Propose that a case's content be destroyed."""
        return self._propose(wanted, "case.erased", {})

    def remove(self, wanted: str, digests: Sequence[str], approved: str = "") -> Event:
        """Propose that single texts or files be destroyed.

        With the leaf hash of the reporter's message that approves what a recording says, it is done at once.
        """
        body: dict[str, JsonValue] = {"payloads": [{"ref": digest} for digest in digests]}
        if approved:
            return self._add(wanted, "payload.removed", {**body, "approved": approved})
        return self._propose(wanted, "payload.removed", body)

    def confirm(self, wanted: str) -> Event:
        """Be the second person for what was proposed under the leaf hash that begins with this text."""

        def found() -> tuple[JointFile, str, Proposal]:
            standing = [
                (kept.file, leaf, proposal)
                for kept in self.kept()
                for leaf, proposal in kept.proposals.items()
                if wanted and leaf.startswith(wanted.lower())
            ]
            if len(standing) != 1:
                raise NoSuchProposalError(f"no single proposal that stands begins with {wanted}")
            return standing[0]

        def build(file: JointFile, request: Request) -> Event:
            _, leaf, proposal = found()
            return request.add(proposal.kind, file.case.stream, {**proposal.body, "proposal": leaf})

        return self.act(found()[0].case.stream, build)

    def _add(self, wanted: str, kind: str, body: Mapping[str, JsonValue]) -> Event:
        case = self.find(wanted)
        return self.act(case, lambda _, request: request.add(kind, case, body))

    def _propose(self, wanted: str, kind: str, body: Mapping[str, JsonValue]) -> Event:
        return self._add(wanted, "act.proposed", {"kind": kind, "v": 1, "body": dict(body)})


def window_of(file: JointFile) -> Window | None:
    """The window that the channel's rules give; None while the case is open."""
    case, mechanism = file.case, file.mechanism
    if case.open or case.decided_on is None:
        return None
    profiles = _profiles(mechanism, case.channel)
    return keeping.window(profiles, case.submitted_on, case.decided_on)


def _profiles(mechanism: Mechanism, channel: str) -> Sequence[Profile]:
    found = mechanism.channels.get(channel)
    return tuple(found.profiles.values()) if found else ()


def _needed(file: JointFile) -> Window:
    window = window_of(file)
    if window is None:
        raise NotClosedError("the case is open: its time begins when it is closed")
    return window


def _days(earliest: date, latest: date) -> dict[str, JsonValue]:
    return {"earliest": earliest.isoformat(), "latest": latest.isoformat()}
