"""`mechanism.toml`: the few settings of one mechanism's directory.

Rules upheld here:

- Unknown keys are refused, so that a misspelt limit never silently has no effect; nothing in the environment
  overrides a setting.
- A `format` newer than ours is refused before anything else is read.
- What decides about people or the log (slot length, waiting time, keys) stands in the log's first leaf, not
  here.
"""

import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import msgspec

from meyasubako.service.errors import ConfigError, NewerFormatError

FORMAT: Final = 1
FILE_NAME: Final = "mechanism.toml"
MAX_ORIGIN: Final = 200
# Both a checkpoint's origin and the name of a note key (C2SP signed-note: no space, no plus), and in the
# alphabet of events.
_is_origin = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/~-]*").fullmatch
_is_proxy = re.compile(r"(?:[a-z0-9]+://[A-Za-z0-9.:@\[\]_-]+)?").fullmatch
_is_name = re.compile(r"[A-Za-z0-9.-]+").fullmatch
_is_host = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]").fullmatch

Count = Annotated[int, msgspec.Meta(ge=1)]


class Doors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where each door listens, as "HOST:PORT"; port 0 takes any free one.

    `names` are the other hosts, without ports, under which people reach the doors: their onion addresses.
    """

    reporter: str = "127.0.0.1:8011"
    handler: str = "127.0.0.1:8012"
    log: str = "127.0.0.1:8013"
    names: tuple[str, ...] = ()

    def goes_by(self, host: str) -> bool:
        """Whether this host (an IPv6 address without brackets) is a door's: listed, listened on, or local."""
        listened = {parse_address(address)[0] for address in (self.reporter, self.handler, self.log)}
        wanted = host.lower()
        return wanted in {name.lower() for name in (*self.names, *listened)} or _is_local(wanted)


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Upper bounds: bytes of one sealed upload, characters of a text, files of a report, processes and
    threads.

    `disk_free_bytes` is what must stay free on the disk for an upload to be taken.
    """

    upload_bytes: Count = 2 * 1024**3
    # What is longer does not fit into a sealed text, see `domain.sealing`.
    text_characters: Annotated[int, msgspec.Meta(ge=1, le=200_000)] = 100_000
    # An event names no more than 64, see `domain.kinds`.
    files: Annotated[int, msgspec.Meta(ge=0, le=64)] = 20
    disk_free_bytes: Annotated[int, msgspec.Meta(ge=0)] = 512 * 1024**2
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    # Many: each slow upload keeps one of them, and pages must not wait for any.
    threads: Annotated[int, msgspec.Meta(ge=1, le=512)] = 64


class IntakeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When handlers see what reporters wrote: at the next full hour, or at once."""

    show: Literal["hour", "at_once"] = "hour"


class Abuse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the reporter's site takes from everybody together, and from one Tor circuit; 0 is no limit.

    `form_seconds`: a form sent sooner after it was begun is asked for once more. `reports_*` and `addition*`
    count what is in the log: reports, and what one receipt adds to its case in messages and other acts, and
    in sealed bytes. `sends_a_minute` and `circuit_requests_a_minute` are counted by each process for itself.
    `question`: whether a question that stops simple machines is asked before something is sent, never, while
    `sends_a_minute` is used up, or always.
    """

    form_seconds: Annotated[int, msgspec.Meta(ge=0, le=60)] = 3
    reports_an_hour: Annotated[int, msgspec.Meta(ge=0)] = 120
    reports_a_day: Annotated[int, msgspec.Meta(ge=0)] = 600
    additions_a_day: Annotated[int, msgspec.Meta(ge=0)] = 100
    addition_bytes_a_day: Annotated[int, msgspec.Meta(ge=0)] = 16 * 1024**3
    sends_a_minute: Annotated[int, msgspec.Meta(ge=0)] = 60
    circuit_requests_a_minute: Annotated[int, msgspec.Meta(ge=0)] = 240
    question: Literal["never", "busy", "always"] = "busy"


# What a test mechanism is founded with: the visitors of a trial are often programs, quicker than people.
NO_ABUSE_LIMITS: Final = Abuse(
    form_seconds=0,
    reports_an_hour=0,
    reports_a_day=0,
    additions_a_day=0,
    addition_bytes_a_day=0,
    sends_a_minute=0,
    circuit_requests_a_minute=0,
    question="never",
)


class Tor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether Tor tells the reporter's door by which circuit somebody comes (torrc's
    `HiddenServiceExportCircuitID haproxy`). Connections that do not say so are refused then.
    """

    circuit_id: bool = False


