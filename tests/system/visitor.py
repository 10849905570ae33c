"""A person with a browser without scripts: reads pages, fills in forms, presses buttons."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urlsplit

import requests

File = tuple[str, bytes]
PATIENCE = 120.0


@dataclass
class Form:
    """One form of a page, with what stands in its fields."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """What a person sees of an answer, and the forms in it."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__()
        self.status = answer.status_code
        self.body = answer.text
        self.forms: list[Form] = []
        self.language = ""
        self.heading = self.code = self.warning = ""
        self._inside: list[tuple[str, str]] = []
        self._field = ""
        if "html" in answer.headers.get("Content-Type", ""):
            self.feed(answer.text)

    @property
    def text(self) -> str:
        """Heading and warning: what a person is told first."""
        return f"{self.heading} {self.warning}".strip()

    def form(self, name: str) -> Form:
        """The form that has a field of this name."""
        return next(form for form in self.forms if name in form.fields)

    @property
    def where(self) -> str:
        """The name of the page by which its form is known; empty where there is no form."""
        return next((form.fields["page"] for form in self.forms if "page" in form.fields), "")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language = given.get("lang", "")
        if tag == "form":
            self.forms.append(Form(given["action"]))
        elif tag == "input" and given.get("type") == "hidden":
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "textarea":
            self._field = given["name"]
            self.forms[-1].fields[self._field] = ""
        classes = given.get("class", "").split()
        for kind in ("summary", "code"):
            if kind in classes:
                self._inside.append((tag, kind))
                break
        else:
            if tag == "h1":
                self._inside.append((tag, "heading"))
            elif any(tag == open_tag for open_tag, _ in self._inside):
                self._inside.append((tag, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._field:
            typed = self.forms[-1].fields[self._field]
            # As HTML has it: the line break after the tag is not part of the text.
            self.forms[-1].fields[self._field] = typed.removeprefix("\n")
            self._field = ""
        if self._inside and self._inside[-1][0] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if self._field:
            self.forms[-1].fields[self._field] += data
        for _, kind in self._inside:
            if kind == "heading":
                self.heading += data
            elif kind == "code":
                self.code += data
            elif kind == "summary":
                self.warning += f"{data.strip()} "


class UnexpectedPageError(Exception):
    """Another page came than the one that should have."""


class Visitor:
    """One visit at a reporter's site, in one language. Keeps no cookie, as the site sets none."""

    def __init__(self, site: str, language: str = "en") -> None:
        self.site, self._language = site, language
        self._session = requests.Session()
        self._session.trust_env = False
        self.page = Page(requests.Response())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def go(self, path: str) -> Page:
        """Open a page of this language."""
        return self._show(self._session.get(f"{self.site}/{self._language}/{path}", timeout=PATIENCE))

    def press(
        self, button: str = "next", *, files: Sequence[File] = (), expect: str = "", **typed: str | list[str]
    ) -> Page:
        """Fill in the form of this page and press a button; `expect` names the page that has to come."""
        page = self._show(self.send(self.page.form("page"), {"go": button, **typed}, files))
        if expect and page.where != expect:
            raise UnexpectedPageError(f"{page.status} {page.where or page.heading}: {page.warning}")
        return page

    def send(
        self,
        form: Form,
        typed: Mapping[str, str | list[str]],
        files: Sequence[File] = (),
        origin: str = "",
    ) -> requests.Response:
        """Send a form as a browser does; the answer as it comes."""
        parts: list[tuple[str, tuple[str | None, str | bytes]]] = []
        for name, value in {**form.fields, **typed}.items():
            parts += [(name, (None, each)) for each in ([value] if isinstance(value, str) else value)]
        parts += [("files", file) for file in files] or [("files", ("", b""))]
        return self._session.post(
            self.site + form.action, files=parts, headers={"Origin": origin or self.site}, timeout=PATIENCE
        )

    def _show(self, answer: requests.Response) -> Page:
        self.page = Page(answer)
        return self.page

    def write(self, text: str, files: Sequence[File] = (), *, excluded: Sequence[str] = ()) -> Page:
        """Fill in everything up to the page that asks to check and send."""
        self.go("questions")
        self.press(excluded=list(excluded), expect="story")
        self.press("skip", text=text, expect="files")
        return self.press(files=files, expect="review")

    def report(self, text: str, files: Sequence[File] = (), *, excluded: Sequence[str] = ()) -> str:
        """A whole report; gives the receipt."""
        self.write(text, files, excluded=excluded)
        return self.finish()

    def whole_visit(self, text: str, files: Sequence[File] = ()) -> str:
        """Everything that somebody does here: choose a language, report, come back, write, leave.

        Gives the receipt.
        """
        for path in ("/", f"/{self._language}/", "/static/style.css", "/static/icon.png"):
            if self._session.get(self.site + path, timeout=PATIENCE).status_code != 200:
                raise UnexpectedPageError(path)
        self.go("questions")
        self.press(expect="story")
        self.press(text=text, expect="topic")
        self.press(about="breach", kinds=["safety", "wages"], expect="circumstances")
        self.press(place="Osaka", expect="needs")
        self.press(danger="no", expect="files")
        self.press(files=files, expect="review")
        receipt = self.finish()
        if self.come_back(receipt).where != "mailbox":
            raise UnexpectedPageError(f"{self.page.status} {self.page.heading}: {self.page.warning}")
        if (
            f"More of: {text.strip()}"
            not in self.press("send", text=f"More of: {text}", expect="mailbox").body
        ):
            raise UnexpectedPageError("the message is not in the mailbox")
        self.leave()
        return receipt

    def finish(self) -> str:
        """Press "Send" and read the receipt off the page."""
        page = self.press()
        if not page.code:
            raise UnexpectedPageError(f"{page.status} {page.where or page.heading}: {page.warning}")
        return " ".join(page.code.split())

    @contextmanager
    def sending(self, content: bytes, announced: int) -> Iterator[None]:
        """A connection in which only the beginning of a file has been sent; it drops at the end."""
        address = urlsplit(self.site)
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.sendall(
                f"POST {self.page.form('page').action} HTTP/1.1\r\nHost: {address.netloc}\r\n"
                f"Origin: {self.site}\r\nContent-Type: multipart/form-data; boundary=x\r\n"
                f"Content-Length: {announced}\r\n\r\n"
                '--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'.encode()
            )
            connection.sendall(content)
            yield

    def leave(self) -> Page:
        """Leave quickly, which deletes what was not sent."""
        return self._show(self.send(self.page.form("leaving"), {}))

    def come_back(self, receipt: str) -> Page:
        """Open the mailbox with a receipt."""
        self.go("answers")
        return self.press("", receipt=receipt)
