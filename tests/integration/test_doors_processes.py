"""The supervisor and the processes that it runs, as they are run in earnest."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from meyasubako.service.config import Limits
from meyasubako.service.mechanism import Mechanism
from tests.system.box import Box, found_box
from tests.system.served import NotServedError, Served, command_line, environment

LIMITS = Limits(workers=1, threads=4, upload_bytes=400_000)
CHILDREN = {"reporter", "handler", "log", "clock"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A mechanism whose doors the tests of this module share; none of them ends it."""
    place = tmp_path_factory.mktemp("doors")
    box = found_box(place / "box", LIMITS)
    running = Served(box.directory, place / "served")
    running.start()
    yield running
    assert running.stop() == 0, running.printed()
    assert running.complaints() == []


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Box, Served]]:
    """A mechanism for one test, which may do anything to it."""
    box = found_box(tmp_path / "box", LIMITS)
    running = Served(box.directory, tmp_path / "served")
    yield box, running
    running.stop()


def _exchange(url: str, request: bytes) -> bytes:
    """Send exactly these bytes, and read until the door closes the connection."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def _children(parent: int) -> dict[str, int]:
    """The supervisor's own children by what they are: a door's master, or the clock."""
    found = {}
    for pid in _children_of(parent):
        words = command_line(pid)
        if "-m" not in words:
            continue  # just forked, or just ended
        module = words[words.index("-m") + 1]
        found["clock" if module.endswith(".clock") else words[words.index("-m") + 2]] = pid
    return found


def _children_of(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]


def _until(condition: Callable[[], bool]) -> None:
    """Wait for what will come about; nothing is measured."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _supervisor(served: Served) -> int:
    process = served._process
    assert process is not None
    return process.pid


def _everybody(served: Served) -> list[int]:
    masters = _children(_supervisor(served)).values()
    return [_supervisor(served), *masters, *(pid for master in masters for pid in _children_of(master))]


@pytest.mark.parametrize("door", ["reporter", "handler", "log"])
def test_every_door_answers_with_the_headers_and_without_a_servers_name(served: Served, door: str) -> None:
    for path in ("/", "/nowhere"):
        headers = requests.get(served.doors[door] + path, timeout=30, allow_redirects=False).headers
        assert "Server" not in headers
        assert "ETag" not in headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("door", ["reporter", "handler", "log"])
def test_headers_of_a_proxy_are_not_believed(served: Served, door: str) -> None:
    url = served.doors[door] + "/"
    plain = requests.get(url, timeout=30, allow_redirects=False)
    for name, value in (
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-For", "192.0.2.7"),
        ("X-Forwarded-Prefix", "/evil"),
        ("SCRIPT_NAME", "/evil"),
        ("SCRIPT-NAME", "/evil"),
        ("PATH_INFO", "/evil"),
    ):
        answer = requests.get(url, headers={name: value}, timeout=30, allow_redirects=False)
        assert answer.status_code in {plain.status_code, 400}
        assert "evil" not in answer.text
        assert "https:" not in answer.headers.get("Location", "")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /secret-words\r\n\r\n",
        b"GET / HTTP/1.1\r\nsecret words: x\r\n\r\n",
        b"secret-words / HTTP/9.9\r\n\r\n",
        b"GET /" + b"secret-words" * 400 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: secret-words\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: secret-words\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_neither_repeated_nor_written_down(
    served: Served, request_bytes: bytes
) -> None:
    answer = _exchange(served.doors["handler"], request_bytes)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"secret" not in answer
    assert b"no-store" in answer
    assert "secret" not in served.printed()


def test_a_request_over_the_limit_is_refused(served: Served) -> None:
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "500000",
        "Content-Type": "application/offset+octet-stream",
    }
    url = served.doors["reporter"] + "/api/uploads"
    answer = requests.post(url, data=b"x" * 500_000, headers=headers, timeout=30)
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_form_key_is_in_no_argument_and_no_environment(served: Served) -> None:
    everybody = _everybody(served)
    assert len(everybody) == 8
    for pid in everybody:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        # 32 bytes are at least 43 characters in any usual spelling; paths are longer, and are ours.
        longest = [word for word in (*words, *variables) if len(word) >= 43 and b"/" not in word]
        assert longest == [], pid


def test_no_process_dumps_core_or_makes_files_that_others_read(served: Served) -> None:
    for pid in _everybody(served):
        limits = Path(f"/proc/{pid}/limits").read_text()
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"]
        status = Path(f"/proc/{pid}/status").read_text()
        assert "Umask:\t0077" in status


