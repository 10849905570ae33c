"""What the page's script computes is what the server's code computes, byte for byte."""

import unicodedata
from datetime import UTC, datetime
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meyasubako.crypto import age, archive, canonical, shares, tar
from meyasubako.crypto.errors import BadReceiptError
from meyasubako.crypto.keyfile import digest_fingerprint
from meyasubako.crypto.receipt import Receipt
from meyasubako.crypto.wordlists import LANGUAGES, word
from meyasubako.domain import acts, envelope, opening, sealing
from meyasubako.domain.acts import Request
from meyasubako.service.intake import Draft, Intake
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.readers import Readers
from tests.integration import reporter_box
from tests.system.box import ORIGIN, Box
from tests.unit.service.reporter.page_library import Library, PageError, build, file, ref, running

QUIET = {"$quiet": True}
STORE = {"$store": True}
NOW = datetime(2026, 11, 22, 12, 30, 15, tzinfo=UTC)
DATE = {"$date": "2026-11-22T12:30:15.678Z"}
SEVERAL = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SIZES = [0, 1, 511, 512, 513, 20_000, 131_072, 1_000_000, 2**31 + 5, 8**11 - 1, 8**11, 2**40 + 12345]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    build(folder, folder / "library.mjs")
    with running(folder / "library.mjs") as library:
        yield library


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


def test_keys_come_out_of_a_receipt_alike(page: Library) -> None:
    for entropy in (bytes(16), bytes(range(16)), b"\xff" * 16):
        receipt = Receipt.from_entropy(entropy)
        assert page("receipt.digits", entropy) == receipt.digits()
        assert page("receipt.parseDigits", receipt.digits()) == entropy
        for label in ("age", "sign"):
            page("keys.derive", entropy, label, ORIGIN)
            made = page("keys.identity" if label == "age" else "keys.signingKey", ref(page.number))
            if label == "age":
                assert made["secret"] == receipt.identity(ORIGIN).reveal()
                assert made["recipient"] == receipt.identity(ORIGIN).recipient.text
            else:
                assert made["id"] == receipt.signing_key(ORIGIN).verify_key.key_id


def test_receipts_are_read_in_the_digits_of_every_script(page: Library) -> None:
    receipt = Receipt.from_entropy(bytes(range(16)))
    zeros = [code for code in range(0x110000) if unicodedata.decimal(chr(code), None) == 0]
    assert len(zeros) > 50
    spellings = [receipt.digits().translate({48 + n: zero + n for n in range(10)}) for zero in zeros]
    spellings += [
        "\u2066" + receipt.digits().replace(" ", "\u2013") + "\n",
        receipt.digits().replace(" ", ""),
    ]
    assert page("extra.each", "receipt.parseDigits", [[each] for each in spellings]) == [
        bytes(range(16))
    ] * len(spellings)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "1 2 3",
        "0000 " * 11,
        "0000 " * 11 + "0004",
        "0000 " * 4 + "2048 " + "0000 " * 7,
        "0000 " * 11 + "000",
        "abandon " * 12,
        "abandon " * 11 + "zzz",
    ],
)
def test_what_is_no_receipt_is_refused_for_the_same_reason(page: Library, typed: str) -> None:
    lists = [[word(language, index) for index in range(2048)] for language in LANGUAGES]
    with pytest.raises(BadReceiptError) as refused:
        Receipt.parse(typed)
    call = (
        ["receipt.parseDigits", typed]
        if page("receipt.hasDigits", typed)
        else ["receipt.parseWords", typed, lists]
    )
    with pytest.raises(PageError) as thrown:
        page(*call)
    if refused.value.group:
        assert str(thrown.value).startswith(f"group{refused.value.group} ")
    else:
        assert str(thrown.value).split()[0] in ("count", "check")


def test_receipts_are_read_in_the_words_of_every_list(page: Library) -> None:
    lists = [[word(language, index) for index in range(2048)] for language in LANGUAGES]
    entropy = bytes(range(16))
    for number, language in enumerate(LANGUAGES):
        spelt = Receipt.from_entropy(entropy).words(language)
        assert page("receipt.words", entropy, lists[number]) == spelt
        assert page("receipt.parseWords", spelt.upper(), lists) == entropy


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


