"""Files on their way in: every way in which an upload can go wrong, against a real mechanism."""

import secrets
import tempfile
import tracemalloc

import pytest

from meyasubako.service.config import Limits
from meyasubako.service.intake import Intake
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.reporter import app as site
from tests.integration.reporter_box import found_box
from tests.integration.reporter_visit import OURS, Visit


def opened(directory, **limits):
    box = found_box(directory, limits=Limits(**limits))
    mechanism = Mechanism.open(box.directory)
    app = site.create_app(Intake(mechanism, secrets.token_bytes(32)), mechanism.config)
    return mechanism, app


@pytest.fixture
def mechanism_and_app(tmp_path):
    mechanism, app = opened(tmp_path / "box", upload_bytes=300_000, files=3, disk_free_bytes=0)
    yield mechanism, app
    mechanism.close()


@pytest.fixture
def visit(mechanism_and_app):
    visit = Visit(mechanism_and_app[1].test_client())
    visit.start()
    visit.press()
    visit.press("skip", text="Something happened.")
    return visit


@pytest.fixture
def incoming(mechanism_and_app):
    return mechanism_and_app[0].directory / "incoming"


def count(folder):
    return len(list(folder.iterdir()))


def test_several_files_are_listed_and_one_is_removed(visit, incoming):
    page = visit.press("add", files=[("a.jpg", b"x" * 2000), ("b.pdf", b"y" * 3)])
    assert "a.jpg" in page.text
    assert "b.pdf" in page.text
    file_id = page.html.partition('value="remove:')[2].partition('"')[0]
    page = visit.press(f"remove:{file_id}")
    assert "a.jpg" not in page.text
    assert "b.pdf" in page.text
    assert count(incoming) == 1


def test_going_on_takes_the_chosen_files_too(visit):
    assert "a.jpg" in visit.press("next", files=[("a.jpg", b"x")]).text
    assert "Check and send" in visit.page.text


def test_an_oversized_file_is_named_and_nothing_else_is_lost(visit, incoming):
    page = visit.press("add", files=[("good.jpg", b"x" * 1000), ("huge.mov", b"y" * 300_001)])
    assert visit.answer.status_code == 200
    assert "“huge.mov” is too large" in page.text
    assert "good.jpg" in page.text
    assert count(incoming) == 1
    assert "Something happened." in visit.press().text


def test_a_file_too_many_is_named(visit, incoming):
    page = visit.press("add", files=[(f"{n}.jpg", b"x") for n in range(5)])
    assert "“3.jpg” was not added: 3 files fit" in page.text
    assert "“4.jpg” was not added" in page.text
    page = visit.press("add", files=[("more.jpg", b"x")])
    assert "“more.jpg” was not added" in page.text
    assert count(incoming) == 3


def test_an_empty_file_is_named_and_no_file_is_not(visit, incoming):
    assert "“empty.txt” is empty" in visit.press("add", files=[("empty.txt", b"")]).text
    assert "Please check" not in visit.press("add", files=[("", b"")]).text
    assert count(incoming) == 0


@pytest.mark.parametrize("content", [b"\r" * 200_000, b"\r\n--" * 60_000, b"\0" * 65_536, b"-" * 131_073])
def test_hostile_content_arrives_whole(visit, content):
    page = visit.press("add", files=[("x", content)])
    assert f"{len(content) // 1024} kB" in page.text


def test_a_name_is_shown_as_text_and_without_its_path(visit):
    page = visit.press("add", files=[("C:\\x\\<b>写真</b>.jpg", b"x")])
    assert "b&gt;.jpg" in page.html
    assert "<b>写真" not in page.html
    assert "C:" not in page.text


def test_a_file_on_a_page_that_takes_none_is_dropped(visit, mechanism_and_app, incoming):
    visit.post("/en/leave", [("leaving", "x")], files=[("a.jpg", b"x" * 100_000)])
    assert count(incoming) == 0


def test_a_file_with_an_unknown_page_is_kept_for_the_page_that_follows(visit, incoming):
    page = visit.post("/en/questions", [("page", "files"), ("state", "?")], files=[("a.jpg", b"x" * 10)])
    assert "is kept" in page.text
    assert count(incoming) == 1
    visit.press()
    visit.press("skip", text="Again.")
    assert "a.jpg" in visit.page.text


