"""`log verify-proof` and `log verify-promise`: what somebody outside can show with a file alone.

- Exit 1 is said of a mechanism, and may be shown to others. So a file that is no proof or promise, a key that
  is none, a log that cannot be asked or is not the promise's end with 2: nothing was verified.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.cosignature import parse_verifier
from meyasubako.crypto.errors import BadKeyError, BadNoteError, BadProofError
from meyasubako.crypto.note import Note
from meyasubako.crypto.policy import Policy
from meyasubako.crypto.proof import PROMISE_CONTEXT, LogProof, Promise
from meyasubako.service.cli import options
from meyasubako.service.cli.connecting import be_sure
from meyasubako.service.cli.failures import FINDINGS, InputError
from meyasubako.service.cli.output import emit, plain, print_facts
from meyasubako.service.client import proofs, roster
from meyasubako.service.client.http import Http
from meyasubako.service.client.proofs import Exchanged, Proven
from meyasubako.service.client.roster import VerifiedMechanism
from meyasubako.service.clocks import system_clock
from meyasubako.service.errors import RefusedError, UnreachableError

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _keys(given: Sequence[str]) -> list[str]:
    """Verifier keys as they were given: each a key, or a file that holds one a line."""
    found: list[str] = []
    for each in given:
        # A key holds two plus signs; a name of a file that does, too, is written ./so.
        if each.count("+") >= 2 and not each.startswith((".", "/")):
            texts, place = [each], "the verifier key"
        else:
            texts, place = Path(each).read_text(encoding="ascii").split(), each
        if not texts:
            raise InputError(f"{place} holds no verifier key")
        for text in texts:
            try:
                parse_verifier(text)
            except (BadKeyError, BadNoteError) as error:
                # The text is not shown: somebody may have taken the key that signs.
                raise InputError(f"{place} cannot be used: {error}") from error
        found += texts
    return found


def _read_proof(file: Path) -> bytes:
    """The bytes of a file that has a proof's form."""
    data = file.read_bytes()
    if data.startswith(f"{PROMISE_CONTEXT}\n".encode()):
        raise InputError(f"{file} is a promise, not a proof yet: use meyasubako log verify-promise")
    try:
        proof = LogProof.parse(data)
        Checkpoint.parse(Note.parse(proof.checkpoint).text)
    except (BadProofError, BadNoteError) as error:
        raise InputError(f"{file} is not a proof, or not all of one: {error}") from error
    if proof.extra is None:
        raise InputError(f"{file} does not say of which entry it is a proof")
    return data


def _read_promise(file: Path) -> tuple[bytes, str]:
    """The bytes of a file that has a promise's form, and the origin of the log that it names."""
    data = file.read_bytes()
    try:
        LogProof.parse(data)
    except BadProofError:
        pass
    else:
        raise InputError(f"{file} is a proof already: use meyasubako log verify-proof")
    try:
        context, origin, *_ = [*Note.parse(data).text.split("\n"), ""]
    except BadNoteError as error:
        raise InputError(f"{file} is not a promise, or not all of one: {error}") from error
    if context != PROMISE_CONTEXT:
        raise InputError(f"{file} is not a promise")
    return data, origin


@click.command(
    "verify-proof",
    epilog=options.example(
        "meyasubako log verify-proof filed.tlog-proof --log-key log.vkey",
        "meyasubako log verify-proof filed.tlog-proof --policy trusted.policy",
    ),
)
@click.argument("file", type=_FILE)
@click.option(
    "--log-key",
    "log_keys",
    multiple=True,
    metavar="VKEY",
    help="A verifier key of the log, or a file that holds some: each must have signed. May be repeated.",
)
@click.option("--policy", type=_FILE, metavar="FILE", help="A C2SP tlog-policy: whose signatures count.")
@click.option("--leaf", metavar="HEX", help="The leaf hash that it must be a proof of, if you know it.")
@options.as_json
def verify_proof(
    file: Path, *, log_keys: tuple[str, ...], policy: Path | None, leaf: str | None, as_json: bool
) -> None:
    """Verify the proof in FILE, offline: that an entry stands in a log, and since when at the latest.

    Take the log's key from its poster, its auditor or your lawyer, not from whoever gave you the file.
    """
    if bool(log_keys) == bool(policy):
        raise click.UsageError("Give the log's key with --log-key, or a --policy.")
    trusted = Policy.parse(policy.read_text(encoding="utf-8")) if policy else None
    wanted = leaf.lower() if leaf else None
    data = _read_proof(file)
    proven = proofs.verify_proof(data, keys=_keys(log_keys), policy=trusted, leaf=wanted)
    emit(_proven_facts(proven), as_json=as_json, show=lambda out: _draw_proven(out, proven))


def _proven_facts(proven: Proven) -> dict[str, object]:
    return {
        "origin": proven.checkpoint.origin,
        "leaf": proven.leaf,
        "index": proven.index,
        "size": proven.checkpoint.size,
        "root": proven.checkpoint.root.hex(),
        "signed": {name: time.isoformat() if time else "" for name, time in proven.signed.items()},
    }


def _draw_proven(out: Console, proven: Proven) -> None:
    signed = [
        f"{name}, {f'{time:%Y-%m-%d %H:%M:%S} UTC' if time else 'without a time'}"
        for name, time in proven.signed.items()
    ]
    facts = {**_proven_facts(proven), "signed": signed}
    print_facts(out, facts)
    times = [time for time in proven.signed.values() if time]
    when = (
        f"by {min(times):%Y-%m-%d %H:%M} UTC at the latest" if times else "at a time that no signature states"
    )
    out.print(
        f"\n[bold green]✓[/] The entry with this hash is entry {proven.index} of the log "
        f"{plain(proven.checkpoint.origin)}. It was filed {when}: the tree that holds it was signed then, "
        "and what is in a signed tree cannot be changed.\n  The file names nobody and says nothing of what "
        "was written. Whoever may read the log's entries, such as an auditor, sees which entry it is."
    )