def test_the_list_of_readers_verifies_and_nothing_in_it_can_be_changed(
    page: Library, mechanism: Mechanism, box: Box
) -> None:
    shown = Readers(mechanism).view()
    state = mechanism.ledger().mechanism
    roster = page("roster.verifyReaders", shown)
    assert roster["fingerprint"] == digest_fingerprint(bytes.fromhex(state.founded))
    assert roster["marker"] == state.last_marker.leaf
    number = page.number
    readers = page("roster.intake", ref(number), "main")
    assert [person["key_id"] for person in readers] == [
        p.key_id for p in state.intake("main", state.last_marker.slot)
    ]
    assert page("roster.cardText", ref(number), readers[0]["card"], "name") in {"Keiko Sato", "Omar Haddad"}
    changed = [
        {
            **shown,
            "people": [{**person, "recipient": person["recipient"] + "x"} for person in shown["people"]],
        },
        {**shown, "people": shown["people"][1:]},
        {
            **shown,
            "people": [{**person, "roles": [*person["roles"], "intake:main"]} for person in shown["people"]],
        },
        {**shown, "origin": "other.example.org"},
        {**shown, "marker": shown["founding"]},
        {**shown, "founding": shown["marker"]},
        {**shown, "checkpoint": shown["checkpoint"].replace("\n", "\n1", 1)},
        {**shown, "checkpoint": "\n".join(shown["checkpoint"].split("\n")[:4]) + "\n"},
        {**shown, "rotations": [shown["marker"]]},
    ]
    for each in changed:
        with pytest.raises(PageError):
            page("roster.verifyReaders", each)


def test_a_card_that_is_not_the_one_of_its_digest_has_no_name(page: Library, mechanism: Mechanism) -> None:
    shown = Readers(mechanism).view()
    digest = shown["people"][0]["card"]
    page("roster.verifyReaders", {**shown, "cards": {**shown["cards"], digest: "e30="}})
    assert page("roster.cardText", ref(page.number), digest, "name") == ""


def words(**more):
    said = {
        "channel": "main",
        "excluded": [],
        "rather_not_say": False,
        "text": "工場で起きたこと",
        "answers": {"kinds": ["safety"], "place": "Osaka"},
        "readable": "工場で起きたこと\n\nOsaka",
        "language": "ja",
    }
    return said | more


def submitted(page: Library, mechanism: Mechanism, files=(), **more):
    """A report as the page makes it: its request, and the receipt."""
    page("roster.verifyReaders", Readers(mechanism).view())
    begun = page("submission.Submission.begin", ref(page.number))
    number = page.number
    day = mechanism.clock().date().isoformat()
    request = page("prepare", words(**more), list(files), day, STORE, QUIET, on=number)
    return begun, request


def test_a_report_of_the_page_is_accepted_and_opened_by_its_readers_only(
    page: Library, mechanism: Mechanism, box: Box
) -> None:
    excluded = box.key_id("Omar Haddad")
    begun, request = submitted(page, mechanism, [file(b"small", "C:\\here\\a.txt")], excluded=[excluded])
    mechanism.accept([event["data"] for event in request["events"]], request["payloads"])
    report, room, _ = (envelope.read(event["data"]) for event in request["events"])
    receipt = Receipt.from_entropy(begun["entropy"])
    assert report.by == receipt.signing_key(ORIGIN).verify_key.key_id
    assert [wrap["reader"] for wrap in room.records("wraps")] == [box.key_id("Keiko Sato")]
    keiko = box.people["Keiko Sato"]
    wrapped = request["payloads"][room.records("wraps")[0]["sha256"]]
    opened = opening.unwrap(wrapped, keiko.identity, room.text("recipient"))
    document = opening.open_document(report, request["payloads"][report.payloads()[0].digest], opened)
    assert document.fields["text"] == "工場で起きたこと"
    assert document.fields["answers"]["place"] == "Osaka"
    assert document.text.endswith("Osaka")
    assert [(each.name, each.size, each.media_type) for each in document.files] == [
        ("a.txt", 5, "application/octet-stream")
    ]
    with pytest.raises(Exception, match=r"identity|recipient|open"):
        opening.unwrap(wrapped, receipt.identity(ORIGIN), room.text("recipient"))


