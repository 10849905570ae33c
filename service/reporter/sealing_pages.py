"""The pages whose script seals in the reporter's browser, and the files that this script is.

Rules upheld here:

- Nothing but sealed bytes can leave these pages: their fields belong to no form; the policy forbids every
  form, every connection elsewhere, and every script but the one whose digest it names. Where that script is
  blocked, changed or broken, the page shows that it did not start, and has nothing to write in.
- The digest in the policy and in the page is that of the file that was installed; it is fixed by the lock
  file of its build, and anybody can build it again and compare (docs/page.md).
- The script has no words: it takes them from the page, in the language of the page.
"""

import base64
import gzip
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from flask import Flask, Response, make_response, request, url_for

from meyasubako.service.reporter.languages import AUTONYMS, digits_locale, language_rule
from meyasubako.service.reporter.site import Site, language
from meyasubako.service.reporter.wording import (
    HAPPENED,
    ROLES,
    ROOMS,
    STATES,
    WARNINGS,
    WISHES,
    role_name,
    room_name,
    state_sentence,
)

ENDPOINTS: Final = frozenset({"form", "replies"})
# The languages of the site in their own words, for the list of those in which somebody answers.
TONGUES: Final[Mapping[str, object]] = {f"language-{tag}": name for tag, name in AUTONYMS.items()}
_STATIC: Final = Path(__file__).with_name("static")
_TYPES: Final = {
    "page.js": "text/javascript; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "words.txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that comes with the software: its bytes, packed as well, and its digests."""

    name: str
    data: bytes
    packed: bytes

    @property
    def sha256(self) -> str:
        """The digest in hex, as `sha256sum` shows it."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def integrity(self) -> str:
        """The digest as pages and policies write it (Subresource Integrity)."""
        return "sha384-" + base64.b64encode(hashlib.sha384(self.data).digest()).decode()


@cache
def asset(name: str) -> Asset:
    """A file of the folder `static`."""
    data = (_STATIC / name).read_bytes()
    return Asset(name, data, gzip.compress(data, 9, mtime=0))


def policy(script: str) -> str:
    """The content security policy of a page that runs this script and no other."""
    return (
        f"default-src 'none'; script-src '{script}'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'none'; frame-ancestors 'none'; base-uri 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def add(app: Flask, site: Site) -> None:
    """Give the site the pages that seal in the browser."""

    def form() -> Response:
        return _page(site, "page_report.html", plain="questions", kind="report", codes=TONGUES)

    def replies() -> Response:
        sentences = {
            **{f"state-{code}": state_sentence(code) for code in (*STATES, "other")},
            **{f"role-{code}": role_name(code) for code in (*ROLES, "other")},
            **{f"room-{code}": room_name(code) for code in ROOMS},
            **{f"wish-{code}": said for code, said in WISHES.items()},
            **{f"warning-{code}": said for code, said in WARNINGS.items()},
            **{f"happened-{code}": said for code, said in HAPPENED.items()},
        }
        return _page(site, "page_mailbox.html", plain="answers", kind="mailbox", codes=sentences)

    app.add_url_rule(language_rule("form"), "form", form)
    app.add_url_rule(language_rule("replies"), "replies", replies)
    app.add_url_rule("/api/readers", "page_readers", site.intake.readers)
    app.add_url_rule("/page.js", "page_script", _sender("page.js"))
    # Before Flask's own way to it: no browser may keep it, so it is fetched with every page.
    app.add_url_rule("/static/style.css", "style", _sender("style.css"))
    app.add_url_rule("/words.txt", "page_words", _sender("words.txt"))


def _page(
    site: Site, template: str, *, plain: str, kind: str, codes: Mapping[str, object] | None = None
) -> Response:
    script, words = asset("page.js"), asset("words.txt")
    answer = make_response(
        site.page(
            template,
            script={"address": url_for("page_script"), "integrity": script.integrity},
            words={"address": url_for("page_words"), "digest": words.sha256},
            numbers=digits_locale(language()),
            questionnaire=site.questionnaire,
            plain=plain,
            kind=kind,
            codes=codes or {},
        )
    )
    answer.headers["Content-Security-Policy"] = policy(script.integrity)
    answer.headers["Integrity-Policy"] = "blocked-destinations=(script)"
    return answer


def _sender(name: str) -> Callable[[], Response]:
    def send() -> Response:
        found = asset(name)
        packed = request.accept_encodings.quality("gzip") > 0
        answer = Response(found.packed if packed else found.data, content_type=_TYPES[name])
        answer.headers["Vary"] = "Accept-Encoding"
        if packed:
            answer.headers["Content-Encoding"] = "gzip"
        return answer

    return send