@click.command(
    "verify-promise",
    epilog=options.example(
        "meyasubako log verify-promise promise.txt --promise-key VKEY",
        'meyasubako log verify-promise promise.txt --at LOG_URL --fingerprint "1234 …" --out proof',
    ),
)
@click.argument("file", type=_FILE)
@click.option(
    "--promise-key",
    "keys",
    multiple=True,
    metavar="VKEY",
    help="The mechanism's promise key, or a file that holds it.",
)
@click.option("--at", "url", metavar="URL", help="The address of the log: see whether the promise was kept.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the proof for which the promise is exchanged to FILE.",
)
@options.fingerprint
@click.option("--first-use", is_flag=True, help="Believe that this is the right log without a fingerprint.")
@options.proxy
@options.as_json
@click.pass_context
def verify_promise(
    context: click.Context,
    file: Path,
    *,
    keys: tuple[str, ...],
    url: str | None,
    out: Path | None,
    fingerprint: str | None,
    first_use: bool,
    proxy: str | None,
    as_json: bool,
) -> None:
    """Verify the promise in FILE: a mechanism's word that an entry will be in its log.

    Offline with --promise-key. With --at it is exchanged for a proof once its slot has closed; where the log
    does not hold the entry then, the promise and the log's checkpoint together prove misconduct (exit 1).
    """
    if not keys and url is None:
        raise click.UsageError("Give the promise key with --promise-key, or the log's address with --at.")
    if out is not None and url is None:
        raise click.UsageError("--out goes with --at: offline there is nothing to exchange.")
    data, origin = _read_promise(file)
    if url is None:
        promise = proofs.verify_promise(data, _keys(keys))
        emit(_promise_facts(promise, "given"), as_json=as_json, show=lambda to: _draw_given(to, promise))
        return
    with Http(url, proxy=proxy) as log, _answering():
        verified = _verified(log, origin, fingerprint)
        if not keys:
            be_sure(verified, fingerprint, first_use=first_use)
        promise = proofs.verify_promise(data, _keys(keys) or proofs.promise_keys(verified.mechanism))
        exchanged = proofs.exchange(log, promise, verified)
    state = _state(exchanged)
    if out is not None and exchanged is not None:
        out.write_bytes(exchanged.proof or exchanged.checkpoint)
    facts = {**_promise_facts(promise, state), "written": str(out) if out and exchanged else ""}
    emit(facts, as_json=as_json, show=lambda to: _draw_exchanged(to, promise, state, verified, out))
    if state in {"late", "broken"}:
        context.exit(FINDINGS)


@contextmanager
def _answering() -> Iterator[None]:
    """A log that refuses to be asked has proved nothing about itself."""
    try:
        yield
    except RefusedError as error:
        raise UnreachableError(f"the log's door refuses at this moment: {error}") from error


def _verified(log: Http, origin: str, fingerprint: str | None) -> VerifiedMechanism:
    """The mechanism whose log this is, if it is the log of that origin."""
    verified = roster.verify(
        roster.from_log(log),
        system_clock().date(),
        fingerprint=fingerprint,
        accept_stale=True,
        accept_unwitnessed=True,
    )
    if verified.mechanism.origin != origin:
        found = verified.mechanism.origin
        raise InputError(f"the promise is of the log {origin}, and {log.address} serves another, {found}")
    return verified


def _state(exchanged: Exchanged | None) -> str:
    if exchanged is None:
        return "open"
    if exchanged.proof is None:
        return "broken"
    return "kept" if exchanged.on_time else "late"


def _promise_facts(promise: Promise, state: str) -> dict[str, object]:
    return {"origin": promise.origin, "leaf": promise.leaf.hex(), "slot": promise.slot, "state": state}


def _draw_given(out: Console, promise: Promise) -> None:
    print_facts(out, _promise_facts(promise, "given"))
    out.print(
        f"\n[bold green]✓[/] {plain(promise.origin)} promised that the entry with this hash is in its log "
        f"when slot {promise.slot} has closed.\n  It is not a proof yet, and states no time. After that slot "
        "exchange it: --at the log's address."
    )


def _draw_exchanged(
    out: Console, promise: Promise, state: str, verified: VerifiedMechanism, written: Path | None
) -> None:
    print_facts(out, _promise_facts(promise, state))
    day = verified.marker.day
    where = f" The proof is in {plain(str(written))}." if written else " With --out FILE you get the proof."
    sentences = {
        "open": f"· Slot {promise.slot} has not closed yet; the newest is {verified.marker.slot}, of {day}. "
        "Keep the promise and ask again.",
        "kept": f"[bold green]✓[/] The promise was kept: the published log holds the entry.{where}",
        "late": f"[bold red]✗[/] The log holds the entry, but not in the tree of slot {promise.slot}, as was "
        f"promised.{where} Tell the mechanism's auditor.",
        "broken": f"[bold red]✗[/] The promise was broken: slot {promise.slot} has closed, and the log of "
        f"{verified.checkpoint.checkpoint.size} entries that the mechanism signed does not hold the entry. "
        "Keep the promise and the checkpoint (--out FILE writes it): both bear the mechanism's signature, "
        "and together they prove it. Show them to its auditor or your lawyer.",
    }
    out.print(f"\n{sentences[state]}")