class Witnessing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How witnesses are reached: through a proxy such as "socks5h://127.0.0.1:9050", or directly."""

    proxy: str = ""


class Erasure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how many days the rolling backup of the erasure keys keeps destroyed ones; 0 makes none."""

    backup_days: Annotated[int, msgspec.Meta(ge=0, le=30)] = 7


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one mechanism."""

    format: Literal[1] = FORMAT
    origin: str
    store: Literal["sqlite"] = "sqlite"
    doors: Doors = Doors()
    limits: Limits = Limits()
    intake: IntakeSettings = IntakeSettings()
    abuse: Abuse = Abuse()
    tor: Tor = Tor()
    witnessing: Witnessing = Witnessing()
    erasure: Erasure = Erasure()

    def __post_init__(self) -> None:
        if len(self.origin) > MAX_ORIGIN or not _is_origin(self.origin):
            raise ValueError("the origin is a name like box.example.org, of letters, digits and . _ : / ~ -")
        if not _is_proxy(self.witnessing.proxy):
            raise ValueError("a proxy is an address like socks5h://127.0.0.1:9050, or empty")
        for address in (self.doors.reporter, self.doors.handler, self.doors.log):
            parse_address(address)
        if not all(_is_name(name) for name in self.doors.names):
            raise ValueError("a door's name is a host such as an onion address, without http:// and port")

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The settings in a mechanism's directory.

        Raises `NewerFormatError` or `ConfigError`, which name the file and the setting.
        """
        path = directory / FILE_NAME
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ConfigError(f"there is no mechanism in {directory}: {FILE_NAME} is missing") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise ConfigError(f"{path} cannot be read as TOML") from error
        version = raw.get("format")
        if isinstance(version, int) and version > FORMAT:
            raise NewerFormatError(f"{path} has format {version}; this software reads up to format {FORMAT}")
        try:
            return msgspec.convert(raw, cls)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{path}: {error}") from error

    def write(self, directory: Path) -> None:
        """Write `mechanism.toml`, readable by its owner only, in one step."""
        new = directory / f".{FILE_NAME}.new"
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self.text())
            file.flush()
            os.fsync(file.fileno())
        new.replace(directory / FILE_NAME)

    def text(self) -> str:
        """The settings as TOML: integers, booleans, and strings or lists of strings without quotes and
        backslashes.
        """
        top: dict[str, object] = msgspec.to_builtins(self)
        plain = {name: value for name, value in top.items() if not isinstance(value, dict)}
        lines = [_line(name, value) for name, value in plain.items()]
        for name, table in top.items():
            if isinstance(table, dict):
                lines += ["", f"[{name}]", *(_line(key, value) for key, value in table.items())]
        return "\n".join(lines) + "\n"


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of "HOST:PORT" (an IPv6 host in brackets); `ValueError` for anything else.

    >>> parse_address("[::1]:8011")
    ('::1', 8011)
    """
    host, separator, port = text.rpartition(":")
    if not separator or not _is_host(host) or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("a door's address is HOST:PORT")
    return host.strip("[]"), int(port)


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _line(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"{name} = {str(value).lower()}"
    if isinstance(value, (list, tuple)):
        listed = ", ".join(f'"{each}"' for each in value)
        return f"{name} = [{listed}]"
    return f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}"
