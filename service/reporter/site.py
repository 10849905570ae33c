"""What the pages of the reporter's site share: the intake behind them, the limits, the seal, and rendering.

Rules upheld here:

- A page is answered in one language, the one in its address; nothing is guessed from the browser.
- Pages of the mailbox are filled up to a size class, so that the length of an answer does not tell whether a
  receipt was right.
- A request that came from another site is refused before its body is read.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final, cast

from babel import Locale, UnknownLocaleError
from flask import Response, abort, current_app, make_response, render_template, request
from markupsafe import Markup

from meyasubako.service.config import Limits
from meyasubako.service.intake import ChannelView, Intake
from meyasubako.service.reporter.blanks import Blanks
from meyasubako.service.reporter.languages import AUTONYMS, current, offered
from meyasubako.service.reporter.limits import Pace
from meyasubako.service.reporter.questionnaire import Questionnaire
from meyasubako.service.reporter.sentences import SpokenEnvironment
from meyasubako.service.reporter.state import FormSeal, HeldFile, Leaving
from meyasubako.service.reporter.uploads import SealingRequest

_SIZE_CLASS: Final = 16 * 1024
# What the bodies outside may take on each page of the mailbox, so that they leave as much for messages.
_ROOM_OUTSIDE: Final = 4 * 1024


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that a page needs. `now` returns seconds since the epoch."""

    intake: Intake
    limits: Limits
    origin: str
    seal: FormSeal
    questionnaire: Questionnaire
    now: Callable[[], float]
    pace: Pace
    blanks: Blanks = field(default_factory=Blanks)

    def today(self) -> date:
        """The UTC day."""
        return datetime.fromtimestamp(self.now(), UTC).date()

    def channels(self) -> tuple[ChannelView, ...]:
        """Every open channel, looked at once in a request."""
        asked = sealing_request()
        if asked.channels is None:
            asked.channels = self.intake.channels()
        return asked.channels

    def look_again(self) -> None:
        """Look at the channels anew: they turned out to have changed."""
        sealing_request().channels = None

    def offered(self) -> tuple[str, ...]:
        """The languages of the site in which somebody answers, in one channel or another."""
        return offered(frozenset(tag for view in self.channels() for tag in view.languages))

    def page(
        self,
        template: str,
        *,
        files: tuple[HeldFile, ...] = (),
        alike: Hashable = None,
        own: Mapping[str, str] | None = None,
        **context: object,
    ) -> str:
        """A page with its way out: quick exit deletes `files`.

        `own` is what only this visitor's page has: sealed fields, and what is HTML already. `alike`, if
        given, is all that the rest of the page depends on beside language and channels: then it is made once
        for everybody.
        """
        leaving = self.seal.seal("leave", Leaving(tuple(file.id for file in files))) if files else ""
        html = {name: Markup(value) for name, value in (own or {}).items()}  # noqa: S704 (HTML already, see above)
        given = {"leaving": leaving, **html}
        templates = cast("SpokenEnvironment", current_app.jinja_env)

        def make(places: Mapping[str, str]) -> str:
            shown = {"limits": self.limits, "outside": self.intake.outside(), **context, **places}
            return render_template(templates.template(template), **shown)

        if alike is None:
            return make(given)
        key = (template, language(), request.endpoint, alike)
        return self.blanks.page(self.channels(), key, given, make)

    def in_size_class(self, body: str) -> Response:
        """A page of the mailbox, filled up with a comment to 16 KiB, or twice that, and so on.

        Where bodies outside are named, which is on all of these pages or on none, each class is longer.
        """
        data = body.encode()
        room = _ROOM_OUTSIDE if self.intake.outside() else 0
        size = _SIZE_CLASS
        while size + room < len(data) + 16:
            size *= 2
        filler = b"<!--" + b" " * (size + room - len(data) - 8) + b"-->\n"
        return make_response(data + filler)


def sealing_request() -> SealingRequest:
    """The current request, by its own type: itself, not what looks for it at each use."""
    return cast("SealingRequest", request._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001 (as Flask's documentation does)


def language() -> str:
    """The language of the current page, from its address."""
    return current()


def language_name(tag: str) -> str:
    """A language's own name for itself, or its tag where nobody has written that down."""
    if tag in AUTONYMS:
        return AUTONYMS[tag]
    try:
        return Locale.parse(tag, sep="-").get_display_name() or tag
    except (ValueError, UnknownLocaleError):
        return tag


def refuse_other_sites() -> None:
    """A form is taken from our own pages only: `Sec-Fetch-Site` where a browser sends it, else `Origin`.

    The scheme is not compared: an onion service speaks http to us whatever the browser shows.
    """
    asked = sealing_request()
    # The programs' door (a blueprint) knows who asks by a signature, and no form of a page speaks to it.
    if asked.method != "POST" or asked.blueprint is not None:
        return
    fetch_site = asked.headers.get("Sec-Fetch-Site")
    origin = asked.headers.get("Origin", "")
    own = origin.partition("://")[2] == asked.host
    if fetch_site not in (None, "same-origin") or (fetch_site is None and not own) or (origin and not own):
        abort(403)
