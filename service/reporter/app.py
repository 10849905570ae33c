"""The reporter's site: a whole way to report and to come back, without scripts, cookies or sessions.

Rules upheld here:

- Addresses are the language and one neutral word; nothing that a person typed or holds is ever in one.
- Every answer is hardened as all doors are (`meyasubako.service.web`), with a policy that allows our own
  style sheet and icon and nothing else.
- Errors are pages in the reader's language that say what to do next.
- Packed are only pages that are the same whoever asks, but for what is random in them: where nothing of a
  person's is in a page, its packed length tells nothing. What follows from a form is sent as it is.
"""

import gzip
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Final

from flask import Flask, Response, g, redirect, request, url_for
from flask_babel import Babel, force_locale, gettext
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from meyasubako.service.circuits import Circuits
from meyasubako.service.config import Config
from meyasubako.service.faults import record
from meyasubako.service.intake import Intake
from meyasubako.service.reporter import envelope_pages, own_tools, sealing_pages
from meyasubako.service.reporter.errors import LostStateError
from meyasubako.service.reporter.holding import again_at, keep_pace, tell_when
from meyasubako.service.reporter.languages import (
    AUTONYMS,
    DEFAULT,
    WORDS,
    digits,
    language_rule,
    locale_identifier,
    locale_of,
    reviewed,
    shown_date,
    shown_number,
)
from meyasubako.service.reporter.limits import Pace
from meyasubako.service.reporter.mailbox import MailboxPages
from meyasubako.service.reporter.month import month_of
from meyasubako.service.reporter.questionnaire import standard
from meyasubako.service.reporter.report import ReportPages
from meyasubako.service.reporter.sentences import SpokenEnvironment
from meyasubako.service.reporter.site import (
    Site,
    language,
    language_name,
    refuse_other_sites,
    sealing_request,
)
from meyasubako.service.reporter.state import FormSeal, Leaving
from meyasubako.service.reporter.uploads import Gate, request_class_for
from meyasubako.service.reporter.wording import (
    answered_in,
    happened_sentence,
    outside_label,
    role_name,
    room_name,
    state_sentence,
    wish_label,
    wish_warning,
)
from meyasubako.service.store.errors import StoreFullError
from meyasubako.service.web import Application, harden, problem_page

# Where the application keeps its `Pace`, for the programs' door.
PACE: Final = "meyasubako.pace"
CSP: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
# A typed text travels twice, once sealed: the largest text of the settings in four-byte characters fits.
_FORM_ROOM: Final = 512 * 1024
_PARTS: Final = 200
# Half as long in a fifth of a millisecond; harder packing saves little more.
_QUICKLY: Final = 3
_TAKING_FILES: Final = frozenset({"questions_posted", "answers_posted", *envelope_pages.TAKING_FILES})
_BEGINNINGS: Final = frozenset(
    {"begin", "questions", "answers", *sealing_pages.ENDPOINTS, *envelope_pages.ENDPOINTS}
)
_LANGUAGE: Final = language_rule("").rstrip("/")


def create_app(intake: Intake, config: Config, *, now: Callable[[], float] = time.time) -> Flask:
    """The reporter's site as a WSGI application. `now` gives seconds since the epoch, for a page's age."""
    app = Application(__name__)
    # Before anything asks for its environment of templates.
    app.jinja_environment = SpokenEnvironment  # type: ignore[assignment]  # an environment with more in it
    limits = config.limits
    form_room = _FORM_ROOM + 12 * limits.text_characters
    app.config.update(
        MAX_CONTENT_LENGTH=form_room + limits.files * limits.upload_bytes,
        MAX_FORM_MEMORY_SIZE=form_room,
        MAX_FORM_PARTS=_PARTS + limits.files,
        BABEL_DEFAULT_LOCALE=DEFAULT,
    )
    Babel(app, locale_selector=lambda: locale_of(language()))
    gate = Gate(
        intake.receive_file,
        intake.open_file,
        intake.discard,
        limits.upload_bytes,
        limits.files,
        (StoreFullError, OSError),
    )
    app.request_class = request_class_for(gate, _TAKING_FILES)
    seal = FormSeal(intake.form_key, config.origin, now)
    pace = app.extensions[PACE] = Pace(config.abuse, intake, now)
    site = Site(intake, limits, config.origin, seal, standard(), now, pace)
    _route(app, site)
    sealing_pages.add(app, site)
    envelope_pages.add(app, site)
    _frame(app, site)
    app.before_request(refuse_other_sites)
    app.before_request(keep_pace(site))
    app.before_request(_only_offered(site))
    app.before_request(_keep_others_small)
    app.after_request(tell_when)
    app.after_request(_never_stored)
    app.after_request(_packed)
    app.teardown_request(_drop_unclaimed)
    harden(app, csp=CSP, error_page=_error_page(site))
    if config.tor.circuit_id:
        setattr(app, "wsgi_app", Circuits(app.wsgi_app))  # noqa: B010 (as Flask's documentation does)
    return app


