"""The three applications, one for each door; made in a worker's process, after the fork.

A door's code is read before it, once for all of its workers, and by its own process only.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meyasubako.service.errors import StartError

if TYPE_CHECKING:
    from flask import Flask

    from meyasubako.service.mechanism import Mechanism
    from meyasubako.service.nonces import Nonces

_CODE: Final = {"reporter": ("intake", "reporter.app", "reporter.program")}


def read_code(door: str) -> None:
    """Read all that `application` needs for a door; nothing is opened by it."""
    for name in ("mechanism", "nonces", *_CODE.get(door, (f"{door}.app",))):
        import_module(f"meyasubako.service.{name}")


def application(
    door: str,
    directory: Path,
    *,
    nonces: int,
    form_key: bytes | None = None,
    test_clock: Path | None = None,
) -> "Flask":
    """The application of a door, with the descriptor of the table that the door's processes share."""
    from meyasubako.service.mechanism import Mechanism  # noqa: PLC0415 (opened here, after the fork, never shared)
    from meyasubako.service.nonces import Nonces  # noqa: PLC0415 (as above)

    mechanism, taken = Mechanism.open(directory, test_clock=test_clock), Nonces(nonces)
    if door == "reporter":
        return _reporter(mechanism, taken, form_key)
    return {"handler": _handler, "log": _log}[door](mechanism, taken)


def _reporter(mechanism: "Mechanism", nonces: "Nonces", form_key: bytes | None) -> "Flask":
    from meyasubako.service.intake import Intake  # noqa: PLC0415 (this door's own code)
    from meyasubako.service.reporter import app, program  # noqa: PLC0415 (this door's own code)

    if form_key is None:
        raise StartError("the reporter's door has no form key")
    site = app.create_app(Intake(mechanism, form_key), mechanism.config)
    site.register_blueprint(program.blueprint(mechanism, nonces, site.extensions[app.PACE]))
    return site


def _handler(mechanism: "Mechanism", nonces: "Nonces") -> "Flask":
    from meyasubako.service.handler import app  # noqa: PLC0415 (this door's own code)

    return app.create_app(mechanism, nonces)


def _log(mechanism: "Mechanism", nonces: "Nonces") -> "Flask":
    from meyasubako.service.log import app  # noqa: PLC0415 (this door's own code)

    return app.create_app(mechanism, nonces)
