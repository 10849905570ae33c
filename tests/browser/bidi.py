"""WebDriver BiDi with a stock Firefox: its process, its commands, its events.

W3C WebDriver BiDi (JSON over a WebSocket) is in Firefox itself. Playwright speaks it too, but with commands
that Firefox ESR does not have yet.
"""

import itertools
import json
import os
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

PATIENCE = 120.0
# A stock Firefox asks its maker for news, studies and portals; nothing of that is to be waited for.
QUIET: Mapping[str, str | int | bool] = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.newtabpage.enabled": False,
    "browser.region.network.url": "",
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.push.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    # A click goes where the page stands now, and not where a busy compositor still shows it.
    "layers.async-pan-zoom.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.active-protocols": 1,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}
Event = dict[str, Any]


class BidiError(Exception):
    """Firefox refused a command, or something did not come."""


class Firefox:
    """A Firefox process with a profile of its own, and the session with it."""

    def __init__(self, program: str, preferences: Mapping[str, str | int | bool]) -> None:
        self._numbers = itertools.count(1)
        self._events: deque[Event] = deque()
        self.heard: list[Callable[[Event], None]] = []
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="firefox-")))
            self._start(program, preferences)
            stack.callback(self._end)
            self._socket = stack.enter_context(
                connect(self._address(), max_size=None, origin=None, proxy=None, open_timeout=PATIENCE)
            )
            self.command("session.new", capabilities={})
            self.command("session.subscribe", events=["browsingContext", "network.responseCompleted"])
            self._stack = stack.pop_all()

    def command(self, method: str, patience: float = PATIENCE, /, **parameters: object) -> dict[str, Any]:
        """One command; gives its result. What happened meanwhile is kept for `wait_for`."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = self._receive(patience)
            if message.get("id") == number:
                if message["type"] == "error":
                    raise BidiError(f"{method}: {message['error']}: {message['message']}")
                result: dict[str, Any] = message["result"]
                return result

    def forget(self) -> None:
        """Forget what has happened so far."""
        self._events.clear()

    def wait_for(self, method: str, context: str, patience: float = PATIENCE) -> Event:
        """The parameters of the next event of this kind in a tab since `forget`."""
        deadline = time.monotonic() + patience
        while True:
            while self._events:
                event = self._events.popleft()
                if event["method"] == method and event["params"].get("context") == context:
                    parameters: Event = event["params"]
                    return parameters
            self._receive(deadline - time.monotonic())

    def close(self) -> None:
        """End the browser and remove its profile."""
        self._stack.close()

    def _receive(self, patience: float) -> Event:
        try:
            message: Event = json.loads(self._socket.recv(timeout=patience))
        except TimeoutError:
            raise BidiError("Firefox says nothing any more") from None
        if "method" in message:
            self._events.append(message)
            for listener in self.heard:
                listener(message)
        return message

    def _start(self, program: str, preferences: Mapping[str, str | int | bool]) -> None:
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});"
            for name, value in {**QUIET, **preferences}.items()
        ]
        (self.folder / "user.js").write_text("\n".join(lines))
        self._process = subprocess.Popen(
            [program, "--headless", "--no-remote", "--profile", self.folder, "--remote-debugging-port", "0"],
            env={**os.environ, "HOME": str(self.folder), "MOZ_CRASHREPORTER_DISABLE": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _address(self) -> str:
        told = self.folder / "WebDriverBiDiServer.json"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            if told.exists() and (text := told.read_text()):
                where = json.loads(text)
                return f"ws://{where['ws_host']}:{where['ws_port']}/session"
            time.sleep(0.05)
        raise BidiError("Firefox did not start")

    def _end(self) -> None:
        # The group is ours alone: the browser and the processes of its tabs.
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
