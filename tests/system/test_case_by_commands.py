"""One case by the commands alone, as people type them; and what each of them can open afterwards."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from meyasubako.crypto.keyfile import KeyPair
from meyasubako.crypto.receipt import Receipt
from tests.system.box import ORIGIN, found_box
from tests.system.conftest import SMALL
from tests.system.town import Town, settled, texts

TEXT = "The guard of the press was off again."
LARGE = bytes(range(256)) * 2048  # 512 KiB: a payload of its own, sent ahead


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    place = tmp_path_factory.mktemp("town")
    (place / "large.bin").write_bytes(LARGE)
    (place / "small.txt").write_text("a small file")
    with settled(found_box(place / "box", SMALL), place) as town:
        yield town


def submitted(town: Town, *words: object) -> tuple[str, str]:
    """Report something; gives the receipt and the case."""
    facts = town.facts(*town.reporter("report", "--text", TEXT, *words))
    receipt = str(facts["receipt"])
    return receipt, town.box.cases_of([receipt])[receipt]


def test_a_case_goes_from_report_to_close_by_commands_alone(town: Town) -> None:
    files = ["--file", town.place / "large.bin", "--file", town.place / "small.txt"]
    receipt, case = submitted(town, *files)

    listed = town.facts(*town.cases("list"))["cases"]
    assert isinstance(listed, list)
    assert [row["state"] for row in listed if row["case"] == case] == ["submitted"]
    assert town.facts(*town.cases("show", case[:8]))["sealed_by"] == "reporter_tool"

    opened = town.facts(*town.cases("open", case, "--save-to", town.place / "keiko"))
    assert texts(opened, "report") == [TEXT]
    assert (town.place / "keiko" / "large.bin").read_bytes() == LARGE
    assert (town.place / "keiko" / "small.txt").read_text() == "a small file"

    town.facts(*town.cases("acknowledge", case, "--text", "Thank you."))
    town.facts(*town.cases("say", case, "--text", "Which press?", "--file", town.place / "large.bin"))
    typed = f"{receipt}\n"
    visit = town.facts(*town.reporter("mailbox", "--save-to", town.place / "back"), typed=typed)
    messages = visit["messages"]
    assert isinstance(messages, list)
    assert [(each["from"], each["text"]) for each in messages] == [
        ("handler, intake", "Thank you."),
        ("handler, intake", "Which press?"),
    ]
    assert (town.place / "back" / "large.bin").read_bytes() == LARGE

    town.facts(*town.reporter("mailbox", "--say", "The one by the door."), typed=typed)
    town.facts(*town.reporter("mailbox", "--add", "It was 14 November."), typed=typed)
    town.facts(*town.cases("note", case, "--text", "Ask maintenance."))
    town.facts(*town.cases("note", case, "--text", "I did.", name="Omar Haddad"))
    town.facts(*town.cases("move", case, "screening"))
    town.facts(*town.cases("close", case, "decided", "--text", "It is repaired."))

    for name in ("Keiko Sato", "Omar Haddad"):
        opened = town.facts(*town.cases("open", case, name=name))
        assert texts(opened, "report") == [TEXT, "It was 14 November."]
        assert texts(opened, "dialogue") == [
            "Thank you.",
            "Which press?",
            "The one by the door.",
            "It is repaired.",
        ]
        assert texts(opened, "team") == ["Ask maintenance.", "I did."]
    assert town.facts(*town.reporter("mailbox"), typed=typed)["state"] == "closed"

    town.facts("log", "publish", *town.by("Ada Berg"))
    assert town.facts("audit", town.box.directory)["good"]
    town.facts("log", "export", town.box.directory, town.place / "export")
    assert town.facts("audit", town.place / "export")["good"]
    assert town.facts("replay", town.box.directory)["equal"]


def test_no_file_holds_the_receipt_or_a_key_that_it_yields(town: Town) -> None:
    words = town.reporter("report", "--text", TEXT, "--file", town.place / "large.bin", "--json")
    receipt = json.loads(town.process(*words).stdout)["receipt"]
    made = Receipt.parse(receipt)
    needles = [
        receipt.encode(),
        receipt.replace(" ", "").encode(),
        made.words().encode(),
        made.identity(ORIGIN).reveal_seed(),
        made.identity(ORIGIN).reveal().encode(),
        made.signing_key(ORIGIN).reveal_seed(),
        TEXT.encode(),
    ]
    places = [town.box.directory, town.place / "tmp", town.served.temporary, town.served.log.parent]
    files = {path for place in places for path in place.rglob("*") if path.is_file()}
    assert town.box.directory / "log.db" in files
    assert [path for path in files for needle in needles if needle in path.read_bytes()] == []


def test_whoever_was_left_out_cannot_open_the_report_with_all_of_the_database(town: Town) -> None:
    _, case = submitted(town, "--without", "Omar Haddad")
    assert town.box.texts("Keiko Sato")[case] == (TEXT,)
    assert town.box.texts("Omar Haddad")[case] == ()
    ended = town.command(*town.cases("open", case, name="Omar Haddad"))
    assert ended.returncode == 2
    assert "no case that you are shown" in ended.stderr


def test_whoever_lost_access_opens_nothing_that_is_written_afterwards(town: Town) -> None:
    receipt, case = submitted(town)
    town.facts(*town.cases("say", case, "--text", "Before."))
    town.facts(*town.cases("revoke", case, "Omar Haddad"))
    town.facts(*town.cases("say", case, "--text", "After."))
    town.facts(*town.reporter("mailbox", "--say", "An answer."), typed=f"{receipt}\n")
    assert town.box.texts("Keiko Sato", "dialogue")[case] == ("Before.", "After.", "An answer.")
    assert town.box.texts("Omar Haddad", "dialogue")[case] == ("Before.",)
    # Given back, they are given everything, in every epoch.
    town.facts(*town.cases("grant", case, "omar haddad"))
    assert town.box.texts("Omar Haddad", "dialogue")[case] == ("Before.", "After.", "An answer.")


def test_two_handlers_who_write_at_once_both_arrive(town: Town) -> None:
    _, case = submitted(town)
    words = [
        town.cases("say", case, "--text", f"{name} {number}", name=name)
        for name in ("Keiko Sato", "Omar Haddad")
        for number in range(3)
    ]
    with ThreadPoolExecutor(6) as threads:
        ended = list(threads.map(lambda each: town.process(*each), words))
    assert [each.returncode for each in ended] == [0] * 6, [each.stderr for each in ended]
    said = town.box.texts("Keiko Sato", "dialogue")[case]
    assert sorted(said) == sorted(
        f"{name} {number}" for name in ("Keiko Sato", "Omar Haddad") for number in range(3)
    )


def test_a_reader_is_enrolled_by_two_people_and_never_by_one(town: Town) -> None:
    town.keep("Mei Lin", KeyPair.generate("Mei Lin"))
    public = town.place / "Mei.key.pub"
    proposed = town.facts("enroll", *town.by("Ada Berg"), "--role", "intake:main", public)
    assert proposed["state"] == "proposed"
    leaf = str(proposed["leaf"])

    alone = town.command("enroll", *town.by("Ada Berg"), "--confirm", leaf, "--yes")
    assert alone.returncode == 1
    assert "cannot be the second person" in alone.stderr
    unasked = town.command("enroll", *town.by("Jonas Mori"), "--confirm", leaf)
    assert unasked.returncode == 2
    assert "--yes" in unasked.stderr
    handler = town.command("enroll", *town.by("Keiko Sato"), "--confirm", leaf, "--yes")
    assert handler.returncode == 1

    assert (
        town.facts("enroll", *town.by("Jonas Mori"), "--confirm", leaf[:10], "--yes")["state"] == "enrolled"
    )
    assert town.facts("enroll", *town.by("Ada Berg"), "--list")["proposals"] == []
    _, case = submitted(town)
    early = town.command(*town.cases("grant", case, "Mei Lin"))
    assert early.returncode in {1, 2}
    town.facts("log", "publish", *town.by("Jonas Mori"))
    town.facts(*town.cases("grant", case, "Mei Lin"))
    assert texts(town.facts(*town.cases("open", case, name="Mei Lin")), "report") == [TEXT]


def test_an_auditor_is_enrolled_by_one_steward(town: Town) -> None:
    town.keep("Ida Roth", KeyPair.generate("Ida Roth"))
    enrolled = town.facts("enroll", *town.by("Ada Berg"), "--role", "auditor", town.place / "Ida.key.pub")
    assert enrolled["state"] == "enrolled"


def test_a_key_is_wrapped_to_nobody_whose_list_was_not_verified(town: Town) -> None:
    _, case = submitted(town)
    ended = town.command("cases", "note", case, "--text", "A note.", *town.by("Keiko Sato"))
    assert ended.returncode == 2
    assert "--log" in ended.stderr
    assert "team" not in town.facts(*town.cases("show", case))["rooms"]


def test_a_mailbox_that_was_closed_to_reading_opens_nothing_and_still_takes_letters(town: Town) -> None:
    receipt, case = submitted(town)
    typed = f"{receipt}\n"
    town.facts(*town.cases("say", case, "--text", "A question."))
    town.facts(*town.reporter("mailbox", "--close-to-reading"), typed=typed)
    town.facts(*town.reporter("mailbox", "--say", "I write still."), typed=typed)
    visit = town.facts(*town.reporter("mailbox"), typed=typed)
    assert visit["closed_to_reading"] is True
    assert "A question." not in json.dumps(visit)
    assert town.box.texts("Keiko Sato", "dialogue")[case] == ("A question.", "I write still.")


def test_one_steward_suspends_a_reader_at_once(town: Town) -> None:
    town.keep("Rio Ude", KeyPair.generate("Rio Ude"))
    public = town.place / "Rio.key.pub"
    leaf = town.facts("enroll", *town.by("Ada Berg"), "--role", "intake:main", public)["leaf"]
    town.facts("enroll", *town.by("Jonas Mori"), "--confirm", leaf, "--yes")
    town.facts("log", "publish", *town.by("Ada Berg"))
    town.facts(*town.cases("list", name="Rio Ude"))

    handler = town.command("suspend", "Rio Ude", *town.by("Keiko Sato"), "--yes")
    assert handler.returncode == 1
    unasked = town.command("suspend", "Rio Ude", *town.by("Ada Berg"))
    assert unasked.returncode == 2
    assert "--yes" in unasked.stderr
    assert town.facts("suspend", "rio ude", *town.by("Ada Berg"), "--yes")["state"] == "suspended"

    locked = town.command(*town.cases("list", name="Rio Ude"))
    assert locked.returncode == 1
    assert "may not act here any more" in locked.stderr
    again = town.command("suspend", "Rio Ude", *town.by("Ada Berg"), "--yes")
    assert "'Rio Ude' is not one person's name here" in again.stderr
    # Reporters are shown the published roster; whoever was quicker than the slot would be refused and told.
    town.facts("log", "publish", *town.by("Ada Berg"))
    assert "Rio Ude" not in town.command(*town.reporter("report", "--text", TEXT)).stderr


def test_whoever_leaves_all_readers_out_is_shown_the_person_outside_who_reads_instead(town: Town) -> None:
    outsider = KeyPair.generate("Lee Law")
    town.keep("Lee Law", outsider)
    public = town.place / "Lee.key.pub"
    leaf = town.facts("enroll", *town.by("Ada Berg"), "--role", "outsider", public)["leaf"]
    town.facts("enroll", *town.by("Jonas Mori"), "--confirm", leaf, "--yes")
    act = town.place / "fallback.json"
    body = {"channel": "main", "person": outsider.person("Lee Law").key.key_id}
    act.write_text(json.dumps({"kind": "fallback.appointed", "v": 1, "body": body}))
    leaf = town.facts("propose", act, *town.by("Ada Berg"))["leaf"]
    town.facts("confirm", leaf, *town.by("Jonas Mori"), "--yes")
    town.facts("log", "publish", *town.by("Ada Berg"))

    names = ["Keiko Sato", "Omar Haddad", "Mei Lin"]
    left_out = [word for name in names for word in ("--without", name)]
    told = town.command(*town.reporter("report", "--text", TEXT, *left_out))
    assert told.returncode == 0, told.stderr
    assert "Lee Law" in told.stderr
    assert not any(name in told.stderr for name in names)
    nobody = town.command(*town.reporter("report", "--text", TEXT, *left_out, "--without", "Lee Law"))
    assert nobody.returncode == 2
    assert "nobody is left" in nobody.stderr
