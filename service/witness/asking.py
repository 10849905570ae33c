"""Asking witnesses: the log's side, once around.

Rules upheld here (C2SP tlog-witness, tlog-policy; decisions 0032 and 0081):

- Each address of the policy from which a cosignature is still missing is asked, all at the same time, with
  the log's own signatures alone, since witnesses limit a request's size. A 409 says from which size to prove;
  then it is asked again.
- Whatever a witness does, it can neither stop nor change the slot: it has a time limit as a whole, its answer
  a size limit, and only lines that verify under the policy's keys are taken, one a key.
- A fault of our own while one of them is asked is not blamed on it, and costs nobody else's cosignature.
- A witness that says that it has seen a larger tree, or that ours does not fit, is told apart from one that
  is away: it says that this log was set back or forked, or that somebody signs with its key.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeGuard

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.cosignature import verifier_of
from meyasubako.crypto.errors import BadNoteError, BadProofError, BadTileError
from meyasubako.crypto.merkle import NodeReader, consistency_path
from meyasubako.crypto.note import Note, NoteKey, NoteSignature, open_note
from meyasubako.crypto.policy import Policy
from meyasubako.crypto.tiles import TileReader
from meyasubako.crypto.witness import AddCheckpoint, parse_answer
from meyasubako.service.errors import BadAnswerError, UnreachableError
from meyasubako.service.store.port import EventStore
from meyasubako.service.witness.protocol import SIZE_TYPE

# How long all witnesses together may take.
TOTAL_SECONDS: Final = 60.0
_TRIES: Final = 4

Why = Literal["away", "refuses", "unknown", "ahead", "inconsistent", "malformed", "unasked", "addressless"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answered: HTTP status, content type as it was sent, body."""

    status: int
    content_type: str
    body: bytes


Post = Callable[[str, bytes], Answer]


@dataclass(frozen=True, slots=True)
class Missing:
    """A witness of the policy (by the policy's name for it) that gave no cosignature, and why.

    ``away``: no answer in time. ``unknown``: it has not admitted this log. ``refuses``: any other refusal.
    ``malformed``: an answer outside of the protocol. ``ahead``: it has seen a larger tree; ``inconsistent``:
    the tree does not extend what it has seen; these two are alarms, not failures. ``unasked``: something went
    wrong on our side. ``addressless``: the policy does not say where to ask it.
    """

    name: str
    why: Why
    sentence: str

    @property
    def alarming(self) -> bool:
        """Whether the answer says that this log was set back or forked."""
        return self.why in ("ahead", "inconsistent")


@dataclass(frozen=True, slots=True)
class Collected:
    """A checkpoint with the cosignatures that it has now, who gave none, and whether it is a quorum.

    `faults` are what went wrong on our side, for whoever writes such things down.
    """

    note: bytes
    cosigned: tuple[str, ...]
    missing: tuple[Missing, ...]
    quorum_met: bool
    faults: tuple[Exception, ...] = ()

    @property
    def alarms(self) -> tuple[Missing, ...]:
        """The witnesses whose answer says that this log was set back or forked."""
        return tuple(each for each in self.missing if each.alarming)

    @property
    def complete(self) -> bool:
        """Whether asking for this checkpoint again can bring nothing more."""
        return all(each.why == "addressless" for each in self.missing)


class _RefusedError(Exception):
    def __init__(self, why: Why, sentence: str) -> None:
        super().__init__(sentence)
        self.why: Why = why


# What came of asking at an address: signature lines, a refusal, or a fault of our own.
_Outcome = tuple[NoteSignature, ...] | Exception


@dataclass(frozen=True, slots=True)
class _Question:
    """What every witness is asked: the log's own note, the tree, how to prove it, and whose lines we lack."""

    note: Note
    checkpoint: Checkpoint
    read: NodeReader
    lacking: Mapping[tuple[str, bytes], NoteKey]


def tile_reader(store: EventStore, size: int) -> NodeReader:
    """The reader of a published tree's nodes, out of a store's tiles; `BadTileError` where one is missing."""

    def fetch(level: int, n: int, width: int) -> bytes:
        tile = store.tile(level, n, width)
        if tile is None:
            raise BadTileError("the store has no such tile")
        return tile

    return TileReader(size, fetch)


def collect(
    note: bytes,
    policy: Policy,
    reader: NodeReader,
    post: Post,
    *,
    assumed_size: int = 0,
    total_seconds: float = TOTAL_SECONDS,
) -> Collected:
    """Ask every witness of the policy that has not cosigned a published checkpoint yet to do so.

    `reader` gives the nodes of the checkpoint's tree (`tile_reader`), `assumed_size` is what witnesses will
    have seen last, so usually the checkpoint before. Raises `BadNoteError` if the policy does not list the
    log, or the note holds a wrong signature; what fails with a witness is told in the result.
    """
    parsed = Note.parse(note)
    checkpoint = Checkpoint.parse(parsed.text)
    there = {(line.name, line.key_id) for line in parsed.signatures}
    lacking = [witness for witness in policy.witnesses if _identity(witness.key) not in there]
    question = _Question(
        _by_log(parsed, policy, checkpoint.origin),
        checkpoint,
        reader,
        {_identity(witness.key): witness.key for witness in lacking},
    )
    first = assumed_size if assumed_size <= checkpoint.size else 0
    urls = dict.fromkeys(witness.url for witness in lacking if witness.url)
    outcomes = _ask_all(urls, lambda url: _ask(url, question, first, post), total_seconds)
    # One a key: whoever answered with a hundred would leave no room for the others.
    lines = {
        (line.name, line.key_id): line
        for found in outcomes.values()
        if isinstance(found, tuple)
        for line in found
    }
    return _summary(parsed.with_signatures(lines.values()), policy, outcomes)