@pytest.fixture
def three(page: Library, mechanism: Mechanism):
    """The same report, sealed by the page, by the command's code and by the server: events and payloads."""
    _, request = submitted(page, mechanism)
    state = mechanism.ledger().mechanism
    made = Request(ORIGIN, Receipt.generate().signing_key(ORIGIN), NOW)
    rooms = tuple(acts.NewRoom(mechanism.fresh_id(), age.HybridIdentity.generate()) for _ in range(2))
    marker = state.last_marker
    readers = {p.key_id: age.HybridRecipient.parse(p.recipient) for p in state.intake("main", marker.slot)}
    document = {
        "answers": words()["answers"],
        "excluded": [],
        "language": "ja",
        "text": words()["text"],
        "v": 1,
    }
    acts.submit(
        made,
        acts.Report(document, words()["readable"]),
        case=mechanism.fresh_id(),
        rooms=rooms,
        reporter=Receipt.generate().identity(ORIGIN).recipient,
        channel=state.channels["main"],
        marker=marker.leaf,
        readers=readers,
        sealed_by="reporter_tool",
    )
    intake = Intake(mechanism, bytes(32))
    said = words()
    intake.submit(
        Draft(
            token=intake.token(),
            channel="main",
            marker=marker.leaf,
            excluded=(),
            answers=said["answers"],
            text=said["text"],
            readable=said["readable"],
            language="ja",
        )
    )
    case = next(iter(mechanism.ledger().cases.values()))
    streams = (case.stream, case.rooms["report"], case.rooms["dialogue"])
    rows = [next(iter(mechanism.store.stream(each))) for each in streams]
    stored = {}
    for row in rows:
        for payload in envelope.read(row.data).payloads():
            with mechanism.store.open_payload(payload.digest) as opened:
                stored[payload.digest] = opened.read()
    return {
        "page_script": ([event["data"] for event in request["events"]], request["payloads"]),
        "reporter_tool": ([event.data for event in made.events], made.payloads),
        "server": ([row.data for row in rows], stored),
    }


def test_page_command_and_server_seal_alike_but_for_saying_which_it_was(three) -> None:
    shapes, sizes, lengths = {}, {}, {}
    for who, (events, payloads) in three.items():
        decoded = [canonical.decode(event) for event in events]
        assert all(event["body"]["sealed_by"] == who for event in decoded)
        shapes[who] = [shape(event) for event in decoded]
        sizes[who] = sorted(map(len, payloads.values()))
        lengths[who] = [len(event) - len(who) for event in events]
    for found in (shapes, sizes, lengths):
        assert found["page_script"] == found["reporter_tool"] == found["server"]


def test_stock_age_opens_what_each_of_them_sealed(page: Library, three, box: Box) -> None:
    keiko = box.people["Keiko Sato"].identity
    for events, payloads in three.values():
        report, room, _ = (envelope.read(event) for event in events)
        wrap = next(w for w in room.records("wraps") if w["reader"] == box.key_id("Keiko Sato"))
        secret = page("extra.stock", payloads[wrap["sha256"]], keiko.reveal()).decode()
        plain = page("extra.stock", payloads[report.payloads()[0].digest], secret.strip())
        assert "工場で起きたこと" in archive.unpack(plain)["report.txt"].decode()


def shape(value):
    """A value without what is random or secret in it: names, order, kinds and lengths."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items() if name != "sealed_by"}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return value if isinstance(value, int) else len(value)


def test_any_two_of_those_who_restore_access_open_what_the_page_sealed(page: Library, tmp_path) -> None:
    holders = {"Rex": ("recovery:main",), "Ria": ("recovery:main", "outsider"), "Ron": ("recovery:main",)}
    box = reporter_box.found_box(tmp_path / "shared", also=holders)
    mechanism = Mechanism.open(box.directory)
    try:
        reporter_box.appoint_recovery(mechanism, box, sorted(holders))
        begun, request = submitted(page, mechanism, excluded=[box.key_id("Sato Keiko")])
        mechanism.accept([event["data"] for event in request["events"]], request["payloads"])
    finally:
        mechanism.close()
    for event in request["events"][1:]:
        room = envelope.read(event["data"])
        held = {box.key_id(name): box.people[name].identity for name in holders}
        cut = [
            shares.Share.decode(age.unseal(request["payloads"][row["sha256"]], held[row["holder"]]))
            for row in room.records("shares")
        ]
        assert {each.digest() for each in cut} == {row["share"] for row in room.records("shares")}
        for two in (cut[:2], cut[1:], cut[::2]):
            restored = age.HybridIdentity.from_seed(shares.combine(two))
            assert restored.recipient.text == room.text("recipient")
    assert Receipt.from_entropy(begun["entropy"])
