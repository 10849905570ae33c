"""`mailbox`: the reporter's way back, opened and sealed on the reporter's machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from meyasubako.domain import roles
from meyasubako.domain.envelope import Event
from meyasubako.domain.holders import holders_of, threshold_of
from meyasubako.domain.reach import replaced_keys
from meyasubako.domain.reading import Opened
from meyasubako.service.cli import mailbox_wishes, options
from meyasubako.service.cli.asking import read_receipt
from meyasubako.service.cli.case_options import text_given
from meyasubako.service.cli.connecting import be_sure, tell_seen
from meyasubako.service.cli.failures import InputError
from meyasubako.service.cli.output import emit, plain, sealing_files
from meyasubako.service.cli.report import told_in
from meyasubako.service.client import roster, sealed_report
from meyasubako.service.client.files import LocalFile, Progress, safe_name
from meyasubako.service.client.http import Http
from meyasubako.service.client.mailbox import Letters, Visit
from meyasubako.service.client.reporter import ReporterClient
from meyasubako.service.client.sealed_report import Offer

# What the service says that happened, in words.
HAPPENED: Final = {
    "requested": "Somebody who works on your report asked the custodians who you are.",
    "requested: danger": "Somebody asked who you are, because somebody may be in danger.",
    "requested: court": "Somebody asked who you are, because a court ordered it.",
    "approved": "A custodian agreed.",
    "refused": "A custodian refused. This request is over.",
    "opened": "One person who works on your report was shown who you are.",
    "expired": "The time is over: this request opens nothing any more.",
    "ordered": "A court ordered that something is handed over.",
    "disclosed": "Something was handed over to the court.",
    "recovery requested": "A key of somebody who works on your report was lost; colleagues restore access.",
}


@click.command(
    epilog=options.example(
        "meyasubako mailbox --at URL",
        'meyasubako mailbox --at URL --say "It was the second night." --file photo.jpg',
    )
)
@options.server("the reporter's site")
@click.option(
    "--say", metavar="TEXT", help="Write to the people who read your report; - reads standard input."
)
@click.option("--add", metavar="TEXT", help="Add to the report itself, which the receipt does not open.")
@click.option(
    "--identity",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Add what FILE tells to what you said of yourself when you reported; custodians guard it.",
)
@click.option("--mediate", metavar="TEXT", help="Write in the mediation, once a mediator has opened it.")
@click.option(
    "--ask",
    metavar="CODE",
    help="Ask for something, or choose a way; `meyasubako mailbox` lists the codes. --say gives the words.",
)
@options.attached
@click.option(
    "--save-to",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Open every file that they sent into FOLDER.",
)
@click.option("--close-to-reading", is_flag=True, help="Let the receipt open nothing any more, for ever.")
@click.option(
    "--proof",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a dated proof that you filed to FILE: it names nobody, but shows that you were here.",
)
@options.log_url("If left out, by the log as the site shows it.")
@options.demands
@options.proxy
@options.as_json
def mailbox(  # noqa: PLR0913  each is an option of the command
    *,
    url: str,
    say: str | None,
    add: str | None,
    identity: Path | None,
    mediate: str | None,
    ask: str | None,
    attached: tuple[Path, ...],
    save_to: Path | None,
    close_to_reading: bool,
    proof: Path | None,
    log_url: str | None,
    fingerprint: str | None,
    first_use: bool,
    accept_stale: bool,
    accept_unwitnessed: bool,
    proxy: str | None,
    as_json: bool,
) -> None:
    """Read the answers to your report, and write back. Asks for the receipt, without showing it.

    In a pipe, the first line of standard input is the receipt.
    """
    words = Words(say, add, mediate, ask, told_in(identity) if identity else None)
    writing = words.writing
    carried = attached and (not writing or identity)
    if sum((writing, close_to_reading, proof is not None)) > 1 or carried or words.two:
        raise click.UsageError(
            "Choose one of --say, --add, --mediate, --identity, --close-to-reading and --proof; --file goes"
            " with the first three, and --ask with --say."
        )
    receipt = read_receipt()
    log = roster.from_log(Http(log_url, proxy=proxy)) if log_url else None
    offer = sealed_report.look(
        ReporterClient(Http(url, proxy=proxy)),
        fingerprint=fingerprint,
        log=log,
        # Whoever only reads seals nothing to anybody.
        accept_stale=accept_stale or not writing,
        accept_unwitnessed=accept_unwitnessed or not writing,
    )
    if writing:
        tell_seen(offer.verified)
        be_sure(offer.verified, fingerprint, first_use=first_use)
    key = receipt.signing_key(offer.verified.mechanism.origin)
    letters = Letters(ReporterClient(Http(url, proxy=proxy, key=key)), receipt, offer.verified)
    if writing:
        _write(letters, words, attached, as_json=as_json)
    elif proof is not None:
        _prove(letters, proof, as_json=as_json)
    elif close_to_reading:
        event = letters.close_to_reading()
        emit({"done": "the receipt opens nothing any more", "leaf": event.leaf}, as_json=as_json)
    else:
        _read(letters, offer, save_to, as_json=as_json)


@dataclass(frozen=True, slots=True, repr=False)
class Words:
    """What is to be written: in the dialogue, to the report, in the mediation; what is asked for with it."""

    say: str | None
    add: str | None
    mediate: str | None
    ask: str | None
    identity: str | None = None

    @property
    def writing(self) -> bool:
        """Whether anything is written at all."""
        return any(each is not None for each in (self.say, self.add, self.mediate, self.ask, self.identity))

    @property
    def two(self) -> bool:
        """Whether more is written than one thing."""
        others = sum(each is not None for each in (self.add, self.mediate, self.identity))
        return others + (self.say is not None or self.ask is not None) > 1

    def send(self, letters: Letters, files: Sequence[LocalFile], step: Progress) -> tuple[Event, str]:
        """Write it; gives the event and what was done."""
        if self.ask is not None:
            text = self.say if self.say is not None else f"I want to {mailbox_wishes.sentence(self.ask)}."
            return letters.ask(self.ask, _text(text), files, step), "asked for"
        if self.identity is not None:
            return letters.add_identity(self.identity), "added to what you said of yourself"
        if self.mediate is not None:
            return letters.mediate(_text(self.mediate), files, step), "said in the mediation"
        if self.add is not None:
            return letters.add(_text(self.add), files, step), "added to the report"
        return letters.say(_text(self.say), files, step), "sent"


def _text(given: str | None) -> str:
    return text_given(None if given == "-" else given)


def _write(letters: Letters, words: Words, attached: tuple[Path, ...], *, as_json: bool) -> None:
    with sealing_files(attached, "sealing") as (local, step):
        try:
            event, done = words.send(letters, local, step)
        except ValueError as error:
            raise InputError(f"{error}: `meyasubako mailbox` lists what can be asked for") from error
    emit({"done": done, "day": event.at.isoformat(), "leaf": event.leaf}, as_json=as_json)


def _prove(letters: Letters, path: Path, *, as_json: bool) -> None:
    found = letters.proof()
    with path.open("x", encoding="utf-8", newline="") as file:
        file.write(found.data)
    say = (
        "a dated proof that you filed; it names nobody. To check it: meyasubako log verify-proof"
        if found.final
        else "a promise, until the slot closes; come back for the dated proof in a day or two"
    )
    emit({"file": str(path), "final": found.final, "what": say}, as_json=as_json)


def _read(letters: Letters, offer: Offer, save_to: Path | None, *, as_json: bool) -> None:
    visit = letters.visit()
    saved = _save(letters, visit, save_to) if save_to else {}
    due = visit.case.next_date.isoformat() if visit.case.next_date else ""
    dialogue = visit.rooms["dialogue"]
    facts: dict[str, Any] = {
        "state": visit.case.state,
        "next_date": due,
        "closed_to_reading": visit.closed_to_reading,
        "replaced_keys": [
            {"role": _role(offer, person.key_id, visit.case.channel), "day": person.since.isoformat()}
            for person in replaced_keys(offer.verified.mechanism, visit.rooms.values())
        ],
        **mailbox_wishes.facts(visit),
        "messages": [_message(visit, offer, each, saved) for each in visit.messages],
        "mediation": [_message(visit, offer, each, saved) for each in visit.mediation],
        "recovery": {
            "needed": threshold_of(dialogue, dialogue.epoch, offer.verified.mechanism),
            "holders": [
                _role(offer, each, visit.case.channel)
                for each in sorted(holders_of(dialogue, dialogue.epoch))
            ],
        },
        "happened": [
            {"what": each.what, "day": each.day, "role": each.role, "until": each.until}
            for each in visit.happened
        ],
    }

    def show(out: Console) -> None:
        out.print(f"[dim]state[/]      {visit.case.state.replace('_', ' ')}")
        out.print(f"[dim]next date[/]  {due or 'none: it is closed'}")
        mailbox_wishes.draw_state(out, facts)
        for each in facts["replaced_keys"]:
            out.print(
                f"[yellow]the key of a person who reads this ({each['role']}) was replaced on {each['day']}: "
                "if somebody else had the old one, they may have read what was written until then[/]"
            )
        if not visit.messages:
            out.print("\nNo messages yet.")
        for message in visit.messages:
            _draw(out, _message(visit, offer, message, saved))
        if visit.mediation:
            out.print("\n[bold]In the mediation[/]")
        for message in visit.mediation:
            _draw(out, _message(visit, offer, message, saved))
        if helping := facts["recovery"]["holders"]:
            needed = facts["recovery"]["needed"]
            out.print(
                f"\n[dim]where a reader loses a key, any {needed} of {len(helping)} people together help[/]"
            )
        if visit.happened:
            out.print("\n[bold]What was asked about you[/]")
        for each in visit.happened:
            sentence = HAPPENED.get(each.what, each.what)
            until = f" (until {each.until})" if each.until and each.what == "opened" else ""
            out.print(f"  [dim]{each.day}[/] {plain(sentence)}{until}")
        mailbox_wishes.draw_wishes(out, facts)

    emit(facts, as_json=as_json, show=show)


def _message(visit: Visit, offer: Offer, each: Opened, saved: dict[str, str]) -> dict[str, Any]:
    mine = each.event.by == visit.case.reporter
    facts: dict[str, Any] = {
        "from": "you" if mine else _role(offer, each.event.by, visit.case.channel),
        "day": each.event.at.isoformat(),
    }
    if each.document is None:
        return {**facts, "trouble": each.trouble}
    files = [
        {"name": file.name, "size": file.size, "sha256": file.digest, "saved": saved.get(file.digest, "")}
        for file in each.document.files
    ]
    return {**facts, "text": each.document.text, "files": files}


def _role(offer: Offer, key_id: str, channel: str) -> str:
    """The role in which somebody wrote: whoever looks over the reporter's shoulder reads no name here."""
    person = offer.verified.mechanism.people[key_id]
    held = sorted(roles.name(role) for role in person.roles if roles.channel(role) == channel)
    return ", ".join(held) or "staff"


def _draw(out: Console, message: dict[str, Any]) -> None:
    out.print(f"\n[cyan]{plain(message['from'])}[/] [dim]{message['day']}[/]")
    if "trouble" in message:
        out.print(f"  [yellow]not opened: {plain(message['trouble'])}[/]")
        return
    for line in message["text"].splitlines():
        out.print(f"  {plain(line)}")
    for file in message["files"]:
        where = f" → {file['saved']}" if file["saved"] else ""
        out.print(f"  [dim]file[/] {plain(file['name'])} [dim]({file['size']:,} bytes)[/]{plain(where)}")


def _save(letters: Letters, visit: Visit, folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    saved = {}
    for message in visit.messages:
        for file in message.document.files if message.document else ():
            path = safe_name(file.name, folder)
            letters.save(visit, file.digest, path)
            saved[file.digest] = str(path)
    return saved
