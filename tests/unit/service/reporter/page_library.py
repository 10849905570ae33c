"""The page's own library, as its script is built from it, called from Python."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from meyasubako.service.reporter import app

NODE = Path(sys.executable).with_name("node")
PEER = Path(__file__).with_name("page_peer.mjs")
SOURCES = (Path(app.__file__).parent / "page").resolve()


class PageError(Exception):
    """The page's code threw."""


def build(folder: Path, library: Path | None = None) -> None:
    """Build the scripts into a folder, as `make page` does."""
    more = [str(library)] if library else []
    subprocess.run([NODE, SOURCES / "build.mjs", folder, *more], check=True, capture_output=True)


class Library:
    """Calls by the names in `library.ts`; `number` is that of the last result, to hand it on as `ref`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.number = -1

    def __call__(self, call: str, *args: Any, on: int | None = None) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = {"call": call, "args": [_written(arg) for arg in args]}
        if on is not None:
            line["on"] = on
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        self.number += 1
        if "error" in answer:
            raise PageError(answer["error"])
        return _read(answer["value"])


def ref(number: int) -> dict[str, int]:
    """A result of before, as an argument."""
    return {"$": number}


def file(data: bytes, name: str, kind: str = "") -> dict[str, Any]:
    """A file that a person has chosen."""
    return {"$file": data, "name": name, "type": kind}


@contextmanager
def running(library: Path) -> Iterator[Library]:
    """The library in a process of its own."""
    with subprocess.Popen(
        [NODE, PEER, library], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Library(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(20)


def _written(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {name: _written(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_written(each) for each in value]
    return value


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "$bytes" in value:
        return base64.b64decode(value["$bytes"])
    if "$map" in value:
        return {key: _read(each) for key, each in value["$map"]}
    return {name: _read(each) for name, each in value.items()}
