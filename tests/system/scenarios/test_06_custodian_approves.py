"""Scenario 6: custodians approve. One handler is shown the identity for seven days; the reporter sees it."""

from pathlib import Path

from meyasubako.crypto import age
from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.errors import CryptoError
from meyasubako.crypto.shares import Share, combine
from meyasubako.domain.audit import must_be_absent
from tests.system.box import Box
from tests.system.scenarios.holding import CUSTODIANS, HANDLERS, ROLES, WHO, Place, held
from tests.system.served import wait_for
from tests.system.test_rooms_by_keys import opens

KEIKO, OMAR = HANDLERS


def opened(place: Place, case: str) -> str:
    """Ask, agree, release and open; gives the request."""
    place.act(KEIKO, "request", case, "--text", "They are in danger, and we know where to send help.")
    asked = place.request(case)
    ended = place.command("Cyra Noor", "identity", "release", asked)
    assert "holders have agreed" in ended.stderr
    for name in ("Cyra Noor", "Cleo Brandt"):
        place.act(name, "approve", asked)
    for name in ("Cyra Noor", "Cora Lindqvist"):
        place.act(name, "release", asked)
    ended = place.command(KEIKO, "identity", "show", asked)
    assert ended.returncode
    assert WHO not in ended.stdout + ended.stderr
    place.act(KEIKO, "open", asked, "--tell", "Two custodians agreed that I see who you are.")
    return asked


def test_one_handler_is_shown_it_for_seven_days(tmp_path: Path) -> None:
    with held(tmp_path) as place:
        case = place.identified()
        asked = opened(place, case)
        assert place.facts(KEIKO, "identity", "show", asked)["identity"] == [WHO]
        other = place.command(OMAR, "identity", "show", asked)
        assert other.returncode
        assert WHO not in other.stdout + other.stderr

        visit = place.mailbox()
        assert "Two custodians agreed that I see who you are." in {m["text"] for m in visit["messages"]}
        assert visit["recovery"]["needed"] == 2
        assert len(visit["recovery"]["holders"]) == 3
        what = [each["what"].split(":")[0] for each in visit["happened"]]
        assert what == ["requested", "approved", "approved", "opened"]

        more = tmp_path / "more.txt"
        more.write_text("Now at Kanalweg 9.")
        place.town.facts(*place.town.reporter("mailbox", "--identity", more), typed=place.receipts[-1] + "\n")
        assert place.facts(KEIKO, "identity", "show", asked)["identity"] == [WHO]
        room = place.town.box.ledger().cases[case].rooms["identity"]
        assert place.town.box.ledger().rooms[room].epoch == 2

        box = place.town.box
        released = {share.digest for share in box.ledger().cases[case].requests[asked].released}
        assert len(released) == 2
        place.pass_days(7)
        wait_for(lambda: released <= must_be_absent(box.ledger()) and not any_left(box, released))
        kinds = [event.expired_on for event in box.ledger().cases[case].requests.values()]
        assert None not in kinds
        assert box.findings() == []


def any_left(box: Box, digests: set[str]) -> bool:
    with box.looked_into() as mechanism:
        return any(mechanism.store.has_payload(digest) for digest in digests)


def shares_in(box: Box, *keys: HybridIdentity) -> list[Share]:
    """Every share that these keys open in the whole database."""
    found = []
    with box.looked_into() as mechanism:
        for payload in mechanism.store.all_payloads():
            with mechanism.store.open_payload(payload.digest) as file:
                sealed = file.read()
            for key in keys:
                try:
                    found.append(Share.decode(age.unseal(sealed, key)))
                except CryptoError:
                    continue
    return found


def test_fewer_custodians_than_it_takes_read_nothing_with_every_other_key_and_every_byte(
    place: Place,
) -> None:
    case = place.identified()
    box, receipt = place.town.box, place.receipt()
    others = [box.people[name].identity for name in ROLES if name not in CUSTODIANS]
    others.append(receipt.identity("box.example.org"))
    one = box.people["Cyra Noor"].identity
    identity = box.ledger().rooms[box.ledger().cases[case].rooms["identity"]]

    # All handlers, stewards, recovery holders, the auditor, the receipt, and one custodian.
    assert WHO not in opens(box, one, *others)
    assert "Gravel in the concrete." in opens(box, one, *others)
    known = shares_in(box, one, *others)
    for share in known:
        assert HybridIdentity.from_seed(combine([share])).recipient.text != identity.recipient
    # Those who recover open what is theirs to recover, and no identity: put together as one may.
    for one_share in known:
        for other in known:
            if one_share.x != other.x:
                seed = combine([one_share, other])
                assert HybridIdentity.from_seed(seed).recipient.text != identity.recipient

    # A second custodian, and it opens: the test would see it.
    promised = {share.share for share in identity.shares}
    both = [*shares_in(box, one), *shares_in(box, box.people["Cleo Brandt"].identity)]
    seed = combine([share for share in both if share.digest() in promised])
    key = HybridIdentity.from_seed(seed)
    assert key.recipient.text == identity.recipient
    assert WHO in opens(box, key)