def test_no_process_has_a_control_socket(served: Served) -> None:
    assert [path for path in served.temporary.rglob("*") if path.is_socket()] == []


def test_a_second_one_is_refused_while_the_first_runs(served: Served, tmp_path: Path) -> None:
    with pytest.raises(NotServedError) as caught:
        Served(served.directory, tmp_path).start()
    assert "already" in str(caught.value)


def test_addresses_and_ready_are_said_in_words_for_people(own: tuple[Box, Served], tmp_path: Path) -> None:
    box, _ = own
    code = "import pathlib, sys; from meyasubako.service.supervisor import serve; "
    code += "serve(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(box.directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(tmp_path)) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().split() for _ in range(4)]
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    assert [line[0] for line in lines] == ["reporter", "handler", "log", "ready"]
    assert all(line[1].startswith("http://127.0.0.1:") for line in lines[:3])


def test_a_process_that_dies_is_started_again_in_its_place(own: tuple[Box, Served]) -> None:
    _, served = own
    served.start()
    before = _children(_supervisor(served))
    assert before.keys() == CHILDREN
    for child, pid in before.items():
        os.kill(pid, signal.SIGKILL)
        # Until it is noticed, workers of a door that died may still answer.
        _until(lambda child=child, pid=pid: _children(_supervisor(served)).get(child, pid) != pid)
    for door, url in served.doors.items():
        # The socket is the supervisor's, so the request waits for the door instead of being refused.
        assert requests.get(url + "/nowhere", timeout=60).status_code in {401, 404}, door
    assert _children(_supervisor(served)).keys() == CHILDREN
    assert served.stop() == 0
    again = [line.split()[0] for line in served.complaints() if "started again" in line]
    assert sorted(again) == sorted(CHILDREN)


def test_nothing_is_left_when_the_supervisor_is_killed(own: tuple[Box, Served]) -> None:
    _, served = own
    served.start()
    handles = [os.pidfd_open(pid) for pid in _everybody(served)]
    os.kill(_supervisor(served), signal.SIGKILL)
    for handle in handles:
        # Each becomes readable when its process has ended; nothing else ends this wait.
        select.select([handle], [], [])
        os.close(handle)
    served._end()


def test_a_stopped_mechanism_can_be_served_again(own: tuple[Box, Served]) -> None:
    _, served = own
    for _ in range(2):
        served.start()
        assert served.stop() == 0
    assert served.complaints() == []


def test_a_directory_of_a_newer_format_is_refused(own: tuple[Box, Served]) -> None:
    box, served = own
    path = box.directory / "mechanism.toml"
    path.write_text(path.read_text().replace("format = 1", "format = 2"))
    with pytest.raises(NotServedError) as caught:
        served.start()
    assert "format 2" in str(caught.value)


@pytest.mark.parametrize(("name", "mode"), [("keys/service", 0o644), ("erasure", 0o750)])
def test_keys_that_others_can_read_are_refused(own: tuple[Box, Served], name: str, mode: int) -> None:
    box, served = own
    (box.directory / name).chmod(mode)
    with pytest.raises(NotServedError) as caught:
        served.start()
    assert "open to others" in str(caught.value)


def test_a_log_older_than_its_checkpoint_is_refused(own: tuple[Box, Served]) -> None:
    box, served = own
    backup = (box.directory / "log.db").read_bytes()
    served.start()
    requests.get(served.doors["log"] + "/checkpoint", timeout=30)
    assert served.stop() == 0
    _publish(box)
    for path in box.directory.glob("log.db*"):
        path.unlink()
    (box.directory / "log.db").write_bytes(backup)
    with pytest.raises(NotServedError) as caught:
        served.start()
    assert "smaller than the last published checkpoint" in str(caught.value)


def test_a_checkpoint_by_other_keys_is_refused(own: tuple[Box, Served]) -> None:
    box, served = own
    other = box.directory.parent / "other"
    found_box(other, LIMITS)
    for name in ("log.ed25519", "log.mldsa44", "promise", "service"):
        (other / "keys" / name).replace(box.directory / "keys" / name)
    with pytest.raises(NotServedError) as caught:
        served.start()
    assert "not the one that the log names" in str(caught.value)


def test_an_address_that_is_taken_is_named(own: tuple[Box, Served]) -> None:
    box, served = own
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        path = box.directory / "mechanism.toml"
        path.write_text(path.read_text().replace('log = "127.0.0.1:0"', f'log = "{address}"'))
        with pytest.raises(NotServedError) as caught:
            served.start()
    assert address in str(caught.value)


def _publish(box: Box) -> None:
    mechanism = Mechanism.open(box.directory)
    mechanism.publish()
    mechanism.close()
