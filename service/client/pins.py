"""Which mechanisms somebody knows: a small file under their configuration directory.

Rules upheld here:

- It holds, by a log's origin, the fingerprint and the newest tree that was seen. Nothing of a case, nothing
  of a reporter: the `report` and `mailbox` commands neither read nor write it.
- A pin is replaced by a larger tree of the same mechanism alone; whoever wants to know another mechanism
  under the same origin removes the line by hand, and that is meant.
- The file is for its owner only, and written in one step.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import msgspec

from meyasubako.service.client import roster
from meyasubako.service.client.errors import UnknownMechanismError, UnreadablePinsError
from meyasubako.service.client.roster import Fetch, Pin, VerifiedMechanism
from meyasubako.service.errors import WrongMechanismError

FILE_NAME: Final = "mechanisms.json"


@dataclass(frozen=True, slots=True)
class Demands:
    """What somebody says of a mechanism before a key is wrapped: which one it is, and what to put up with."""

    fingerprint: str | None = None
    first_use: bool = False
    accept_stale: bool = False
    accept_unwitnessed: bool = False


class _Pin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fingerprint: Annotated[str, msgspec.Meta(pattern="^[0-9]{4}( [0-9]{4}){5}$")]
    size: Annotated[int, msgspec.Meta(ge=1)]
    root: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


def default_folder() -> Path:
    """`$XDG_CONFIG_HOME/meyasubako`, or `~/.config/meyasubako`."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    # The specification has relative paths ignored.
    return (Path(base) if base.startswith("/") else Path.home() / ".config") / "meyasubako"


class Pins:
    """The pins in a folder, which is made when there is something to write."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or default_folder()
        self._file = self._folder / FILE_NAME

    @property
    def path(self) -> Path:
        """The file with the pins."""
        return self._file

    def get(self, origin: str) -> Pin | None:
        """What is known of the mechanism with this origin; `UnreadablePinsError` for a damaged file."""
        found = self._read().get(origin)
        return Pin(found.fingerprint, found.size, found.root) if found else None

    def keep(self, verified: VerifiedMechanism) -> None:
        """Remember the tree of a mechanism that was verified against what is known of it already."""
        origin, pin = verified.mechanism.origin, verified.pin
        known = self._read()
        before = known.get(origin)
        if before is not None and (before.fingerprint != pin.fingerprint or before.size >= pin.size):
            return
        self._write({**known, origin: _Pin(pin.fingerprint, pin.size, pin.root)})

    def _read(self) -> Mapping[str, _Pin]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, _Pin])
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except msgspec.DecodeError:
            raise UnreadablePinsError(f"{self._file} is damaged: look at it, mend it or remove it") from None

    def _write(self, pins: Mapping[str, _Pin]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._file.with_suffix(f".{os.getpid()}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(pins, order="sorted"), indent=1) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)


def verify_known(fetch: Fetch, origin: str, today: date, demands: Demands, pins: Pins) -> VerifiedMechanism:
    """Verify the mechanism of this origin against what is known of it, and remember what was seen.

    Raises `UnknownMechanismError` if nothing is known and `demands` do not say to believe it, and what
    `roster.verify` raises.
    """
    pin = pins.get(origin)
    if pin is None and demands.fingerprint is None and not demands.first_use:
        raise UnknownMechanismError("it was not said which mechanism this must be")
    if pin and demands.fingerprint is not None and pin.fingerprint.split() != demands.fingerprint.split():
        raise WrongMechanismError(
            f"{origin} is known on this machine by another fingerprint than the one you gave, "
            f"{pin.fingerprint}; if it was truly founded anew, remove it from {pins.path}"
        )
    verified = roster.verify(
        fetch,
        today,
        fingerprint=demands.fingerprint,
        pin=pin,
        accept_stale=demands.accept_stale,
        accept_unwitnessed=demands.accept_unwitnessed,
    )
    if verified.mechanism.origin != origin:
        raise WrongMechanismError(f"the log is {verified.mechanism.origin}'s, and the API is {origin}'s")
    # On a system that keeps nothing, the fingerprint is given each time.
    with suppress(OSError):
        pins.keep(verified)
    return verified
