"""When the site waits with what somebody sends, and what the page then says.

Rules upheld here:

- A page that is held back comes again with everything that was typed and all files; its button sends them
  later. The answer says when (429, `Retry-After`).
- The way out, the calendar and style sheets are never held back.
- A filled trap and a form that comes back too soon get the same neutral sentence: a person whose browser
  filled the trap has to be let through by the same page.
- Nobody is told why others are being slow.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from babel.dates import format_skeleton
from flask import Response, g, request
from flask_babel import gettext, ngettext
from werkzeug.exceptions import TooManyRequests

from meyasubako.service.circuits import ENVIRON
from meyasubako.service.reporter import question
from meyasubako.service.reporter.forms import Problem
from meyasubako.service.reporter.languages import current, digits, locale_of, shown_date
from meyasubako.service.reporter.limits import DAY, PATIENCE_SECONDS, refused
from meyasubako.service.reporter.question import Question
from meyasubako.service.reporter.site import Site, sealing_request

# Hidden from people, screen readers and the keyboard; programs that fill in whatever they find fill it in.
TRAP: Final = "subject"
_FREE: Final = frozenset({"leave", "calendar", "static", "style"})
_KEEPING: Final = frozenset({"questions_posted", "answers_posted"})
_SENDING: Final = frozenset({"program.post_events"})
_PAGE: Final = "page"


def keep_pace(site: Site) -> Callable[[], None]:
    """What looks at each request before its body is read. Pages that lose nothing are held back later."""

    def check() -> None:
        asked = sealing_request()
        if asked.endpoint in _FREE:
            return
        wait = site.pace.request(asked.environ.get(ENVIRON))
        if wait and asked.endpoint in _KEEPING and wait <= PATIENCE_SECONDS:
            g.held = wait
        elif not wait and asked.endpoint in _SENDING:
            wait = site.pace.send()
        if wait and "held" not in g:
            raise refused(wait)

    return check


def tell_when(answer: Response) -> Response:
    """The status and the header of a page that was held back."""
    if g.get("held"):
        answer.status_code = TooManyRequests.code
        answer.headers["Retry-After"] = str(math.ceil(g.held))
    return answer


def page_problem(site: Site) -> Problem | None:
    """Why this page comes again instead of the next one; None where it may go on."""
    if request.form.get(TRAP):
        return _once_more()
    return _wait(site, g.held) if g.get("held") else None


def send_problem(site: Site, token: str, begun: int, *, report: bool) -> Problem | None:
    """Why the form with this token, begun at this second, is not sent now; None where it is."""
    if not 0 <= begun <= site.now() - site.pace.settings.form_seconds:
        return _once_more()
    fields = request.form
    asked = site.pace.settings.question
    known = asked != "never" and question.answered(
        site.seal, token, fields.get(question.SEALED, ""), fields.get(question.FIELD, "")
    )
    if asked == "always" and not known:
        return _unanswered()
    wait = site.pace.send()
    if wait and asked == "busy" and not known:
        g.asking, g.held = True, wait
        return _unanswered()
    if wait and not known:
        return _wait(site, wait)
    later = site.pace.report() if report else 0.0
    return _wait(site, later) if later else None


def file_problem(site: Site) -> Problem | None:
    """Why a report that was sealed elsewhere is not taken now; its file stays with whoever sends it."""
    wait = site.pace.send() or site.pace.report()
    return _wait(site, wait) if wait else None


def tomorrow(site: Site) -> Problem:
    """What a page says where somebody has added as much to their case as one may in a day."""
    sentence = gettext(
        "This is as much as one code can add in a day. Nothing is lost: this page keeps what you wrote."
    )
    return _later(site, DAY - site.now() % DAY, str(sentence))


def question_for(site: Site, token: str) -> Question | None:
    """The question that a page with a button “Send” shows now, if any."""
    wanted = site.pace.settings.question == "always" or g.get("asking")
    return question.ask(site.seal, token) if wanted else None


def again_at(now: float, wait: float) -> str:
    """When to try again, as its reader writes numbers and times."""
    locale = locale_of(current())
    moment = datetime.fromtimestamp(math.ceil(round(now + wait) / 60) * 60, UTC)
    time = format_skeleton("Hm", moment, tzinfo=UTC, locale=locale)
    minutes = math.ceil(wait / 60)
    if timedelta(minutes=minutes) <= timedelta(hours=1):
        sentence = ngettext(
            "Please try again in %(num)s minute, at %(time)s (UTC).",
            "Please try again in %(num)s minutes, at %(time)s (UTC).",
            minutes,
            time=time,
        )
    else:
        sentence = gettext(
            "Please try again on %(date)s, from %(time)s (UTC) on.",
            date=shown_date(moment.date(), current()),
            time=time,
        )
    return digits(str(sentence), current())


def _wait(site: Site, wait: float) -> Problem:
    sentence = gettext(
        "Too much is arriving here at this moment. Nothing is lost: this page keeps what you wrote."
    )
    return _later(site, wait, str(sentence))


def _later(site: Site, wait: float, sentence: str) -> Problem:
    g.held = wait
    return Problem(_PAGE, f"{sentence} {again_at(site.now(), wait)}")


def _once_more() -> Problem:
    return Problem(
        _PAGE, gettext("Please look at this page once more, and press the button again. Nothing is lost.")
    )


def _unanswered() -> Problem:
    sentence = gettext("Please write the number that is asked for above the button. Nothing is lost.")
    return Problem(question.FIELD, sentence)