def test_files_of_a_page_that_does_not_exist_are_deleted(visit, incoming):
    visit.post("/en/questions", [("page", "nothing"), ("state", "?")], files=[("a.jpg", b"x" * 10)])
    assert visit.answer.status_code == 400
    assert count(incoming) == 0


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_a_body_that_breaks_off_is_told_and_leaves_nothing(visit, incoming, cut):
    state = visit.page.value("/questions", "state").encode()
    body = (
        b'--b\r\nContent-Disposition: form-data; name="state"\r\n\r\n' + state + b"\r\n"
        b'--b\r\nContent-Disposition: form-data; name="page"\r\n\r\nfiles\r\n'
        b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        + b"x" * 200_000
        + b"\r\n--b--\r\n"
    )
    answer = visit.client.post(
        "/en/questions",
        data=body[: int(len(body) * cut)],
        content_type="multipart/form-data; boundary=b",
        headers=OURS,
    )
    assert answer.status_code == 400
    assert "did not arrive completely" in answer.get_data(as_text=True)
    assert count(incoming) == 0


def test_no_temporary_file_is_ever_made(visit, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a temporary file was asked for")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", refuse)
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr("werkzeug.formparser.default_stream_factory", refuse)
    assert "big.bin" in visit.press("add", files=[("big.bin", b"z" * 300_000)]).text


def test_a_full_disk_is_told_and_the_text_can_still_be_sent(tmp_path):
    mechanism, app = opened(tmp_path / "full", disk_free_bytes=2**62)
    visit = Visit(app.test_client())
    visit.start()
    visit.press()
    visit.press("skip", text="Without a picture, then.")
    assert "there is no room here now" in visit.press("next", files=[("a.jpg", b"x")]).text
    visit.press()
    visit.press()
    assert len(visit.groups()) == 12
    mechanism.close()


def test_a_swept_file_is_told_before_anything_is_sent(visit, incoming, mechanism_and_app):
    visit.press("next", files=[("a.jpg", b"x")])
    for path in incoming.iterdir():
        path.unlink()
    page = visit.press()
    assert "waited here for too long" in page.text
    assert mechanism_and_app[0].ledger().cases == {}


def test_a_page_that_takes_no_files_takes_no_large_body_either(visit):
    visit.post("/en/answers/file", [("state", "x" * 600_000)])
    assert visit.answer.status_code == 413


def test_a_form_beyond_every_limit_is_refused_with_a_page(visit):
    page = visit.post("/en/questions", [("page", "story"), ("text", "x" * 3_000_000)])
    assert visit.answer.status_code == 413
    assert "too large" in page.text


def test_a_large_file_arrives_in_little_memory(tmp_path):
    mechanism, app = opened(tmp_path / "large", disk_free_bytes=0)
    visit = Visit(app.test_client())
    visit.start()
    visit.press()
    visit.press("skip", text="Large.")
    sent = _Long(visit.page.value("/questions", "state"), 24 * 1024 * 1024)
    tracemalloc.start()
    answer = visit.client.post(
        "/en/questions",
        input_stream=sent,
        content_type="multipart/form-data; boundary=b",
        headers=OURS,
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "24.0 MB" in answer.get_data(as_text=True)
    assert peak < 6 * 1024 * 1024
    mechanism.close()


class _Long:
    """The body of a form with one large file, made as it is read."""

    def __init__(self, state, size):
        head = (
            '--b\r\nContent-Disposition: form-data; name="state"\r\n\r\n' + state + "\r\n"
            '--b\r\nContent-Disposition: form-data; name="page"\r\n\r\nfiles\r\n'
            '--b\r\nContent-Disposition: form-data; name="go"\r\n\r\nadd\r\n'
            '--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        )
        self.parts = [head.encode(), size, b"\r\n--b--\r\n"]
        self.told = 0
        self.length = len(head) + size + len(self.parts[2])

    def read(self, size=-1):
        if not self.parts:
            return b""
        first = self.parts[0]
        if isinstance(first, bytes):
            self.parts[0] = first[size:]
            taken = first[:size]
        else:
            taken = b"x" * min(size, first)
            self.parts[0] = first - len(taken)
        if not self.parts[0]:
            self.parts.pop(0)
        return taken

    # The test client looks for the length like this before it reads.
    def tell(self):
        return self.told

    def seek(self, _place, whence=0):
        self.told = self.length if whence == 2 else 0
        return self.told
