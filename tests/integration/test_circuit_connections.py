"""Connections as Tor opens them when it tells circuits, to a reporter's door that is really served."""

import socket
from urllib.parse import urlsplit

import msgspec
import pytest

from meyasubako.service.config import NO_ABUSE_LIMITS, Config, Tor
from tests.integration.reporter_box import found_box
from tests.system.served import Served

GET = b"GET /en/ HTTP/1.1\r\nHost: box\r\n\r\n"


def line(circuit):
    return f"PROXY TCP6 fc00:dead:beef:4dad::0:{circuit:x} ::1 {circuit} 80\r\n".encode()


@pytest.fixture(scope="module")
def behind_tor(tmp_path_factory):
    yield from serving(tmp_path_factory.mktemp("tor"), told=True)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    yield from serving(tmp_path_factory.mktemp("alone"), told=False)


def serving(place, *, told):
    box = found_box(place / "box")
    abuse = msgspec.structs.replace(NO_ABUSE_LIMITS, circuit_requests_a_minute=5)
    config = Config.load(box.directory)
    msgspec.structs.replace(config, abuse=abuse, tor=Tor(circuit_id=told)).write(box.directory)
    served = Served(box.directory, place / "served")
    served.start()
    yield served
    assert served.stop() == 0
    # Nothing of a circuit is ever printed or kept.
    assert served.complaints() == []
    kept = [path for path in place.rglob("*") if path.is_file() and b"dead:beef" in path.read_bytes()]
    assert kept == []


class Connection:
    """A connection to the reporter's door."""

    def __init__(self, served):
        place = urlsplit(served.doors["reporter"])
        self._socket = socket.create_connection((place.hostname, place.port), timeout=60)
        self._file = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        self._socket.close()

    def send(self, *pieces):
        for piece in pieces:
            self._socket.sendall(piece)
        return self

    def status(self):
        """The status of the next answer, whose body is read; 0 where the connection ended."""
        first = self._file.readline()
        if not first:
            return 0
        length = 0
        while (field := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = field.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self._file.read(length)
        return int(first.split()[1])


def test_every_request_of_a_connection_counts_for_its_circuit(behind_tor):
    with Connection(behind_tor) as connection:
        connection.send(line(1))
        assert [connection.send(GET).status() for _ in range(7)] == [200] * 5 + [429] * 2
    # Another connection of the same circuit, and one of another.
    with Connection(behind_tor) as connection:
        assert connection.send(line(1) + GET).status() == 429
    with Connection(behind_tor) as connection:
        assert connection.send(line(2) + GET).status() == 200


def test_a_line_may_arrive_in_pieces_and_together_with_a_request(behind_tor):
    with Connection(behind_tor) as connection:
        whole = line(3) + GET + GET
        assert connection.send(*(whole[at : at + 7] for at in range(0, len(whole), 7))).status() == 200
        assert connection.status() == 200


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n",
        b"PROXY UNKNOWN\r\n",
        b"PROXY TCP6 2001:db8::1 ::1 1 80\r\n",
        b"PROXY TCP6 " + b"0" * 5000 + b"\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x20\x11\x00\x00",
        line(4).replace(b"\r\n", b"\n"),
    ],
    ids=["none", "v4", "unknown", "another network", "endless", "version 2", "bare newline"],
)
def test_a_connection_that_does_not_begin_as_tors_do_is_refused(behind_tor, beginning):
    with Connection(behind_tor) as connection:
        assert connection.send(beginning + GET).status() == 400
        assert connection.status() == 0


def test_nobody_behind_tor_can_tell_a_circuit_themselves(behind_tor):
    with Connection(behind_tor) as connection:
        assert connection.send(line(5) + line(6) + GET).status() == 400
        assert connection.status() == 0


def test_without_the_setting_a_told_circuit_is_no_request(alone):
    with Connection(alone) as connection:
        assert connection.send(line(1) + GET).status() == 400
    with Connection(alone) as connection:
        assert [connection.send(GET).status() for _ in range(10)] == [200] * 10
