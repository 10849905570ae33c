"""A browser without scripts, in as few lines as a test needs: forms, fields, buttons."""

from html.parser import HTMLParser

from werkzeug.test import Client, TestResponse

OURS = {"Origin": "http://localhost"}
Files = list[tuple[str, bytes]]


class Page(HTMLParser):
    """What a page holds: text, and of its forms the fields as a browser would send them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.forms: list[dict[str, list[str]]] = []
        self.actions: list[str] = []
        self.text = ""
        self._area: str | None = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "form":
            self.forms.append({})
            self.actions.append(found["action"])
        elif tag == "input" and found["type"] != "file":
            ticked = found["type"] not in ("radio", "checkbox") or "checked" in found
            if ticked:
                self._add(found["name"], found.get("value", ""))
        elif tag == "textarea":
            self._area = found["name"]
            self._add(self._area, "")

    def handle_endtag(self, tag):
        if tag == "textarea":
            self._area = None

    def handle_data(self, data):
        self.text += data
        if self._area:
            self.forms[-1][self._area][-1] += data.removeprefix("\n")

    def _add(self, name, value):
        self.forms[-1].setdefault(name, []).append(value)

    def fields(self, part: str) -> dict[str, list[str]]:
        """The fields of the first form whose action ends with `part`."""
        place = next(i for i, action in enumerate(self.actions) if action.endswith(part))
        return self.forms[place]

    def value(self, part: str, name: str) -> str:
        return self.fields(part)[name][0]


class Visit:
    """One person going from page to page."""

    def __init__(self, client: Client, language: str = "en") -> None:
        self.client = client
        self.language = language
        self.answer: TestResponse
        self.page: Page

    def get(self, path: str) -> Page:
        return self._see(self.client.get(path))

    def start(self) -> Page:
        return self.get(f"/{self.language}/questions")

    def press(self, go: str = "next", *, form: str = "/questions", files: Files = (), **fields) -> Page:
        """Fill in fields of the current page's form and press a button."""
        sent = {**self.page.fields(form), **fields, "go": go}
        data = [(name, value) for name, values in sent.items() for value in _each(values)]
        return self.post(f"/{self.language}{form}", data, files)

    def post(self, path: str, data, files: Files = (), *, field: str = "files") -> Page:
        boundary = b"----a-boundary-of-a-browser"
        parts = [_part(boundary, name, value.encode()) for name, value in data]
        parts += [_part(boundary, field, content, name) for name, content in files]
        body = b"".join(parts) + b"--" + boundary + b"--\r\n"
        kind = b"multipart/form-data; boundary=" + boundary
        return self._see(self.client.post(path, data=body, content_type=kind.decode(), headers=OURS))

    def write_report(self, text: str = "Something happened.", files: Files = ()) -> list[str]:
        """From the first page to the receipt, in the shortest way; gives the receipt's groups."""
        self.start()
        self.press()
        self.press("skip", text=text)
        self.press(files=files)
        self.press()
        return self.groups()

    def groups(self) -> list[str]:
        """The groups of the receipt on the current page."""
        card = self.page.html.partition('class="digits code"')[2].partition("</p>")[0]
        return Page(card.partition(">")[2]).text.split()

    def enter(self, receipt: str, **fields: str) -> Page:
        """Open the mailbox."""
        self.get(f"/{self.language}/answers")
        return self.press(form="/answers", receipt=receipt, **fields)

    def _see(self, answer: TestResponse) -> Page:
        self.answer = answer
        self.page = Page(answer.get_data(as_text=True))
        return self.page


def _each(values) -> list[str]:
    return [values] if isinstance(values, str) else list(values)


def _part(boundary: bytes, name: str, content: bytes, filename: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    kind = "\r\nContent-Type: application/x-thing" if filename is not None else ""
    head = f"Content-Disposition: {disposition}{kind}\r\n\r\n".encode()
    return b"--" + boundary + b"\r\n" + head + content + b"\r\n"
