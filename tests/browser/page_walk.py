"""The way through the pages that seal in the browser, in the few words that every driver here knows."""

import time
from collections.abc import Callable, Sequence

from tests.browser import walk

_PATIENCE = 90


def until(said: str, holds: Callable[[], bool]) -> None:
    """Look again and again; fails where it never comes true."""
    end = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < end, f"it never came: {said}"
        time.sleep(0.05)


def at(page, step: str) -> None:
    """Wait until the page stands at a step."""
    place = page.locator(f'[data-step="{step}"]')
    until(step, lambda: place.count() > 0 and place.is_visible())


def go(page, step: str, where: str = "next") -> None:
    """Press a button of a step."""
    page.click(f'[data-step="{step}"] [data-go="{where}"]')


def write(
    page,
    language: str,
    *,
    excluded: Sequence[str] = (),
    text: str,
    files: Sequence[object] = (),
    who: str | None = None,
    see: walk.See = walk.unseen,
) -> None:
    """From the list of readers to the last page before sending; `who` where the reporter is asked."""
    at(page, "readers")
    see("readers")
    for name in excluded:
        page.get_by_label(name).check()
    go(page, "readers")
    at(page, "story")
    see("story")
    page.fill("#text", text)
    go(page, "story")
    at(page, "topic")
    see("topic")
    page.check("#kinds input[value=safety]")
    go(page, "topic")
    at(page, "circumstances")
    see("circumstances")
    page.fill("#place", walk.PLACE[language])
    go(page, "circumstances")
    at(page, "needs")
    see("needs")
    go(page, "needs")
    at(page, "files")
    see("files")
    if files:
        page.set_input_files("#files", files)
        until("the files are listed", lambda: page.locator("[data-held] li").count() > 0)
    go(page, "files")
    if who is not None:
        at(page, "who")
        page.fill("#identity", who)
        see("who")
        go(page, "who")
    at(page, "review")
    see("review")


def report(
    page,
    language: str,
    *,
    excluded: Sequence[str] = (),
    text: str = "",
    files: Sequence[object] = (),
    who: str | None = None,
) -> str:
    """Write a report and send it; gives the receipt."""
    page.goto(f"/{language}/form")
    write(page, language, excluded=excluded, text=text or walk.TEXT[language], files=files, who=who)
    go(page, "review", "send")
    at(page, "receipt")
    return walk.shown(page, ".code")


def enter(page, language: str, receipt: str) -> None:
    """Open the mailbox in the page."""
    page.goto(f"/{language}/replies")
    at(page, "door")
    page.fill("#receipt", receipt)
    go(page, "door", "open")
    at(page, "mailbox")


def open_details(page) -> None:
    """Unfold whatever can be unfolded."""
    page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true })")


def say(page, text: str, files: Sequence[object] = ()) -> None:
    """Write a message in the open mailbox."""
    _entered(page, text, files)
    go(page, "mailbox", "say")
    until("it is sent", page.locator("[data-sent]").is_visible)


def add(page, text: str, files: Sequence[object] = ()) -> None:
    """Add something to the report, in the open mailbox."""
    _entered(page, text, files)
    go(page, "mailbox", "add")
    until("it is added", page.locator("[data-done]").is_visible)


def _entered(page, text: str, files: Sequence[object]) -> None:
    page.fill("#text", text)
    if files:
        open_details(page)
        page.set_input_files("#files", files)
        until("the file is listed", lambda: page.locator("[data-held] li").count() > 0)