def _summary(note: Note, policy: Policy, outcomes: Mapping[str, _Outcome]) -> Collected:
    verifiers = [
        verifier_of(key) for key in (*(log.key for log in policy.logs), *(w.key for w in policy.witnesses))
    ]
    signed = open_note(note.encode(), verifiers).signed
    return Collected(
        note=note.encode(),
        cosigned=tuple(witness.name for witness in policy.witnesses if witness.key in signed),
        missing=tuple(
            _missing(witness.name, outcomes.get(witness.url))
            for witness in policy.witnesses
            if witness.key not in signed
        ),
        quorum_met=policy.is_met_by(signed),
        faults=tuple(found for found in outcomes.values() if _is_fault(found)),
    )


def _missing(name: str, outcome: _Outcome | None) -> Missing:
    match outcome:
        case None:
            return Missing(name, "addressless", "the policy states no address for it")
        case _RefusedError():
            return Missing(name, outcome.why, str(outcome))
        case Exception():
            # Its text may quote anything; whoever writes the fault down knows how.
            fault = type(outcome).__name__
            return Missing(name, "unasked", f"it could not be asked, by a fault of ours ({fault})")
        case _:
            return Missing(name, "malformed", "its answer holds no signature by this key")


def _is_fault(outcome: _Outcome) -> TypeGuard[Exception]:
    return isinstance(outcome, Exception) and not isinstance(outcome, _RefusedError)


def _ask_all(
    urls: Iterable[str], ask: Callable[[str], tuple[NoteSignature, ...]], total_seconds: float
) -> dict[str, _Outcome]:
    answers: queue.SimpleQueue[tuple[str, _Outcome]] = queue.SimpleQueue()

    def run(url: str) -> None:
        try:
            answers.put((url, ask(url)))
        except Exception as error:  # noqa: BLE001 (told in the result, as what it is)
            answers.put((url, error))

    late = _RefusedError("away", "it did not answer in time")
    outcomes: dict[str, _Outcome] = dict.fromkeys(urls, late)
    for url in outcomes:
        # Daemons, since one that hangs must not hold up the slot or the end of the process.
        threading.Thread(target=run, args=(url,), daemon=True).start()
    deadline = time.monotonic() + total_seconds
    for _ in range(len(outcomes)):
        try:
            url, outcome = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        outcomes[url] = outcome
    return outcomes


def _ask(url: str, question: _Question, old_size: int, post: Post) -> tuple[NoteSignature, ...]:
    for _ in range(_TRIES):
        answer = _post_from(url, question, old_size, post)
        if answer.status == 200:
            return _cosignatures(answer.body, question)
        if answer.status != 409:
            raise _refusal(answer)
        size = _stated_size(answer)
        if size > question.checkpoint.size:
            raise _RefusedError(
                "ahead", f"it has seen a tree of {size} leaves, this one has {question.checkpoint.size}"
            )
        if size == old_size:
            raise _RefusedError("malformed", "it asked for a proof from the very size that was proved from")
        old_size = size
    raise _RefusedError("refuses", "it named another size each time")


def _post_from(url: str, question: _Question, old_size: int, post: Post) -> Answer:
    try:
        proof = consistency_path(old_size, question.checkpoint.size, question.read)
    except (BadProofError, BadTileError) as error:
        raise _RefusedError("unasked", f"no proof from {old_size} leaves could be made: {error}") from error
    body = AddCheckpoint(old_size, tuple(proof), question.note.encode()).encode()
    try:
        return post(f"{url.rstrip('/')}/add-checkpoint", body)
    except UnreachableError as error:
        raise _RefusedError("away", str(error)) from error
    except BadAnswerError as error:
        raise _RefusedError("malformed", str(error)) from error


def _cosignatures(body: bytes, question: _Question) -> tuple[NoteSignature, ...]:
    try:
        lines = tuple(line for line in parse_answer(body) if (line.name, line.key_id) in question.lacking)
        for line in lines:
            verifier = verifier_of(question.lacking[line.name, line.key_id])
            if verifier.verify(question.note.text, line.data) == 0:
                raise _RefusedError("malformed", "its cosignature states no time")
    except BadNoteError as error:
        raise _RefusedError("malformed", f"its answer is not a cosignature: {error}") from error
    return lines


def _stated_size(answer: Answer) -> int:
    text = answer.body.removesuffix(b"\n")
    if (
        answer.content_type != SIZE_TYPE
        or not text.isdigit()
        or len(text) > 19
        or str(int(text)).encode() != text
    ):
        raise _RefusedError("malformed", "it refused without saying which size it has seen")
    return int(text)


def _refusal(answer: Answer) -> _RefusedError:
    match answer.status:
        case 404:
            return _RefusedError("unknown", "it has not admitted this log")
        case 422:
            return _RefusedError("inconsistent", "it says that this tree does not extend the one it has seen")
        case 403:
            return _RefusedError(
                "refuses", "it does not take this log's signature: does it have the right key?"
            )
        case status:
            return _RefusedError("refuses", f"it answered with status {status}")


def _by_log(note: Note, policy: Policy, origin: str) -> Note:
    own = {_identity(log.key) for log in policy.logs if log.key.name == origin}
    signatures = tuple(each for each in note.signatures if (each.name, each.key_id) in own)
    if not signatures:
        raise BadNoteError("the checkpoint is not signed by a log of the policy")
    return Note(note.text, signatures)


def _identity(key: NoteKey) -> tuple[str, bytes]:
    return key.name, key.key_id
