"""What a reporter is told of a case beside its messages, and what they can ask for, in words."""

from typing import Any, Final

from rich.console import Console

from meyasubako.service.cli.output import plain
from meyasubako.service.client.mailbox import Visit

WISHES: Final = {
    "path:dialogue": "talk with the organisation",
    "path:mediation": "let a mediator help both sides",
    "path:investigation": "have it investigated",
    "review": "have other people look at the decision again",
    "consent": "agree that it is sent to those whom they named",
    "unconsent": "take back your agreement to send it",
    "checkin": "answer the question how you are",
    "view:satisfied": "say that you are satisfied with the result",
    "view:partly": "say that you are satisfied with a part of it",
    "view:not": "say that you are not satisfied",
    "withdraw": "withdraw your report: they ask you back first, and two people look at it",
}


def sentence(code: str) -> str:
    """What a wish means."""
    return WISHES.get(code, WISHES.get(code.partition(":")[0], code))


def facts(visit: Visit) -> dict[str, Any]:
    """Where the case stands, for scripts."""
    shown = visit.shown
    return {
        "late_since": shown.late_since if shown else "",
        "withdrawn": shown.withdrawn if shown else False,
        "wishes": [
            {"code": each.code, "until": each.until, "what": sentence(each.code)}
            for each in (shown.wishes if shown else ())
        ],
    }


def draw_state(out: Console, found: dict[str, Any]) -> None:
    """Say what is late, and that a withdrawal is being looked at."""
    if found["late_since"]:
        out.print(
            f"[yellow]You should have heard from them by {found['late_since']}. It is written down that they "
            "are late. You can also turn to others: the site names some.[/]"
        )
    if found["withdrawn"]:
        out.print("You asked to withdraw your report. They ask you back here before anything ends.")


def draw_wishes(out: Console, found: dict[str, Any]) -> None:
    """List what can be asked for."""
    if found["wishes"]:
        out.print("\n[bold]You can also ask for[/] [dim](--ask CODE, with --say TEXT)[/]")
    for each in found["wishes"]:
        until = f" (until {each['until']})" if each["until"] else ""
        out.print(f"  [cyan]{plain(each['code'])}[/]  {each['what']}{until}")
