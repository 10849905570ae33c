"""`report`: the reporter's own tool, which seals on the reporter's machine."""

import sys
from pathlib import Path

import click
from rich.console import Console

from meyasubako.domain import sealing
from meyasubako.service.cli import options
from meyasubako.service.cli.case_options import text_given
from meyasubako.service.cli.connecting import be_sure, tell_seen
from meyasubako.service.cli.failures import InputError
from meyasubako.service.cli.output import console, emit, plain, sealing_files
from meyasubako.service.client import roster, sealed_report
from meyasubako.service.client.errors import NoCustodiansError
from meyasubako.service.client.http import Http
from meyasubako.service.client.reporter import ReporterClient
from meyasubako.service.client.sealed_report import Offer, Prepared, Words
from meyasubako.service.errors import UnreachableError


@click.command(
    epilog=options.example(
        'meyasubako report --at URL --fingerprint "1234 …" --file photo.jpg < what-happened.txt',
        'meyasubako report --at URL --without "Omar Haddad" --proxy socks5h://127.0.0.1:9050',
    )
)
@options.server("the reporter's site")
@click.option("--text", help="What happened; standard input if left out.")
@options.attached
@click.option("--channel", default="main", show_default=True, help="The channel to report on.")
@click.option(
    "--without", multiple=True, metavar="NAME", help="Somebody who must not read it; more than once."
)
@click.option(
    "--identity",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Say who you are, as FILE tells: sealed apart, opened only by several custodians together.",
)
@click.option("--language", default="en", show_default=True, help="The language that you write in.")
@click.option(
    "--promise",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the mechanism's promise that your report is in its log to FILE; it names nobody.",
)
@options.log_url("If left out, by the log as the site shows it.")
@options.demands
@options.proxy
@click.option("--yes", is_flag=True, help="Do not ask whether these people may read it.")
@options.as_json
def report(  # noqa: PLR0913  each is an option of the command
    *,
    url: str,
    text: str | None,
    attached: tuple[Path, ...],
    channel: str,
    without: tuple[str, ...],
    identity: Path | None,
    language: str,
    promise: Path | None,
    log_url: str | None,
    fingerprint: str | None,
    first_use: bool,
    accept_stale: bool,
    accept_unwitnessed: bool,
    proxy: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Send a report, sealed on this machine.

    Who would read it is verified against the mechanism's public log and shown first, with the mechanism's
    fingerprint to compare with its poster. The receipt is shown once and kept nowhere: it is the only way
    back to the answers. Files are sealed as they are, with what they tell besides: a photo may say where it
    was taken.

    In a pipe it shows who would read, and does not ask.
    """
    client = ReporterClient(Http(url, proxy=proxy))
    log = roster.from_log(Http(log_url, proxy=proxy)) if log_url else None
    offer = sealed_report.look(
        client,
        fingerprint=fingerprint,
        log=log,
        accept_stale=accept_stale,
        accept_unwitnessed=accept_unwitnessed,
    )
    tell_seen(offer.verified)
    be_sure(offer.verified, fingerprint, first_use=first_use)
    excluded = _excluded(offer, channel, without)
    told = _told(offer, channel, excluded, identity)
    words = Words(
        text_given(_asked(offer, channel, excluded, text, yes=yes)), language, excluded, identity=told
    )
    with sealing_files(attached, "sealing") as (local, step):
        prepared = sealed_report.prepare(client, offer, words, local, channel=channel, progress=step)
    try:
        accepted = sealed_report.send(client, prepared)
    except UnreachableError:
        click.echo(
            "No answer came: it may have arrived all the same. Look with `meyasubako mailbox`.", err=True
        )
        click.echo(f"Your receipt: {prepared.receipt.digits()}", err=True)
        raise
    _show_receipt(offer, prepared, accepted[0].promise, url, as_json=as_json)
    # After the receipt, which is never lost over it.
    promised = sealed_report.promise_of(offer, accepted)
    if promise is not None:
        promise.write_bytes(promised)


def _excluded(offer: Offer, channel: str, without: tuple[str, ...]) -> frozenset[str]:
    readers = offer.readers(channel)
    excluded = set()
    for wanted in without:
        found = [
            key for key, name in readers.items() if wanted.casefold() in (name.casefold(), key.casefold())
        ]
        if len(found) != 1:
            raise InputError(
                f"{wanted!r} is nobody who would read it; those are: {', '.join(readers.values())}"
            )
        excluded.add(found[0])
    return frozenset(excluded)


def _told(offer: Offer, channel: str, excluded: frozenset[str], path: Path | None) -> str:
    """Who the reporter is, where they say so; shows who would keep it."""
    if path is None:
        return ""
    found = offer.custodians(channel, excluded)
    if found is None:
        raise NoCustodiansError("too few custodians are left to keep who you are")
    text = told_in(path)
    people = ", ".join(offer.names[each] for each in found.people)
    console(sys.stderr).print(f"[dim]custodians[/]   any {found.threshold} of {plain(people)}")
    return text


def told_in(path: Path) -> str:
    """What a file tells of whoever writes; refuses what is empty, or does not fit."""
    text = path.read_text(encoding="utf-8").strip()
    if not text:
        raise InputError(f"{path} is empty")
    if not sealing.identity_fits(text):
        raise InputError(f"{path} is too long: who you are fits into about 1,400 bytes")
    return text


def _asked(
    offer: Offer, channel: str, excluded: frozenset[str], text: str | None, *, yes: bool
) -> str | None:
    """Show who would read, and ask; where the text comes through a pipe, showing has to do.

    Raises NoReaderError if nobody is left.
    """
    readers = [offer.names[person.key_id] for person in offer.staying(channel, excluded)]
    draw = offer.channel(channel).draw
    drawn = f"  [dim](the program draws {draw} of them)[/]" if draw and len(readers) > draw else ""
    out = console(sys.stderr)
    out.print(f"[bold]{plain(offer.titles.get(channel, channel))}[/]")
    out.print(f"[dim]fingerprint[/]  {offer.verified.fingerprint}  [dim](compare it with the poster)[/]")
    out.print(f"[dim]readers[/]      {plain(', '.join(readers))}{drawn}")
    if holding := offer.recovery(channel, excluded):
        people = ", ".join(offer.names[each] for each in holding.people)
        out.print(
            f"[dim]recovery[/]     any {holding.threshold} of {plain(people)}, together, "
            "where a reader loses a key"
        )
    if sys.stdin.isatty() and not yes:
        click.confirm("Only these people will be able to read it. Go on?", default=True, abort=True, err=True)
    return text


def _show_receipt(offer: Offer, prepared: Prepared, promise: str, url: str, *, as_json: bool) -> None:
    facts = {
        "receipt": prepared.receipt.digits(),
        "fingerprint": offer.verified.fingerprint,
        "origin": offer.verified.mechanism.origin,
        "readers": [offer.names[key] for key in prepared.readers],
        "next_date": prepared.next_date.isoformat(),
        "promise": promise,
        "files": sum(
            payload.use == "files" for event in prepared.request.events for payload in event.payloads()
        ),
    }

    def show(out: Console) -> None:
        out.print("\nIt has arrived. Your receipt, shown this once; write it down:\n")
        groups = prepared.receipt.digits().split()
        for start in (0, 6):
            out.print(f"    [bold]{'  '.join(groups[start : start + 6])}[/]")
        out.print(f"\nBy {prepared.next_date.isoformat()} at the latest you hear from them. To look:")
        out.print(f"    meyasubako mailbox --at {plain(url)}")
        out.print("\n[dim]A promise that it is in the log (you do not need it to come back):[/]")
        for line in promise.splitlines():
            out.print(f"    {plain(line)}")

    emit(facts, as_json=as_json, show=show)
