"""What the page's script writes is what the server's code writes, byte for byte."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meyasubako.crypto import archive, canonical, tar
from meyasubako.crypto.errors import BadArchiveError
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import envelope
from tests.system.box import ORIGIN
from tests.unit.service.reporter.page_library import Library, PageError, ref

NOW = datetime(2026, 11, 22, 12, 30, 15, tzinfo=UTC)
SEVERAL = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SIZES = [0, 1, 511, 512, 513, 20_000, 131_072, 1_000_000, 2**31 + 5, 8**11 - 1, 8**11, 2**40 + 12345]


# Names with a dollar are how these tests name bytes, see `page_peer.mjs`.
texts = st.text(st.characters(exclude_characters="$", exclude_categories=["Cs"]), max_size=20)
documents = st.recursive(
    texts | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@SEVERAL
@given(value=st.dictionaries(texts, documents, max_size=4))
def test_documents_have_one_spelling(page: Library, value) -> None:
    expected = canonical.encode_document(value)
    assert page("canonical.encodeDocument", value) == expected
    assert canonical.encode_document(page("canonical.decodeDocument", expected)) == expected


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{ "a":1}',
        b'{"a":1.0}',
        b'{"a":null}',
        b'{"a":1e2}',
        b"[1]",
        b'{"a":-0}',
        b'{"a":9007199254740992}',
        b'{"a":"\\u0041"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\\ud800"}',
    ],
)
def test_what_is_not_canonical_is_refused_by_both(page: Library, data: bytes) -> None:
    with pytest.raises(canonical.NotCanonicalError):
        canonical.decode_document(data)
    with pytest.raises(PageError):
        page("canonical.decodeDocument", data)


def test_the_alphabet_of_events_is_the_same(page: Library) -> None:
    for code in (0x1F, 0x20, 0x22, 0x5B, 0x5C, 0x7E, 0x7F, 0x80, 0x3042):
        value = {"a": chr(code)}
        try:
            expected = canonical.encode(value)
        except canonical.NotCanonicalError:
            with pytest.raises(PageError):
                page("canonical.encodeEvent", value)
        else:
            assert page("canonical.encodeEvent", value) == expected


def test_sizes_are_padded_alike(page: Library) -> None:
    sizes = sorted({size + more for size in SIZES for more in (-1, 0, 1, 511) if size + more >= 0})
    found = page("extra.each", "tar.paddedSize", [[size, 16384] for size in sizes])
    assert found == [tar.padded_size(size, 16384) for size in sizes]


def test_headers_are_alike_also_of_files_that_need_a_pax_header(page: Library) -> None:
    for size in SIZES:
        assert page("tar.header", "file", size) == tar.header("file", size)
    about = b'{"a":1}'
    for size in (0, 1, 512, 13_824, 13_825, 10**6):
        head, tail = archive.file_archive(about, size)
        assert page("tar.fileArchive", about, size) == {"head": head, "tail": len(tail)}


def test_archives_are_alike_and_open(page: Library) -> None:
    members = [
        ("about.json", b"{}"),
        ("report.json", b"{}" * 7000),
        ("report.txt", b"x" * 1024),
        ("files.json", b"[]"),
    ]
    data = archive.pack(members, archive.REPORT_FLOOR)
    assert page("tar.pack", members) == data
    assert page("tar.unpack", data) == dict(members)


def test_an_identity_has_one_size_and_what_does_not_fit_is_refused_by_both(page: Library) -> None:
    def members(size: int) -> list[tuple[str, bytes]]:
        return [("about.json", b"{}"), ("identity.json", b"x" * size)]

    for size in (0, 1, 1536):
        data = archive.pack(members(size), archive.IDENTITY_SIZE)
        assert page("tar.pack", members(size)) == data
        assert len(data) == archive.IDENTITY_SIZE
        assert page("tar.unpack", data) == dict(members(size))
    with pytest.raises(BadArchiveError):
        archive.pack(members(1537), archive.IDENTITY_SIZE)
    with pytest.raises(PageError):
        page("tar.pack", members(1537))


@pytest.mark.parametrize("place", [0, 100, 130, 150, 300, 512, 700, 2000, -1])
def test_a_byte_that_is_out_of_its_place_is_refused(page: Library, place: int) -> None:
    members = [("about.json", b"{}"), ("message.json", b"{}"), ("files.json", b"[]")]
    data = bytearray(archive.pack(members, archive.MESSAGE_FLOOR))
    data[place] ^= 0x41
    if place == 512:  # content is free
        assert page("tar.unpack", bytes(data))["about.json"] != b"{}"
        return
    with pytest.raises(PageError):
        page("tar.unpack", bytes(data))
    with pytest.raises(PageError):
        page("tar.unpack", archive.pack(members, archive.MESSAGE_FLOOR) + bytes(512))


def test_events_are_the_same_bytes(page: Library) -> None:
    key = Receipt.from_entropy(bytes(16)).signing_key(ORIGIN)
    stream = "0f8fad5b-d9cb-469f-a165-70867728950e"
    expected = envelope.write(
        "mailbox.closed_to_reading", {"sealed_by": "page_script"}, at=NOW.date(), log=ORIGIN, stream=stream,
        head=envelope.Head(3, "ab" * 32), key=key,
    )  # fmt: skip
    page("keys.derive", bytes(16), "sign", ORIGIN)
    page("keys.signingKey", ref(page.number))
    mine = page.number
    heads = [[stream, {"seq": 3, "leaf": "ab" * 32}]]
    page(
        "events.unsigned",
        "mailbox.closed_to_reading",
        {"sealed_by": "page_script"},
        ORIGIN,
        stream,
        heads[0][1],
        ref(mine),
    )
    made = page("events.signed", ref(page.number), "2026-11-22", ref(mine))
    assert made["data"] == expected.data
    assert made["leaf"] == expected.leaf
    page("events.readEvent", expected.data)
    event = page.number
    page("events.verifyEvent", ref(event), key.verify_key.raw)
    with pytest.raises(PageError):
        page(
            "events.verifyEvent",
            ref(event),
            Receipt.from_entropy(bytes(range(16))).signing_key(ORIGIN).verify_key.raw,
        )


def test_a_key_of_small_order_verifies_nothing(page: Library) -> None:
    with pytest.raises(PageError):
        page("keys.verify", bytes(64), b"anything", b"\x01" + bytes(31))
