"""Who has the whole disk, erasure keys too, and one real key, opens what was written for them, and no more.

`opened_with` tries the key on every sealed payload, and every key that it finds on all of them again.
"""

import pytest

from meyasubako.crypto import age, archive, canonical
from meyasubako.crypto.age import HybridIdentity
from meyasubako.crypto.errors import CryptoError, WrongKeyError
from meyasubako.service.inspection import audit
from meyasubako.service.store.port import Entry
from meyasubako.service.store.sqlite import Store
from tests.system.lived import PHOTO, found_lived

DIALOGUE = {"we read it", "ken is gone", "good", "sam is gone", "not published yet"}
REPORT = {"report of gravel", "more gravel"}


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    return found_lived(tmp_path_factory.mktemp("lived") / "box")


@pytest.fixture(scope="module")
def sealed(lived):
    """Every sealed payload of the database and the object store, without the layer that it has there."""
    found = []
    with Store.open(lived.directory, read_only=True) as store:
        for payload in store.all_payloads():
            if store.has_payload(payload.digest):
                with store.open_payload(payload.digest) as file:
                    found.append(file.read())
    return [data for data in found if data.startswith(b"age-encryption.org/v1\n")]


def opened_with(identity, sealed):
    """Everything that one identity leads to: texts, and the photo as `photo`."""
    keys, closed, texts = [identity], list(sealed), set()
    for key in keys:
        still_closed = []
        for data in closed:
            try:
                plain = age.unseal(data, key)
            except WrongKeyError:
                still_closed.append(data)
                continue
            found = read(plain)
            if isinstance(found, HybridIdentity):
                keys.append(found)
            else:
                texts.add(found)
        closed = still_closed
    return texts


def read(plain):
    """A room's key, a text, or the photo."""
    try:
        return HybridIdentity.parse(plain.decode("ascii").removesuffix("\n"))
    except (UnicodeDecodeError, CryptoError):
        members = archive.unpack(plain)
    if "file" in members:
        assert members["file"] == PHOTO
        return "photo"
    if "report.txt" in members:
        return members["report.txt"].decode()
    return str(canonical.decode_document(members["message.json"])["text"])


def test_an_assigned_person_opens_everything_of_their_cases(lived, sealed):
    texts = opened_with(lived.people["ira"].identity, sealed)
    sand = {"report of sand", "we read this too", "for nobody to come back to"}
    assert texts == DIALOGUE | REPORT | sand | {"photo"}


@pytest.mark.parametrize("name", ["max", "hal", "ann", "bob", "otto", "rita"])
def test_the_excluded_the_unassigned_and_those_who_run_the_box_open_nothing(lived, sealed, name):
    assert opened_with(lived.people[name].identity, sealed) == set()


def test_somebody_who_lost_access_opens_what_was_written_before_only(lived, sealed):
    texts = opened_with(lived.people["ken"].identity, sealed)
    assert texts == {"report of gravel", "photo", "we read it"}


def test_somebody_suspended_opens_what_was_written_before_only(lived, sealed):
    texts = opened_with(lived.people["sam"].identity, sealed)
    assert texts == {"report of gravel", "more gravel", "photo", "we read it", "ken is gone", "good"}


def test_a_receipt_opens_the_dialogue_and_not_the_report(lived, sealed):
    assert opened_with(lived.reporters["gravel"].identity, sealed) == DIALOGUE


def test_a_receipt_opens_nothing_once_its_mailbox_was_closed_to_reading(lived, sealed):
    assert opened_with(lived.reporters["sand"].identity, sealed) == set()


def test_the_servers_own_keys_open_nothing(lived, sealed):
    for name in ("log.ed25519", "promise", "service", "log.mldsa44"):
        seed = (lived.directory / "keys" / name).read_bytes()
        assert opened_with(HybridIdentity.from_seed(seed.ljust(32, b"\0")[-33:-1]), sealed) == set()


def test_no_text_name_or_receipt_lies_anywhere_in_the_clear(lived):
    secrets = [text.encode() for text in DIALOGUE | REPORT if len(text) > 5]
    secrets += [PHOTO[:64], b"photo.jpg", b"image/jpeg", b"AGE-SECRET-KEY", b"report of gravel"]
    for reporter in lived.reporters.values():
        secrets += [reporter.receipt.digits().encode(), reporter.receipt.words().encode()]
        secrets += [reporter.identity.reveal_seed(), reporter.signing.reveal_seed()]
    for file in lived.directory.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert not [secret for secret in secrets if secret in data], file


def test_wraps_that_a_crash_left_behind_are_destroyed_at_the_next_slot(lived, tmp_path):
    copy = lived.copied(tmp_path / "box")
    with copy.open() as box:
        clay = box.report("clay", ("ira",))
        request = box.request(clay)
        event = request.add("mailbox.closed_to_reading", clay.dialogue, {"sealed_by": "reporter_tool"})
        box.store.append([Entry(event.stream, event.seq, event.kind, event.data)], {}, {})
    rules = {finding.rule for finding in audit(copy.directory).findings}
    assert rules == {"payload-is-destroyed", "erasure-key-is-destroyed"}
    with copy.open() as box:
        box.publish()
    assert audit(copy.directory).good
