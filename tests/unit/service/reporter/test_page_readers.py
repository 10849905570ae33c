"""Who reads, as the page verifies it: the list of the server, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations

import pytest

from meyasubako.crypto.keyfile import digest_fingerprint
from meyasubako.service.intake import ChannelView, Intake
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.readers import Readers
from meyasubako.service.reporter import sending
from meyasubako.service.reporter.state import Writing
from tests.integration import reporter_box
from tests.system.box import Box
from tests.unit.service.reporter.page_library import Library, PageError, ref

HOLDERS = {
    "Rex Okafor": ("recovery:main",),
    "Ria Castro": ("recovery:main", "outsider"),
    "Cyra Noor": ("custodian:main",),
    "Cleo Brandt": ("custodian:main",),
    "Cora Meyer": ("custodian:main",),
}


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


AGES = [
    ("2026-03-10", "2026-03-10", ""),
    ("2026-03-10", "2026-03-13", ""),
    ("2026-03-10", "2026-03-14", "too old"),
    ("2026-03-10", "2026-03-09", ""),
    ("2026-03-10", "2026-03-08", "dated in the future"),
    ("9999-12-31", "2026-03-10", "dated in the future"),
    ("tomorrow", "2026-03-10", "too old"),
]


@pytest.mark.parametrize(("marked", "today", "why"), AGES)
def test_a_list_is_relied_on_for_two_slots_and_a_day_and_never_before_its_own_day(
    page: Library, marked: str, today: str, why: str
) -> None:
    shown = {"markedOn": marked, "slotHours": 24}
    if not why:
        page("roster.checkAge", shown, today)
        return
    with pytest.raises(PageError, match=why):
        page("roster.checkAge", shown, today)


@pytest.mark.parametrize(("day", "why"), [("2020-01-01", "too old"), ("2999-01-01", "dated in the future")])
def test_nothing_is_written_in_the_mailbox_by_a_list_whose_age_nobody_can_tell(
    page: Library, mechanism: Mechanism, day: str, why: str
) -> None:
    page("roster.verifyReaders", Readers(mechanism).view())
    roster = ref(page.number)
    page("extra.dated", roster, day)
    page("letters.Letters.of", bytes(16), ref(page.number))
    with pytest.raises(PageError, match=why):
        page("say", "dialogue", "a word", [], None, None, on=page.number)


@dataclass(frozen=True)
class Chosen:
    """Everybody who can be ticked, and the channel as the pages without scripts show it."""

    channel: ChannelView
    listed: tuple[str, ...]
    mechanism: Mechanism


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chosen]:
    box = reporter_box.found_box(tmp_path_factory.mktemp("chosen") / "box", also=HOLDERS)
    mechanism = Mechanism.open(box.directory)
    try:
        reporter_box.appoint_recovery(mechanism, box, ["Rex Okafor", "Ria Castro"])
        reporter_box.appoint_custodians(mechanism, box, ["Cyra Noor", "Cleo Brandt", "Cora Meyer"])
        channel = Intake(mechanism, bytes(32)).channel()
        yield Chosen(channel, sending.named(channel), mechanism)
    finally:
        mechanism.close()


def test_a_choice_leaves_the_same_people_to_read_and_to_keep_as_without_scripts(
    page: Library, chosen: Chosen
) -> None:
    page("roster.verifyReaders", Readers(chosen.mechanism).view())
    roster = ref(page.number)
    assert len(chosen.listed) == 8
    holders = [person["key_id"] for person in page("choice.holders", roster, "main")]
    assert sorted(holders) == sorted(each.key_id for each in sending.holders(chosen.channel))
    ticks = chain.from_iterable(combinations(chosen.listed, size) for size in range(len(chosen.listed) + 1))
    for excluded in ticks:
        for unsure in (False, True):
            choice = {"channel": "main", "excluded": excluded, "rather_not_say": unsure}
            state = Writing("token", "main", "", excluded=excluded, rather_not_say=unsure)
            reading = [person["key_id"] for person in page("choice.staying", roster, choice)]
            assert set(page("choice.leftOut", roster, choice)) == set(sending.excluded(state, chosen.channel))
            assert set(reading) == {each.key_id for each in sending.will_read(state, chosen.channel)}
            keeping = page("choice.keepers", roster, choice)
            wanted = {each.key_id for each in sending.keepers(state, chosen.channel)}
            assert set(keeping["people"] if keeping else ()) == wanted
