"""What the tests of uploads in parts share: the requests of a tus client, and what then lies on the disk."""

import hashlib
from base64 import b64encode

from werkzeug.test import Client, TestResponse

from meyasubako.service import tus
from tests.system.box import Box

PATH = "/api/uploads"


TUS = {"Tus-Resumable": "1.0.0"}


PART = {"Content-Type": tus.PART_TYPE}


SIZE = 50_000


def begun(client: Client, length: int) -> str:
    answer = client.post(PATH, headers=TUS | {"Upload-Length": str(length)})
    assert answer.status_code == 201
    assert (answer.headers["Upload-Offset"], answer.data) == ("0", b"")
    location = answer.headers["Location"]
    assert location.startswith(f"{PATH}/")
    assert len(location) == len(PATH) + 33
    return location


def patch(client: Client, location: str, offset: int, data: bytes, **headers: str) -> TestResponse:
    fields = TUS | PART | {"Upload-Offset": str(offset)}
    return client.patch(
        location, data=data, headers=fields | {k.replace("_", "-"): v for k, v in headers.items()}
    )


def arrived(client: Client, location: str) -> int:
    answer = client.head(location, headers=TUS)
    assert answer.status_code == 200
    return int(answer.headers["Upload-Offset"])


def checksum(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm} {b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def objects(box: Box) -> list[str]:
    """The digests of what is stored, each of the bytes that arrived."""
    return [path.name for path in (box.directory / "objects").iterdir()]


def left(box: Box) -> list[str]:
    folders = (box.directory / "objects", box.directory / "incoming")
    return [path.name for folder in folders for path in folder.iterdir()]
