"""A tab of Firefox ESR, with the part of Playwright's page that our walks use, under the same names.

What a person does is done by mouse and keyboard. Looking at a page is done by functions in a sandbox, which
run although scripts are switched off; promises and listeners do not.

Firefox scrolls to what is being typed with the next frame. On a busy machine that is later than the press of
the mouse which follows, and the press lands elsewhere. So frames are waited for after typing. Should a press
be lost all the same it is done again: told by a listener where scripts run, and elsewhere by what a press
brings about, which is another page, a tick, or the focus.
"""

import base64
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.browser.bidi import PATIENCE, BidiError, Event, Firefox

_SOON, _A_WHILE = 5.0, 30.0
_TRIES = 5
_CONTROL, _DELETE, _ENTER = "\ue009", "\ue017", "\ue007"
# Playwright's ":visible" is no CSS; here it holds for the whole selector.
_FIND = """(css) => [...document.querySelectorAll(css.replaceAll(':visible', ''))]
  .filter(each => !css.includes(':visible') || each.checkVisibility())"""
_LABELLED = """(text) => [...document.querySelectorAll('label')]
  .filter(each => each.textContent.includes(text)).map(each => each.control)"""
_SAYING = """(text) => [...document.querySelectorAll('body *')].filter(each => each.innerText?.includes(text)
  && ![...each.children].some(child => child.innerText?.includes(text)))"""

# The sandbox is that of one page: on the next one nothing is known of a press, and it was heard.
_LISTEN = """each => { globalThis.lost = true;
  each.addEventListener('click', () => { globalThis.lost = false; }, {capture: true, once: true}); }"""
_LOST = "() => globalThis.lost === true"
# Asks for a frame, and tells the document's own clock, which stands still until there is one. Both are done
# although scripts are switched off.
_FRAME = "() => { requestAnimationFrame(() => {}); return String(document.timeline.currentTime); }"
_FRAMES = 2


@dataclass(frozen=True)
class Response:
    """An answer that the browser got."""

    url: str
    status: int
    headers: dict[str, str]


@dataclass
class Download:
    """A file that the browser saved; known once the block of `expect_download` has ended."""

    suggested_filename: str = ""
    path: Path = field(default_factory=Path)

    @property
    def value(self) -> "Download":
        """Itself, as Playwright has it."""
        return self

    def save_as(self, path: Path) -> None:
        """Copy it to a path."""
        shutil.copyfile(self.path, path)


class Context:
    """A profile of its own, as far as cookies and storage go."""

    def __init__(self, firefox: Firefox, base: str, size: tuple[int, int], *, scripts: bool) -> None:
        self._firefox, self._base, self._size, self._scripts = firefox, base, size, scripts
        self.id = firefox.command("browser.createUserContext")["userContext"]
        folder = firefox.folder / f"saved-{self.id}"
        folder.mkdir()
        saved = {"type": "allowed", "destinationFolder": str(folder)}
        firefox.command("browser.setDownloadBehavior", downloadBehavior=saved, userContexts=[self.id])

    def new_page(self) -> "Page":
        """A new tab. On a busy machine Firefox did not answer once: it is asked again."""
        asked: dict[str, Any] = {"type": "tab", "userContext": self.id}
        try:
            tab = self._firefox.command("browsingContext.create", _A_WHILE, **asked)["context"]
        except BidiError:
            tab = self._firefox.command("browsingContext.create", **asked)["context"]
        width, height = self._size
        self._firefox.command(
            "browsingContext.setViewport", context=tab, viewport={"width": width, "height": height}
        )
        return Page(self._firefox, self, tab, self._base, scripts=self._scripts)

    def cookies(self) -> list[dict[str, Any]]:
        """Every cookie that was set."""
        partition = {"type": "storageKey", "userContext": self.id}
        found: list[dict[str, Any]] = self._firefox.command("storage.getCookies", partition=partition)[
            "cookies"
        ]
        return found

    def close(self) -> None:
        """Close its tabs and forget everything."""
        self._firefox.command("browser.removeUserContext", userContext=self.id)


