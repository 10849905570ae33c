"""The CCTV age vectors, read once out of the npm package that carries them."""

import base64
import json
import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest

NODE = Path(sys.executable).with_name("node")
EXPORT = Path(__file__).with_name("vectors.mjs")


@dataclass(frozen=True)
class Vector:
    """One file of the testkit: its textual header, and the age file that it speaks of."""

    name: str
    fields: dict[str, list[str]]
    file: bytes

    def one(self, key: str) -> str:
        return self.fields.get(key, [""])[0]


def read_vector(name: str, data: bytes) -> Vector:
    head, _, file = data.partition(b"\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.decode().split("\n"):
        key, _, value = line.partition(": ")
        fields.setdefault(key, []).append(value)
    return Vector(name, fields, zlib.decompress(file) if "compressed" in fields else file)


@pytest.fixture(scope="session")
def vectors() -> dict[str, Vector]:
    printed = subprocess.run([NODE, EXPORT], check=True, capture_output=True).stdout
    return {name: read_vector(name, base64.b64decode(data)) for name, data in json.loads(printed).items()}
