"""An audit's answer, as JSON facts and on a terminal."""

from datetime import date
from typing import Any

from rich.console import Console

from meyasubako.domain.chronicle import Deadline
from meyasubako.service.cli.output import plain, print_facts
from meyasubako.service.inspection import AuditResult

_SHOWN = 20


def facts(result: AuditResult, today: date) -> dict[str, Any]:
    """Everything, for scripts; `today` is the auditor's."""
    return {
        "good": result.good,
        "origin": result.origin,
        "fingerprint": result.fingerprint,
        "published_size": result.size,
        "root": result.root,
        "entries": result.entries,
        "since": result.since,
        "day": str(result.day or ""),
        "stopped": result.stopped(today),
        "ahead": result.ahead(today),
        "remembered": result.remembered,
        "source": result.source,
        "fingerprint_compared": result.compared,
        "more_findings": result.cut,
        "witnesses": {
            "asked": result.witnessed.asked,
            "cosigned": list(result.witnessed.cosigned),
            "missing": list(result.witnessed.missing),
            "quorum_met": result.witnessed.quorum_met,
        },
        "summary": result.summary,
        "steps": [
            {"name": step.name, "good": not step.findings, "about": step.about} for step in result.steps
        ],
        "missed_deadlines": [_deadline(each) for each in result.missed],
        "findings": [
            {"rule": each.rule, "sentence": each.sentence, "index": each.index, "stream": each.stream}
            for each in result.findings
        ],
    }


def _deadline(each: Deadline) -> dict[str, Any]:
    return {
        "case": each.case,
        "state": each.state,
        "due": str(each.due),
        "met": str(each.met or ""),
        "index": each.index,
    }


def draw(out: Console, result: AuditResult, today: date) -> None:
    """Everything that a person reads first, findings last."""
    shown = facts(result, today)
    names = ("origin", "fingerprint", "published_size", "root", "entries", "day")
    print_facts(out, {name: shown[name] for name in names})
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in result.summary.items())
    out.print(f"[dim]{counts}[/]\n")
    for step in result.steps:
        mark = "[red]✗[/]" if step.findings else "[green]✓[/]"
        out.print(f"{mark} {step.name}[dim]{': ' if step.about else ''}{plain(step.about)}[/]")
    out.print()
    _draw_missed(out, result)
    _draw_day(out, result, today)
    if result.good:
        out.print(f"[bold green]✓[/] {result.verdict}")
        if result.first_use:
            out.print(
                "[dim]  Compare the fingerprint with the poster's: nothing was known of this log here.[/]"
            )
        if result.remembered is False:
            out.print(
                "[yellow]![/] This could not be remembered: keep the checkpoint, and bring it with --pin."
            )
        return
    for number, each in enumerate(result.findings):
        where = f"entry {each.index}" if each.index is not None else "the whole"
        stream = f", stream {each.stream[:8]}" if each.stream else ""
        mark = "[bold red]✗[/]" if number == 0 else "[red]·[/]"
        out.print(f"{mark} {where}{stream}: {plain(each.sentence)} [dim]({each.rule})[/]")
    out.print(f"\n{result.verdict}")


def _draw_day(out: Console, result: AuditResult, today: date) -> None:
    if result.stopped(today):
        out.print(
            f"[yellow]![/] The last slot that is here closed on {result.day}, and one takes"
            f" {result.slot_hours} hours.\n  If this is the newest that the mechanism shows,"
            " it has stopped, or hides what came since.\n"
        )
    if result.ahead(today):
        out.print(
            f"[yellow]![/] The last slot is dated {result.day}, which is still to come:"
            " the clock there, or the one here, is wrong.\n"
        )


def _draw_missed(out: Console, result: AuditResult) -> None:
    missed = result.missed
    for each in missed[:_SHOWN]:
        met = f"met on {each.met}" if each.met else "not met yet"
        out.print(f"[yellow]![/] case {each.case[:8]}: {each.state}, due {each.due}, {met}")
    if len(missed) > _SHOWN:
        out.print(f"[yellow]![/] and {len(missed) - _SHOWN} more")
    if missed:
        count = len(missed)
        told = f"{count} deadline{'s' if count > 1 else ''} missed: no rule was broken, and it stays said."
        out.print(f"[dim]  {told}[/]\n")