class Page:
    """One tab."""

    def __init__(self, firefox: Firefox, context: Context, tab: str, base: str, *, scripts: bool) -> None:
        self._firefox, self.context, self._tab, self._base = firefox, context, tab, base
        self._scripts = scripts
        self.clicked: Locator | None = None

    @property
    def url(self) -> str:
        """Where the tab is."""
        (tree,) = self._firefox.command("browsingContext.getTree", root=self._tab)["contexts"]
        return str(tree["url"])

    def goto(self, path: str) -> None:
        """Open an address, or a path at the site."""
        url = path if "://" in path else self._base + path
        self._firefox.command("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def go_back(self, wait_until: str = "load") -> None:
        """The browser's own way back."""
        self._firefox.forget()
        self._firefox.command("browsingContext.traverseHistory", context=self._tab, delta=-1)
        self._firefox.wait_for(f"browsingContext.{wait_until}", self._tab)

    def wait_for_load_state(self, _state: str = "load") -> None:
        """Nothing to do: whoever navigates waits."""

    @contextmanager
    def expect_navigation(self) -> Iterator[None]:
        """A block that ends when the next page is there; what was clicked is clicked again if none comes."""
        self._firefox.forget()
        yield
        try:
            self._firefox.wait_for("browsingContext.navigationStarted", self._tab, _SOON)
        except BidiError:
            assert self.clicked
            self.clicked.click()
        self._firefox.wait_for("browsingContext.load", self._tab)

    @contextmanager
    def expect_download(self) -> Iterator[Download]:
        """A block that ends when a file was saved."""
        self._firefox.forget()
        download = Download()
        yield download
        begun = self._firefox.wait_for("browsingContext.downloadWillBegin", self._tab)
        ended = self._firefox.wait_for("browsingContext.downloadEnd", self._tab)
        if ended["status"] != "complete":
            raise BidiError(f"the download was {ended['status']}")
        download.suggested_filename, download.path = begun["suggestedFilename"], Path(ended["filepath"])

    def on(self, _event: str, handler: Callable[[Response], None]) -> None:
        """Call the handler with every response."""

        def hear(event: Event) -> None:
            told = event["params"]
            if event["method"] == "network.responseCompleted" and told.get("context") == self._tab:
                answer = told["response"]
                headers = {each["name"].lower(): each["value"].get("value", "") for each in answer["headers"]}
                handler(Response(answer["url"], answer["status"], headers))

        self._firefox.heard.append(hear)

    def title(self) -> str:
        """The page's title."""
        return str(self.evaluate("() => document.title"))

    def evaluate(self, function: str, *arguments: object) -> Any:
        """The result of a function, which runs in a sandbox of ours."""
        answer = self._firefox.command(
            "script.callFunction",
            functionDeclaration=function,
            arguments=[_given(each) for each in arguments],
            target={"context": self._tab, "sandbox": "look"},
            awaitPromise=False,
        )
        if answer["type"] == "exception":
            raise BidiError(answer["exceptionDetails"]["text"])
        return _taken(answer["result"])

    def screenshot(self, path: Path, *, full_page: bool = False) -> None:
        """Take a picture."""
        origin = "document" if full_page else "viewport"
        taken = self._firefox.command("browsingContext.captureScreenshot", context=self._tab, origin=origin)
        Path(path).write_bytes(base64.b64decode(taken["data"]))

    def locator(self, css: str) -> "Locator":
        """What a CSS selector finds."""
        return Locator(self, _FIND, css)

    def get_by_label(self, text: str) -> "Locator":
        """The fields whose label says this."""
        return Locator(self, _LABELLED, text)

    def get_by_text(self, text: str) -> "Locator":
        """The innermost elements that say this."""
        return Locator(self, _SAYING, text)

    def click(self, css: str) -> None:
        """Click the one element that a selector finds."""
        self.locator(css).click()

    def check(self, css: str) -> None:
        """Tick a box."""
        self.locator(css).check()

    def fill(self, css: str, text: str) -> None:
        """Replace what stands in a field, by typing."""
        self.locator(css).fill(text)

    def inner_text(self, css: str) -> str:
        """The text that is shown at one place."""
        return self.locator(css).one("each => each.innerText")

    def input_value(self, css: str) -> str:
        """What stands in a field."""
        return self.locator(css).input_value()

    def set_input_files(self, css: str, files: Sequence[object]) -> None:
        """Choose files; each is a path, or a name, media type and content."""
        paths = [str(self._written(each) if isinstance(each, dict) else each) for each in files]
        self._firefox.command(
            "input.setFiles", context=self._tab, element=self.locator(css).element(), files=paths
        )

    def settle(self) -> None:
        """Wait until the page was drawn anew, and so has scrolled to where it wanted to."""
        deadline = time.monotonic() + PATIENCE
        for _ in range(_FRAMES):
            last = self.evaluate(_FRAME)
            while self.evaluate(_FRAME) == last:
                assert time.monotonic() < deadline, "Firefox draws no more"

    def heard(self) -> bool:
        """Whether a press was heard, as far as can be told: where no scripts run it is taken to be so."""
        try:
            return not (self._scripts and self.evaluate(_LOST))
        except BidiError:
            # The page is gone already: it heard.
            return True

    def perform(self, source: str, actions: Sequence[dict[str, object]]) -> None:
        """Let the mouse ("pointer") or the keyboard ("key") do something."""
        device: dict[str, object] = {"type": source, "id": source, "actions": list(actions)}
        if source == "pointer":
            device["parameters"] = {"pointerType": "mouse"}
        self._firefox.command("input.performActions", context=self._tab, actions=[device])

    def _written(self, file: dict[str, Any]) -> Path:
        path = self._firefox.folder / str(file["name"])
        path.write_bytes(file["buffer"])
        return path


class Locator:
    """What a search on the page finds, anew at each use."""

    def __init__(self, page: Page, search: str, text: str) -> None:
        self._page, self._search, self._text = page, search, text

    def count(self) -> int:
        """How many there are."""
        return int(self._page.evaluate(f"(text) => ({self._search})(text).length", self._text))

    def one(self, function: str) -> Any:
        """A function of the only one that there is."""
        assert self.count() == 1, f"{self.count()} of {self._text} at {self._page.url}"
        return self._page.evaluate(f"(text) => ({function})(({self._search})(text)[0])", self._text)

    def element(self) -> dict[str, str]:
        """A reference to the only one."""
        found: dict[str, str] = self.one("each => each")
        return found

    def all_inner_texts(self) -> list[str]:
        """The text of each."""
        found: list[str] = self._page.evaluate(
            f"(text) => ({self._search})(text).map(each => each.innerText)", self._text
        )
        return found

    def is_visible(self) -> bool:
        """Whether it can be seen."""
        return bool(self.one("each => each.checkVisibility()"))

    def is_checked(self) -> bool:
        """Whether it is ticked."""
        return bool(self.one("each => each.checked"))

    def input_value(self) -> str:
        """What stands in it."""
        return str(self.one("each => each.value"))

    def click(self) -> None:
        """Bring it into sight and click its middle."""
        self._page.clicked = self
        for _ in range(_TRIES):
            if self._pressed():
                return
        raise BidiError(f"{self._text} could not be pressed at {self._page.url}")

    def _pressed(self) -> bool:
        self.one("each => each.scrollIntoView({block: 'center', behavior: 'instant'})")
        middle = {"type": "element", "element": self.element()}
        move = {"type": "pointerMove", "x": 0, "y": 0, "origin": middle}
        press = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self.one(_LISTEN)
        try:
            self._page.perform("pointer", [move, *press])
        except BidiError as error:
            if "out of bounds" not in str(error):
                raise
            return False
        return self._page.heard()

    def check(self) -> None:
        """Tick it, if it is not."""
        for _ in range(_TRIES):
            if not self.is_checked():
                self.click()
        assert self.is_checked()

    def fill(self, text: str) -> None:
        """Replace what stands in it, by typing."""
        for _ in range(_TRIES):
            if not self.one("each => each === document.activeElement"):
                self.click()
        everything = [_key("Down", _CONTROL), _key("Down", "a"), _key("Up", "a"), _key("Up", _CONTROL)]
        # Firefox takes letter by letter, also where a person sees several as one.
        letters = [_ENTER if letter == "\n" else letter for letter in text]
        typed = [_key(way, letter) for letter in (_DELETE, *letters) for way in ("Down", "Up")]
        self._page.perform("key", [*everything, *typed])
        assert self.input_value() == text
        self._page.settle()


def _key(way: str, value: str) -> dict[str, object]:
    return {"type": f"key{way}", "value": value}


def _given(value: object) -> dict[str, object]:
    kind = {str: "string", bool: "boolean", int: "number"}[type(value)]
    return {"type": kind, "value": value}


def _taken(value: dict[str, Any]) -> Any:
    """A value out of the page; an element is a reference to it."""
    if value["type"] == "node":
        return {"sharedId": value["sharedId"]}
    if value["type"] == "array":
        return [_taken(each) for each in value["value"]]
    return value.get("value")
