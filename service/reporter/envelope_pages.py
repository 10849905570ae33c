"""Writing without a connection: the page to save, and the page that takes the sealed file that it made.

Rules upheld here:

- The saved page is one file that fetches nothing: script and style stand in it, under a policy that names
  their digests. Only its one line of the readers differs from day to day; that line proves itself.
- Sending the file needs no script. It passes through `incoming/`, sealed once more, as every file of a form.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from typing import Final

from flask import Flask, Response, g
from flask_babel import force_locale, gettext

from meyasubako.service.faults import record
from meyasubako.service.incoming import FileTicket
from meyasubako.service.reporter.forms import Problem, file_problems
from meyasubako.service.reporter.holding import file_problem
from meyasubako.service.reporter.languages import AUTONYMS, digits_locale, language_rule, locale_identifier
from meyasubako.service.reporter.sealing_pages import TONGUES, asset
from meyasubako.service.reporter.site import Site, language, sealing_request
from meyasubako.service.sealed_file import (
    Arrived,
    NotSealedFileError,
    SealedFileTooOldError,
    SealedForOthersError,
)

ENDPOINTS: Final = frozenset({"offline", "envelope"})
TAKING_FILES: Final = frozenset({"envelope_posted"})
# The one line of the saved page that is not the same for everybody begins so.
READERS_LINE: Final = '<script type="application/json" id="readers-shown">'


def add(app: Flask, site: Site) -> None:
    """Give the site the page to save, and the page that takes what it sealed."""

    def offline() -> Response:
        answer = Response(saved_page(site), content_type="text/html; charset=utf-8")
        answer.headers["Content-Disposition"] = 'attachment; filename="questions.html"'
        return answer

    def envelope() -> str:
        return _page(site)

    def posted() -> str:
        incoming = sealing_request()
        incoming.form  # noqa: B018 - reading the form is what lets its file arrive
        arrived = incoming.claim(1)
        limits = site.limits
        problems = file_problems(arrived, largest=limits.upload_bytes, most=1)
        if problems or not arrived.held:
            nothing = Problem(
                "files", gettext("Choose the file that the saved page made. The server cannot open it.")
            )
            return _page(site, problems or (nothing,))
        held = arrived.held[0]
        if later := file_problem(site):
            site.intake.discard([held.id])
            return _page(site, (later,))
        try:
            ticket = FileTicket(held.id, held.seed_hex, held.size, held.sha256_hex)
            return _page(site, sent=site.intake.take_sealed(ticket))
        except SealedFileTooOldError:
            sentence = gettext(
                "This file was sealed too long ago, or the clock of that device was wrong. Please seal again."
            )
        except SealedForOthersError:
            sentence = gettext("The people who read reports have changed. Please look at the list again.")
        except NotSealedFileError:
            sentence = gettext("This is not a file that the saved page made, or it was damaged.")
        except Exception as error:  # noqa: BLE001 - whatever it is, the file can be sent again
            sentence = gettext(
                "Your report could not be sent just now. Nothing is lost. Please press “Send” again in a "
                "minute: it will not arrive twice. (Event %(event)s)",
                event=record(error),
            )
        finally:
            site.intake.discard([held.id])
        return _page(site, (Problem("files", sentence),))

    app.add_url_rule(language_rule("offline"), "offline", offline)
    app.add_url_rule(language_rule("envelope"), "envelope", envelope)
    app.add_url_rule(language_rule("envelope"), "envelope_posted", posted, methods=["POST"])
    sums = cache(lambda: _sums(app, site))
    app.add_url_rule(
        "/page-sums.txt", "page_sums", lambda: Response(sums(), content_type="text/plain; charset=utf-8")
    )


def saved_page(site: Site) -> str:
    """The page to save, in the language of this request."""
    program, style = asset("offline.js").data.decode(), asset("style.css").data.decode()
    readers = json.dumps(site.intake.readers(), separators=(",", ":"), sort_keys=True)
    page = site.page(
        "page_offline.html",
        plain="questions",
        kind="offline",
        codes=TONGUES,
        # Who adopts another profile must not change the sum by which a saved page is compared.
        outside=(),
        numbers=digits_locale(language()),
        questionnaire=site.questionnaire,
        policy=(
            f"default-src 'none'; script-src '{_source(program)}'; style-src '{_source(style)}'; "
            "img-src data:; form-action 'none'; base-uri 'none'; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        ),
        program=program,
        style=style,
        # Nothing in it may look like the end of the script.
        readers=readers.replace("<", "\\u003c"),
    )
    # Ended as a line: so tools that work by lines see the very same bytes.
    return page + "\n"


def fixed_part(page: str) -> bytes:
    """A saved page without the line of the readers: the same for everybody, and what is compared."""
    lines = page.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(READERS_LINE)).encode()


def _sums(app: Flask, site: Site) -> str:
    """What `sha256sum` would print for the script and for the fixed part of each saved page."""
    lines = [f"{asset(name).sha256}  {name}\n" for name in ("page.js", "words.txt")]
    for tag in AUTONYMS:
        with app.test_request_context(f"/{tag}/offline"), force_locale(locale_identifier(tag)):
            g.language = tag
            part = fixed_part(saved_page(site))
        lines.append(f"{hashlib.sha256(part).hexdigest()}  {tag}/questions.html\n")
    return "".join(lines)


def _source(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _page(site: Site, problems: Sequence[Problem] = (), sent: Arrived | None = None) -> str:
    return site.page("envelope.html", problems=problems, sent=sent)
