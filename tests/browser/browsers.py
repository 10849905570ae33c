"""Stock browsers in the ways in which reporters have them.

Chromium is driven by Playwright, Firefox ESR by `firefox`. Tor Browser is in no registry: the preferences
below are those of its levels that matter to a page of forms; its extension NoScript is missing.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Playwright

from tests.browser.bidi import Firefox
from tests.browser.firefox import Context

# In every level of Tor Browser.
_TOR: Mapping[str, str | int | bool] = {
    "privacy.resistFingerprinting": True,
    "privacy.firstparty.isolate": True,
    "browser.privatebrowsing.autostart": True,
    "dom.securecontext.allowlist_onions": True,
    "network.dns.blockDotOnion": False,
}
_NOT_COMPILED: Mapping[str, str | int | bool] = {
    "javascript.options.ion": False,
    "javascript.options.baselinejit": False,
    "javascript.options.native_regexp": False,
    "javascript.options.asmjs": False,
    "javascript.options.wasm": False,
}


@dataclass(frozen=True)
class Kind:
    """A browser and how it is set; `scripts` says whether a page's scripts run in it."""

    name: str
    engine: str
    scripts: bool
    flags: tuple[str, ...] = ()
    preferences: Mapping[str, str | int | bool] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


CHROMIUM_WITHOUT_SCRIPTS = Kind("chromium-without-scripts", "chromium", scripts=False)
CHROMIUM = Kind("chromium", "chromium", scripts=True)
CHROMIUM_UNCOMPILED = Kind("chromium-uncompiled", "chromium", scripts=True, flags=("--js-flags=--jitless",))
# Tor Browser's levels "Safest", "Safer" and "Standard", as far as preferences go.
FIREFOX_SAFEST = Kind(
    "firefox-safest",
    "firefox",
    scripts=False,
    preferences={
        **_TOR,
        **_NOT_COMPILED,
        "javascript.enabled": False,
        "svg.disabled": True,
        "mathml.disabled": True,
    },
)
FIREFOX_SAFER = Kind("firefox-safer", "firefox", scripts=True, preferences={**_TOR, **_NOT_COMPILED})
FIREFOX = Kind("firefox", "firefox", scripts=True, preferences=_TOR)

WITHOUT_SCRIPTS = (CHROMIUM_WITHOUT_SCRIPTS, FIREFOX_SAFEST)
ALL = (CHROMIUM_WITHOUT_SCRIPTS, CHROMIUM, CHROMIUM_UNCOMPILED, FIREFOX_SAFEST, FIREFOX_SAFER, FIREFOX)

PROGRAMS = {"chromium": "chromium", "firefox": "firefox-esr"}
PHONE = (360, 740)
DESKTOP = (1280, 860)


@contextmanager
def launched(playwright: Playwright, kind: Kind, socks: str = "") -> Iterator[Browser | Firefox]:
    """A browser of this kind; through a SOCKS port such as socks5h://127.0.0.1:9050 if one is given."""
    program = shutil.which(PROGRAMS[kind.engine])
    assert program, f"these tests need Debian's {PROGRAMS[kind.engine]}"
    if kind.engine == "firefox":
        browser: Browser | Firefox = Firefox(program, {**kind.preferences, **_through(socks)})
    else:
        # Chromium has no sandbox of its own for root, as in a container.
        flags = [*kind.flags, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        proxy = {"server": socks.replace("socks5h", "socks5")} if socks else None
        browser = playwright.chromium.launch(executable_path=program, args=flags, proxy=proxy)
    try:
        yield browser
    finally:
        browser.close()


def context_in(
    browser: Browser | Firefox,
    kind: Kind,
    base: str,
    size: tuple[int, int] = PHONE,
    scheme: str = "light",
) -> BrowserContext | Context:
    """A fresh profile at an address; scripts run if the kind says so."""
    if isinstance(browser, Firefox):
        return Context(browser, base, size, scripts=kind.scripts)
    width, height = size
    context = browser.new_context(
        java_script_enabled=kind.scripts,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        base_url=base,
    )
    context.set_default_timeout(60_000)
    return context


def _through(socks: str) -> dict[str, str | int | bool]:
    """Preferences for a SOCKS port, which resolves names, too."""
    if not socks:
        return {}
    port = urlsplit(socks)
    return {
        "network.proxy.type": 1,
        "network.proxy.socks": str(port.hostname),
        "network.proxy.socks_port": int(port.port or 0),
        "network.proxy.socks_remote_dns": True,
    }
