"""A report that the page sealed: accepted by every rule, opened by its readers, and like any other."""

from collections.abc import Iterator
from typing import Any

import pytest

from meyasubako.crypto import age, archive, canonical, shares
from meyasubako.crypto.age import HYBRID_HEADER_SIZE
from meyasubako.crypto.receipt import Receipt
from meyasubako.domain import envelope, opening, sealing
from meyasubako.domain.envelope import Event
from meyasubako.domain.errors import RefusedError
from meyasubako.service.mechanism import Mechanism
from tests.system.box import ORIGIN, Box
from tests.system.scenarios.holding import CUSTODIANS, RECOVERY, found_with_holders
from tests.unit.service.reporter.page_library import Library, PageError, file
from tests.unit.service.reporter.page_reports import Sealed, submitted, three_ways

WHO = "野村はな、港町 3-5"


@pytest.fixture(scope="module")
def founded_with_holders(tmp_path_factory: pytest.TempPathFactory) -> Box:
    """Any two of three custodians keep an identity, any two of three others restore access."""
    return found_with_holders(tmp_path_factory.mktemp("holders") / "box")


@pytest.fixture
def held(founded_with_holders: Box) -> Iterator[Mechanism]:
    opened = Mechanism.open(founded_with_holders.directory)
    yield opened
    opened.close()


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


@pytest.fixture(params=["nobody holds shares", "others restore access", "who one is is told"])
def three(request: pytest.FixtureRequest, page: Library) -> dict[str, Sealed]:
    """The same report by page, command and server: without shares, with those of recovery, with all."""
    if request.param == "nobody holds shares":
        return three_ways(page, request.getfixturevalue("mechanism"))
    told = WHO if request.param == "who one is is told" else ""
    return three_ways(page, request.getfixturevalue("held"), told)


def test_page_command_and_server_seal_alike_but_for_saying_which_it_was(three: dict[str, Sealed]) -> None:
    shapes, sizes, lengths = {}, {}, {}
    for who, sealed in three.items():
        decoded = [canonical.decode(event) for event in sealed.events]
        assert all(event["body"]["sealed_by"] == who for event in decoded)
        shapes[who] = [shape(event) for event in decoded]
        sizes[who] = sorted(map(len, sealed.payloads.values()))
        lengths[who] = [len(event) - len(who) for event in sealed.events]
    for found in (shapes, sizes, lengths):
        assert found["page_script"] == found["reporter_tool"] == found["server"]


def shape(value: Any) -> Any:
    """A value without what is random or secret in it: names, order, kinds and lengths."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items() if name != "sealed_by"}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return value if isinstance(value, int) else len(value)


def test_stock_age_opens_what_each_of_them_sealed(page: Library, mechanism: Mechanism, box: Box) -> None:
    keiko = box.people["Keiko Sato"].identity
    for sealed in three_ways(page, mechanism).values():
        report, room, _ = (envelope.read(event) for event in sealed.events)
        wrap = next(w for w in room.records("wraps") if w["reader"] == box.key_id("Keiko Sato"))
        secret = page("extra.stock", sealed.payloads[wrap["sha256"]], keiko.reveal()).decode()
        plain = page("extra.stock", sealed.payloads[report.payloads()[0].digest], secret.strip())
        assert "工場で起きたこと" in archive.unpack(plain)["report.txt"].decode()


def cut(room: Event, payloads: dict[str, bytes], box: Box) -> list[shares.Share]:
    """The shares of a room's key, each opened by its holder."""
    held = {box.key_id(name): pair.identity for name, pair in box.people.items()}
    found = [
        shares.Share.decode(age.unseal(payloads[row["sha256"]], held[row["holder"]]))
        for row in room.records("shares")
    ]
    assert {each.digest() for each in found} == {row["share"] for row in room.records("shares")}
    return found


def test_any_two_of_those_who_restore_access_open_what_the_page_sealed(
    page: Library, held: Mechanism, founded_with_holders: Box
) -> None:
    box = founded_with_holders
    _, request = submitted(page, held, excluded=[box.key_id("Omar Haddad")])
    held.accept([event["data"] for event in request["events"]], request["payloads"])
    for event in request["events"][1:]:
        room = envelope.read(event["data"])
        found = cut(room, request["payloads"], box)
        assert {row["holder"] for row in room.records("shares")} == set(map(box.key_id, RECOVERY))
        for two in (found[:2], found[1:], found[::2]):
            restored = age.HybridIdentity.from_seed(shares.combine(two))
            assert restored.recipient.text == room.text("recipient")


def test_who_a_reporter_is_lies_in_one_size_in_a_room_that_any_two_custodians_open_and_nobody_alone(
    page: Library, held: Mechanism, founded_with_holders: Box
) -> None:
    box, left_out = founded_with_holders, CUSTODIANS[2]
    _, request = submitted(page, held, identity=WHO, excluded=[box.key_id(left_out)])
    held.accept([event["data"] for event in request["events"]], request["payloads"])
    report, _, _, room = (envelope.read(event["data"]) for event in request["events"])
    assert report.body["rooms"]["identity"] == room.stream
    assert room.body["wraps"] == []
    assert {row["holder"] for row in room.records("shares")} == set(map(box.key_id, CUSTODIANS[:2]))
    told = request["payloads"][report.body["identity"]["sha256"]]
    assert len(told) == age.sealed_size(archive.IDENTITY_SIZE, HYBRID_HEADER_SIZE)
    found = cut(room, request["payloads"], box)
    key = age.HybridIdentity.from_seed(shares.combine(found))
    assert key.recipient.text == room.text("recipient")
    assert opening.open_identity(report, told, key) == {"text": WHO, "v": 1}
    for one in found:
        assert age.HybridIdentity.from_seed(shares.combine([one])).recipient.text != key.recipient.text


def test_nothing_is_sealed_of_who_a_reporter_is_where_too_few_custodians_are_left(
    page: Library, held: Mechanism, founded_with_holders: Box
) -> None:
    left_out = [founded_with_holders.key_id(name) for name in CUSTODIANS[1:]]
    with pytest.raises(PageError, match="too few custodians"):
        submitted(page, held, identity=WHO, excluded=left_out)


def named(events: list[bytes]) -> set[str]:
    """The digests of the payloads that these events bring."""
    return {payload.digest for event in events for payload in envelope.read(event).payloads()}


def test_an_identity_that_somebody_took_out_of_its_report_is_refused(page: Library, held: Mechanism) -> None:
    _, request = submitted(page, held, identity=WHO)
    events = [event["data"] for event in request["events"]]
    with pytest.raises(RefusedError):
        held.accept(events[:3], {digest: request["payloads"][digest] for digest in named(events[:3])})
    held.accept(events, request["payloads"])


@pytest.mark.parametrize("filler", ["x", "は", "\U0001f600", '"', "\n"])
def test_as_much_fits_into_an_identity_as_at_the_server(page: Library, filler: str) -> None:
    fitting = [count for count in range(200, 1600, 7) if sealing.identity_fits(filler * count)]
    found = page("extra.each", "sealing.identityFits", [[filler * count] for count in range(200, 1600, 7)])
    assert found.count(True) == len(fitting)
    longest = next(n for n in range(2000, 0, -1) if sealing.identity_fits(filler * n))
    assert page("sealing.identityFits", filler * longest)
    assert not page("sealing.identityFits", filler * (longest + 1))
