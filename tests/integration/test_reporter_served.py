"""The reporter's site as it is really served: gunicorn's processes, sockets that break, a restart."""

import socket
import time
from urllib.parse import urlsplit

import pytest
import requests

from tests.integration.reporter_box import found_box
from tests.integration.reporter_server import Server
from tests.integration.reporter_visit import Page

SECRET = b"a-sentence-that-nobody-else-may-read "


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return found_box(tmp_path_factory.mktemp("served") / "box").directory


@pytest.fixture(scope="module")
def temporary(tmp_path_factory):
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def server(directory, temporary):
    server = Server(directory, temporary)
    yield server
    server.stop()


def post(server, page, *, files=None, **fields):
    sent = {name: values[0] for name, values in page.fields("/questions").items()} | fields
    parts = [(name, (None, value)) for name, value in sent.items()]
    parts += [("files", (name, content)) for name, content in (files or {}).items()]
    origin = {"Origin": server.base}
    return Page(requests.post(f"{server.base}/en/questions", files=parts, headers=origin, timeout=60).text)


def at_files(server):
    page = Page(requests.get(f"{server.base}/en/questions", timeout=60).text)
    page = post(server, page)
    return post(server, page, text=SECRET.decode(), go="skip")


def test_the_server_adds_nothing_that_tells_about_itself(server):
    headers = requests.get(f"{server.base}/en/", timeout=60).headers
    assert not {"Server", "ETag", "X-Powered-By", "Set-Cookie", "Last-Modified"} & set(headers)
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"


def test_a_report_with_a_file_is_never_in_the_clear_on_the_disk(server, directory, temporary):
    page = post(server, at_files(server), files={"a.txt": SECRET * 50_000}, go="add")
    assert "1.8 MB" in page.text
    page = post(server, page, go="next")
    page = post(server, page, go="next")
    assert "It has been sent" in page.text
    assert list(temporary.rglob("*")) == []
    for path in directory.rglob("*"):
        if path.is_file():
            assert SECRET not in path.read_bytes(), path


def test_a_connection_that_breaks_in_the_middle_of_a_file_leaves_nothing(server, directory):
    state = at_files(server).value("/questions", "state").encode()
    body = (
        b'--b\r\nContent-Disposition: form-data; name="state"\r\n\r\n' + state + b"\r\n"
        b'--b\r\nContent-Disposition: form-data; name="page"\r\n\r\nfiles\r\n'
        b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + SECRET * 20_000
    )
    place = urlsplit(server.base)
    head = (
        f"POST /en/questions HTTP/1.1\r\nHost: {place.netloc}\r\nOrigin: {server.base}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body) * 2}\r\n\r\n"
    )
    incoming = directory / "incoming"
    with socket.create_connection((place.hostname, place.port), 60) as connection:
        connection.sendall(head.encode() + body)
        wait_until(lambda: any(incoming.iterdir()))
    wait_until(lambda: not any(incoming.iterdir()))


def test_after_a_restart_a_page_gives_back_what_it_carried(server):
    page = post(server, Page(requests.get(f"{server.base}/en/questions", timeout=60).text))
    server.stop()
    server.start()
    page = post(server, page, text="My only words.")
    assert "We have to ask you again" in page.text
    assert "My only words." in page.text
    assert post(server, page).value("/questions", "text") == "My only words."


def wait_until(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.02)


def test_only_pages_that_hold_nothing_of_anybody_are_packed(server):
    fetched = {
        path: requests.get(f"{server.base}{path}", timeout=60)
        for path in ("/", "/en/", "/en/questions", "/en/answers", "/en/form", "/en/offline", "/en/nothing")
    }
    packed = {path for path, each in fetched.items() if each.headers.get("Content-Encoding") == "gzip"}
    assert packed == {"/", "/en/", "/en/questions", "/en/answers", "/en/form"}
    for path in packed:
        assert int(fetched[path].headers["Content-Length"]) < len(fetched[path].content)
        assert fetched[path].headers["Vary"] == "Accept-Encoding"
        plain = requests.get(f"{server.base}{path}", headers={"Accept-Encoding": "identity"}, timeout=60)
        assert "Content-Encoding" not in plain.headers
    fields = {
        name: values[0] for name, values in Page(fetched["/en/questions"].text).fields("/questions").items()
    }
    origin = {"Origin": server.base}
    posted = [
        requests.post(
            f"{server.base}/en/questions", data={**fields, "go": "next"}, headers=origin, timeout=60
        ),
        requests.post(
            f"{server.base}/en/answers", data={"page": "door", "receipt": "1"}, headers=origin, timeout=60
        ),
    ]
    assert [each.status_code for each in posted] == [200, 200]
    assert not any("Content-Encoding" in each.headers for each in posted)