def _route(app: Flask, site: Site) -> None:
    report, mailbox = ReportPages(site), MailboxPages(site)

    @app.url_value_preprocessor
    def take_language(_endpoint: str | None, values: dict[str, str] | None) -> None:
        if values and "language" in values:
            g.language = values.pop("language")

    def languages() -> str:
        asked = {tag: _another(tag) for tag in site.offered()}
        return site.page("languages.html", alike="languages", asked=asked, autonyms=AUTONYMS, words=WORDS)

    def begin() -> str:
        channels = site.channels()
        return site.page("begin.html", alike="begin", channel=channels[0] if channels else None)

    def calendar() -> str:
        return site.page("calendar.html", month=month_of(site.today(), language()))

    def leave() -> Response:
        try:
            leaving = site.seal.open("leave", request.form.get("leaving", ""), Leaving)
            site.intake.discard(leaving.files)
        except LostStateError:
            pass  # Nothing of this process to delete; the way out must work all the same.
        except Exception as error:  # noqa: BLE001 - as above: whatever fails, the person leaves
            record(error)
        answer = redirect(url_for("calendar", language=language()), 303)
        answer.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
        return answer  # type: ignore[return-value]  # werkzeug's Response is Flask's here

    app.add_url_rule("/", "languages", languages)
    app.add_url_rule(f"{_LANGUAGE}/", "begin", begin)
    app.add_url_rule(f"{_LANGUAGE}/questions", "questions", report.start)
    app.add_url_rule(f"{_LANGUAGE}/questions", "questions_posted", report.posted, methods=["POST"])
    readers = partial(own_tools.readers_file, site)
    app.add_url_rule(f"{_LANGUAGE}/questions/readers", "readers_file", readers, methods=["POST"])
    app.add_url_rule(f"{_LANGUAGE}/answers", "answers", mailbox.door)
    app.add_url_rule(f"{_LANGUAGE}/answers", "answers_posted", mailbox.posted, methods=["POST"])
    app.add_url_rule(f"{_LANGUAGE}/answers/file", "attachment", mailbox.attachment, methods=["POST"])
    app.add_url_rule(f"{_LANGUAGE}/calendar", "calendar", calendar)
    app.add_url_rule(f"{_LANGUAGE}/leave", "leave", leave, methods=["POST"])


@cache
def _another(tag: str) -> str:
    with force_locale(locale_identifier(tag)):
        return str(gettext("Another language? Write in it, and tell us in your text which one you need."))


def _frame(app: Flask, site: Site) -> None:
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        answered_in=answered_in,
        full_date=lambda day: shown_date(day, language()),
        digits=lambda text: digits(text, language()),
        language_name=language_name,
        number=lambda value, pattern=None: shown_number(value, language(), pattern),
        role_name=role_name,
        happened_sentence=happened_sentence,
        outside_label=outside_label,
        room_name=room_name,
        state_sentence=state_sentence,
        wish_label=wish_label,
        wish_warning=wish_warning,
    )

    @app.context_processor
    def frame() -> dict[str, object]:
        tag = language()
        return {
            "tag": tag,
            "direction": locale_of(tag).text_direction,
            "others": [(other, AUTONYMS[other]) for other in site.offered() if other != tag],
            "by_machine": not reviewed(tag),
        }


def _error_page(site: Site) -> Callable[[HTTPException, str | None], Response]:
    def page(error: HTTPException, event: str | None) -> Response:
        if request.path.startswith("/api/"):
            return problem_page(error, event)
        first = request.path.strip("/").partition("/")[0]
        if first in AUTONYMS:
            g.language = first
        status = error.code or 500
        wait = getattr(error, "retry_after", None)
        again = again_at(site.now(), wait) if isinstance(wait, int) else ""
        answer = Response(site.page("error.html", status=status, event=event, again=again), status=status)
        for name, value in error.get_headers():
            if name.lower() in {"allow", "retry-after"}:
                answer.headers[name] = value
        return answer

    return page


def _only_offered(site: Site) -> Callable[[], BaseResponse | None]:
    def refuse() -> BaseResponse | None:
        # What is posted is taken in any language: the list may have changed while somebody was writing.
        asked = sealing_request()
        begins = asked.method == "GET" and asked.endpoint in _BEGINNINGS
        return redirect(url_for("languages"), 303) if begins and language() not in site.offered() else None

    return refuse


def _keep_others_small() -> None:
    # The programs' door (a blueprint) has limits of its own.
    asked = sealing_request()
    if asked.blueprint is None and asked.endpoint not in _TAKING_FILES:
        asked.max_content_length = _FORM_ROOM


def _never_stored(answer: Response) -> Response:
    # Flask lets browsers keep a style sheet; then their disk would tell who was here.
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _packed(answer: Response) -> Response:
    asked = sealing_request()
    if asked.method != "GET" or answer.status_code != 200 or answer.mimetype != "text/html":
        return answer
    if "Content-Disposition" in answer.headers:
        return answer
    answer.headers["Vary"] = "Accept-Encoding"
    if "gzip" in asked.headers.get("Accept-Encoding", "") and asked.accept_encodings.quality("gzip") > 0:
        answer.set_data(gzip.compress(answer.get_data(), _QUICKLY, mtime=0))
        answer.headers["Content-Encoding"] = "gzip"
    return answer


def _drop_unclaimed(_error: BaseException | None) -> None:
    sealing_request().drop_unclaimed()
