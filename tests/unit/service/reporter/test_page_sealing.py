"""What the page seals the server's code opens, and the other way round; files stream."""

from datetime import UTC, datetime
from io import BytesIO

import pytest

from meyasubako.crypto import age, archive
from meyasubako.domain import sealing
from tests.system.box import ORIGIN
from tests.unit.service.reporter.page_library import Library, PageError, file, ref

NOW = datetime(2026, 11, 22, 12, 30, 15, tzinfo=UTC)
DATE = {"$date": "2026-11-22T12:30:15.678Z"}


def test_both_open_what_the_other_seals(page: Library) -> None:
    identity = age.HybridIdentity.from_seed(bytes(range(32)))
    mine = {"secret": identity.reveal(), "recipient": identity.recipient.text}
    for size in (0, 1, 65_536, 65_537):
        plain = b"\x07" * size
        sealed = page("sealing.seal", plain, identity.recipient.text)
        age.check_single_hybrid(sealed["data"])
        assert sealed["reference"] == sealing.sealed(sealed["data"]).reference
        assert age.unseal(sealed["data"], identity) == plain
        assert page("sealing.unseal", age.seal(plain, identity.recipient), mine) == plain
    wrapped = sealing.wrap(identity, identity.recipient)
    assert page("sealing.unwrap", wrapped.data, mine, identity.recipient.text) == mine
    with pytest.raises(PageError):
        page("sealing.unwrap", wrapped.data, mine, "age1pq1another")


@pytest.mark.parametrize("size", [1, 13_824, 700_001])
def test_files_stream_to_the_size_that_was_announced(page: Library, size: int) -> None:
    identity = age.HybridIdentity.from_seed(bytes(range(32)))
    binding = {"log": ORIGIN, "stream": "s", "author": "a", "kind": "message.posted", "time": DATE}
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    begun = page("sealing.SealingFile.begin", file(content, "x"), identity.recipient.text, binding)
    made = page.number
    sealed = page("extra.pieces", ref(made))
    assert len(sealed) == begun["size"] == page("reference", on=made)["size"]
    assert page("reference", on=made)["sha256"] == sealing.sealed(sealed).digest
    members = {
        name: member.read()
        for name, _, member in archive.ArchiveReader(BytesIO(age.unseal(sealed, identity)))
    }
    assert members["file"] == content
    assert members["about.json"] == sealing.Binding(ORIGIN, "s", "a", "message.posted", NOW).document()
    mine = {"secret": identity.reveal(), "recipient": identity.recipient.text}
    page("extra.stream", sealed)
    page("sealing.openFile", ref(page.number), mine, binding, sealing.sealed(sealed).digest)
    assert page("extra.collect", ref(page.number)) == content
    page("extra.stream", sealed)
    page(
        "sealing.openFile", ref(page.number), mine, {**binding, "stream": "t"}, sealing.sealed(sealed).digest
    )
    with pytest.raises(PageError):
        page("extra.collect", ref(page.number))
