"""How a case is shown: as facts for scripts, and as text for people."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from meyasubako.domain.envelope import Event
from meyasubako.domain.reading import Opened
from meyasubako.domain.sealing import SEALED_TYPE
from meyasubako.service.cli.connecting import Connection
from meyasubako.service.cli.output import plain
from meyasubako.service.client.casefile import CaseFile


@dataclass(frozen=True, slots=True)
class Saved:
    """Where a file of a case was saved, and, if its sender had sealed it before, where it was opened."""

    path: str = ""
    opened: str = ""


def staff(file: CaseFile) -> list[str]:
    """The key ids of those who were given the report and not taken off it."""
    report = file.rooms.get("report")
    return sorted(report.readers - {file.case.reporter}) if report else []


def state(file: CaseFile) -> str:
    """Where the case stands, in words."""
    outcome = f" ({file.case.outcome})" if file.case.outcome else ""
    return file.case.state.replace("_", " ") + outcome


def facts_of(file: CaseFile, connection: Connection) -> dict[str, Any]:
    """What the log says of a case, with readers' names."""
    case = file.case
    return {
        "case": case.stream,
        "channel": case.channel,
        "state": case.state,
        "outcome": case.outcome,
        "submitted_on": case.submitted_on.isoformat(),
        "next_date": case.next_date.isoformat() if case.next_date else "",
        "readers": [connection.name(reader) for reader in staff(file)],
        "sealed_by": file.submission.text("sealed_by") if file.case.stream in file.events else "",
        "rooms": sorted(file.rooms),
    }


def _author(file: CaseFile, event: Event, connection: Connection) -> str:
    return "the reporter" if event.by == file.case.reporter else connection.name(event.by)


def event_facts(file: CaseFile, event: Event, connection: Connection) -> dict[str, str]:
    """What the log says of one event."""
    room = next((room.name for room in file.rooms.values() if room.stream == event.stream), "")
    return {
        "day": event.at.isoformat(),
        "kind": event.kind,
        "room": room,
        "by": _author(file, event, connection),
        "leaf": event.leaf,
    }


def text_facts(
    connection: Connection, file: CaseFile, part: Opened, saved: Mapping[str, Saved]
) -> dict[str, Any]:
    """One text of a case as it was opened, or why it could not be."""
    facts: dict[str, Any] = {
        "day": part.event.at.isoformat(),
        "by": _author(file, part.event, connection),
        "leaf": part.event.leaf,
    }
    if part.document is None:
        return {**facts, "trouble": part.trouble}
    attached = [
        {
            "name": each.name,
            "type": each.media_type,
            "size": each.size,
            "sha256": each.digest,
            "sealed_by_sender": each.media_type == SEALED_TYPE,
            "saved": saved.get(each.digest, Saved()).path,
            "opened": saved.get(each.digest, Saved()).opened,
        }
        for each in part.document.files
    ]
    return {**facts, "time": part.document.time, "text": part.document.text, "files": attached}


def draw_text(
    out: Console, connection: Connection, file: CaseFile, part: Opened, saved: Mapping[str, Saved]
) -> None:
    """Draw one text of a case, with its files."""
    author = plain(_author(file, part.event, connection))
    out.print(f"  [cyan]{author}[/] [dim]{part.event.at.isoformat()}[/]")
    if part.document is None:
        out.print(f"    [yellow]not opened: {plain(part.trouble)}[/]")
        return
    for line in part.document.text.splitlines():
        out.print(f"    {plain(line)}")
    for each in part.document.files:
        found = saved.get(each.digest, Saved())
        where = f" → {found.path}" if found.path else ""
        out.print(f"    [dim]file[/] {plain(each.name)} [dim]({each.size:,} bytes)[/]{plain(where)}")
        if found.opened:
            out.print(f"         [dim]opened[/] {plain(found.opened)}")
        elif each.media_type == SEALED_TYPE:
            path = shlex.quote(found.path) if found.path else "FILE"
            out.print("         [dim]sealed by its sender; to open it:[/]")
            out.print(f"         [cyan]meyasubako open -i KEYFILE {plain(path)}[/]", soft_wrap=True)
