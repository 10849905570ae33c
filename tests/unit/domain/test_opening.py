import json

import pytest

from meyasubako.crypto import age, archive, canonical
from meyasubako.crypto.errors import WrongKeyError
from meyasubako.domain import opening, sealing
from meyasubako.domain.errors import BadDocumentError


@pytest.fixture
def posted(world, case):
    """A message in the dialogue: its event and the room's identity."""
    event = world.post(world.ira, "message.posted", case.dialogue.stream, {"text": "hello"})
    return event, case.dialogue.identity


def about(event, **changed):
    fields = {"author": event.by, "kind": event.kind, "log": event.log, "stream": event.stream, "v": 1}
    return canonical.encode_document({**fields, **changed})


def sealed(identity, event, about_json=None, **members):
    documents = {
        "about.json": about_json or about(event),
        "message.json": canonical.encode_document({"text": "hello"}),
        "files.json": canonical.encode_document({"files": [], "v": 1}),
        **{name.replace("_", "."): data for name, data in members.items()},
    }
    packed = archive.pack(list(documents.items()), archive.MESSAGE_FLOOR)
    return age.seal(packed, identity.recipient)


def test_a_text_is_opened_with_its_rooms_key(world, posted):
    event, identity = posted
    data = world.payloads[event.body["message"]["sha256"]]
    assert opening.open_document(event, data, identity).text == "hello"


def test_another_rooms_key_does_not_open_it(world, posted, case):
    event, _ = posted
    data = world.payloads[event.body["message"]["sha256"]]
    with pytest.raises(WrongKeyError):
        opening.open_document(event, data, case.report.identity)


@pytest.mark.parametrize(
    "lie",
    [
        {"author": "A" * 43},
        {"kind": "note.added"},
        {"log": "other.example.org"},
        {"stream": "00000000-0000-4000-8000-000000000000"},
    ],
)
def test_a_payload_that_was_made_for_another_event_is_refused(posted, lie):
    event, identity = posted
    assert opening.open_document(event, sealed(identity, event), identity).text == "hello"
    with pytest.raises(BadDocumentError, match="another event"):
        opening.open_document(event, sealed(identity, event, about(event, **lie)), identity)


def test_a_real_payload_shown_under_another_event_is_refused(world, posted, case):
    event, identity = posted
    other = world.post(world.ken, "message.posted", case.dialogue.stream, {"text": "I resign"})
    moved = world.payloads[other.body["message"]["sha256"]]
    with pytest.raises(BadDocumentError, match="another event"):
        opening.open_document(event, moved, identity)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"author": "x"}', b"\xff", b'{"a":NaN}'])
def test_a_malformed_about_is_refused(posted, data):
    event, identity = posted
    with pytest.raises(BadDocumentError):
        opening.open_document(event, sealed(identity, event, data or b" "), identity)


@pytest.mark.parametrize(
    "row",
    [
        "x",
        {},
        {"digest": "ab" * 32, "name": "a", "size": 1, "type": "t"},
        {"size": "1"},
        {"size": -1},
        {"size": True},
        {"size": [1]},
        {"size": 10**9},
    ],
    ids=repr,
)
def test_a_files_list_that_does_not_fit_the_event_is_refused(world, case, row):
    reference = {"sha256": "cd" * 32, "size": 20_000}
    body = {"epoch": 1, "message": {"sha256": "ef" * 32, "size": 5000}, "files": [reference]}
    event = world.event(world.ira, "message.posted", case.dialogue.stream, body)
    good = {"digest": "cd" * 32, "name": "a.jpg", "size": 1, "type": "image/jpeg"}
    listed = canonical.encode_document({"files": [good], "v": 1})
    identity = case.dialogue.identity
    assert opening.open_document(event, sealed(identity, event, files_json=listed), identity).files
    if isinstance(row, dict) and "digest" not in row and row:
        row = {**good, **row}
    listed = canonical.encode_document({"files": [row], "v": 1})
    with pytest.raises(BadDocumentError):
        opening.open_document(event, sealed(identity, event, files_json=listed), identity)


def test_a_payload_of_another_shape_is_refused(posted):
    event, identity = posted
    block = archive.pack([("about.json", about(event)), ("identity.json", b"{}")], archive.IDENTITY_SIZE)
    head, tail = archive.file_archive(about(event), 5)
    for packed in (block, head + b"hello" + bytes(tail)):
        with pytest.raises(BadDocumentError):
            opening.open_document(event, age.seal(packed, identity.recipient), identity)


def test_what_is_not_an_archive_is_refused(posted):
    event, identity = posted
    with pytest.raises(BadDocumentError):
        opening.open_document(event, age.seal(b"hello", identity.recipient), identity)


def test_a_wrap_that_holds_another_rooms_key_is_refused(world, case):
    wrap = sealing.wrap(case.dialogue.identity, world.ira.recipient)
    with pytest.raises(BadDocumentError, match="do not trust"):
        opening.unwrap(wrap.data, world.ira.identity, case.report.recipient.text)


@pytest.mark.parametrize("plain", [b"", b"hello\n", b"\xff\n"])
def test_a_wrap_that_holds_no_key_is_refused(world, case, plain):
    data = age.seal(plain, world.ira.recipient)
    with pytest.raises(BadDocumentError):
        opening.unwrap(data, world.ira.identity, case.report.recipient.text)


def test_a_wrap_is_exactly_the_key_and_a_newline(world, case):
    key = case.report.identity.reveal()
    for plain in (key, f"{key}\n\n", f" {key}\n"):
        data = age.seal(plain.encode(), world.ira.recipient)
        with pytest.raises(BadDocumentError):
            opening.unwrap(data, world.ira.identity, case.report.recipient.text)


def test_errors_show_neither_key_nor_text(world, posted, case):
    event, identity = posted
    bad = sealed(identity, event, about(event, log="other.example.org"), message_json=b'{"text":"secret"}')
    with pytest.raises(BadDocumentError) as caught:
        opening.open_document(event, bad, identity)
    assert "secret" not in str(caught.value)
    assert "AGE-SECRET" not in json.dumps(str(caught.value))
