"""Forms as browsers and programs post them: read as Werkzeug reads them, but for what it would lose."""

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from meyasubako.service.reporter.form_data import FormParser

MULTIPART = "multipart/form-data"
BOUNDARY = "----WebKitFormBoundary7MA4YWxk"
# As browsers write a name: of all signs these three are spelt otherwise (HTML, 4.10.22.8).
SPELT = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})

names = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='"\\%'), max_size=20)
values = st.text(st.characters(exclude_categories=("Cs",)), max_size=200)
contents = st.binary(max_size=300) | st.just(b"\r\n--" + BOUNDARY.encode()[:-1]) | st.just(b"\r\n" * 50)
parts = st.lists(
    st.tuples(st.just("field"), names, values) | st.tuples(st.just("file"), names, names, contents),
    max_size=8,
)


class Dribble(io.BytesIO):
    """A body of which every read gives a few bytes, as a slow circuit does."""

    def __init__(self, data, chance):
        super().__init__(data)
        self._chance = chance

    def read(self, size=-1):
        return super().read(min(size, self._chance.randint(1, 60)) if size > 0 else size)


def body(parts):
    """A form as a browser writes it."""
    written = b""
    for kind, name, *rest in parts:
        spelt = f'form-data; name="{name.translate(SPELT)}"'
        if kind == "file":
            file_name, data = rest
            spelt += f'; filename="{file_name.translate(SPELT)}"\r\nContent-Type: image/jpeg; a=b'
        else:
            data = rest[0].encode()
        written += f"--{BOUNDARY}\r\nContent-Disposition: {spelt}\r\n\r\n".encode() + data + b"\r\n"
    return written + f"--{BOUNDARY}--\r\n".encode()


def read(parser_class, stream, *, boundary=BOUNDARY, **limits):
    """Fields, and files with name, type and bytes."""
    parser = parser_class(lambda **_: io.BytesIO(), silent=False, **limits)
    _, fields, files = parser.parse(stream, MULTIPART, None, {"boundary": boundary})
    told = [
        (name, file.filename, file.content_type, file.stream.read()) for name, file in files.items(multi=True)
    ]
    return list(fields.items(multi=True)), told


@given(parts, st.integers())
def test_what_a_browser_posts_is_read_as_werkzeug_reads_it(parts, seed):
    data = body(parts)
    whole = read(FormParser, io.BytesIO(data))
    # Werkzeug gives parts of one kind in their order, as we do.
    assert whole == read(FormDataParser, io.BytesIO(data))
    assert read(FormParser, Dribble(data, random.Random(seed))) == whole


def test_a_name_with_signs_that_browsers_spell_otherwise_is_given_back():
    parts = [("file", "files", 'the "press"\r\n7.jpg', b"x")]
    assert read(FormParser, io.BytesIO(body(parts)))[1][0][1] == 'the "press"\r\n7.jpg'


@given(parts.filter(bool), st.integers(), st.data())
def test_a_body_that_breaks_off_raises(parts, seed, data):
    whole = body(parts)
    cut = data.draw(st.integers(0, len(whole) - len("--\r\n") - 1))
    with pytest.raises(ValueError):  # noqa: PT011 (what the request turns into "did not arrive completely")
        read(FormParser, Dribble(whole[:cut], random.Random(seed)))


@given(parts, st.data())
def test_what_was_changed_on_the_way_is_read_or_refused(parts, data):
    changed = bytearray(body(parts))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
        if not changed:
            break
    try:
        fields, files = read(FormParser, io.BytesIO(changed))
    except (ValueError, RequestEntityTooLarge):
        return
    assert sum(len(value) for _, value in fields) + sum(len(file[3]) for file in files) <= len(changed)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"state=1",
        f"--{BOUNDARY}\n\n1\n--{BOUNDARY}--".encode(),
        f"--{BOUNDARY}\r\n\r\n1".encode(),
    ],
)
def test_what_is_no_form_raises(data):
    with pytest.raises(ValueError):  # noqa: PT011 (as above)
        read(FormParser, io.BytesIO(data))


def test_a_form_without_a_boundary_raises():
    with pytest.raises(ValueError, match="boundary"):
        read(FormParser, io.BytesIO(body([])), boundary="")


def test_fields_have_as_much_room_as_they_may_have_together():
    parts = [("field", "a", "x" * 60), ("field", "b", "y" * 40), ("file", "f", "z.jpg", bytes(10_000))]
    assert len(read(FormParser, io.BytesIO(body(parts)), max_form_memory_size=100)[0]) == 2
    with pytest.raises(RequestEntityTooLarge):
        read(FormParser, io.BytesIO(body(parts)), max_form_memory_size=99)


def test_so_many_parts_are_taken_and_no_more():
    parts = [("field", "a", "x"), ("file", "b", "c", b"y")]
    assert read(FormParser, io.BytesIO(body(parts)), max_form_parts=2)
    with pytest.raises(RequestEntityTooLarge):
        read(FormParser, io.BytesIO(body(parts)), max_form_parts=1)


def test_a_part_with_a_very_long_head_is_refused():
    with pytest.raises(RequestEntityTooLarge):
        read(FormParser, io.BytesIO(body([("field", "n" * 5000, "x")])))


def test_a_file_whose_name_is_spelt_in_an_old_way_is_a_file():
    data = (
        f"--{BOUNDARY}\r\n"
        "Content-Disposition: form-data; name=\"files\"; filename*=UTF-8''%E5%86%99.jpg\r\n\r\n"
        f"a photo\r\n--{BOUNDARY}--\r\n"
    ).encode()
    assert read(FormParser, io.BytesIO(data)) == ([], [("files", "写.jpg", None, b"a photo")])


@pytest.mark.parametrize(
    ("charset", "sent", "told"),
    [
        ("iso-8859-1", b"caf\xe9", "café"),
        ("UTF-8", "写".encode(), "写"),
        ("utf-16", "写".encode(), "写"),
        ("no-such-thing", b"a\xff", "a\ufffd"),
    ],
)
def test_a_field_is_read_in_the_charset_that_it_names_if_that_is_safe(charset, sent, told):
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="text"\r\nContent-Type: text/plain; charset='
    )
    data = head.encode() + charset.encode() + b"\r\n\r\n" + sent + f"\r\n--{BOUNDARY}--\r\n".encode()
    assert read(FormParser, io.BytesIO(data))[0] == [("text", told)]


def test_other_forms_are_read_as_before():
    parser = FormParser(silent=False)
    _, fields, files = parser.parse(io.BytesIO(b"a=1&b=%E5%86%99"), "application/x-www-form-urlencoded", 15)
    assert (fields.to_dict(), list(files)) == ({"a": "1", "b": "写"}, [])
