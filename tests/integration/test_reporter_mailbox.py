"""Coming back with a receipt, against a real mechanism."""

import secrets
from collections import Counter

import pytest

from meyasubako.crypto import age
from meyasubako.crypto.merkle import leaf_hash
from meyasubako.crypto.receipt import Receipt
from meyasubako.service.client import proofs
from meyasubako.service.intake import Intake
from meyasubako.service.reporter import app as site
from tests.integration.reporter_box import answer, suspend
from tests.integration.reporter_visit import OURS, Visit

NOBODYS = "0000 " * 11 + "0003"


@pytest.fixture
def receipt(visit):
    return " ".join(visit.write_report("The alarm is switched off."))


def send(visit, text, **more):
    return visit.press("send", form="/answers", text=text, **more)


def test_a_mailbox_shows_what_happens_and_when_but_not_the_report(visit, receipt):
    page = visit.enter(receipt)
    assert "Your report has arrived" in page.text
    assert "due here by" in page.text
    assert "no messages yet" in page.text
    assert "The alarm is switched off." not in page.text
    assert "If somebody finds your code" in page.text
    assert "Person who works on reports: your report and its files" in page.text
    assert "Sato" not in page.text


@pytest.mark.parametrize(
    "spelling",
    [
        lambda receipt: receipt.replace(" ", ""),
        lambda receipt: receipt.replace(" ", "-\n"),
        lambda receipt: receipt.translate({ord("0") + n: 0x0966 + n for n in range(10)}),
        lambda receipt: Receipt.parse(receipt).words("english").upper(),
        lambda receipt: Receipt.parse(receipt).words("japanese"),
    ],
    ids=["together", "dashes and lines", "devanagari", "words", "Japanese words"],
)
def test_a_receipt_is_taken_in_any_spelling(visit, receipt, spelling):
    assert "Your mailbox" in visit.enter(spelling(receipt)).text


def test_a_message_goes_there_and_one_comes_back_with_its_file(visit, receipt, mechanism, box):
    visit.enter(receipt)
    assert "Your message was sent." in send(visit, "Is anybody there?").text
    answer(mechanism, box, "Sato Keiko", "Yes.\nIn which month?", {"質問.txt": b"a question" * 50})
    page = visit.enter(receipt)
    assert page.text.index("Is anybody there?") < page.text.index("Yes.\nIn which month?")
    assert "質問.txt" in page.text
    state = page.value("/answers/file", "state")
    digest = page.html.partition('name="get" value="')[2].partition('"')[0]
    download = visit.client.post("/en/answers/file", data={"state": state, "get": digest}, headers=OURS)
    assert download.get_data() == b"a question" * 50
    assert download.headers["Content-Type"] == "application/octet-stream"
    assert download.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''%E8%B3%AA")
    assert "sandbox" in download.headers["Content-Security-Policy"]
    assert download.headers["Cache-Control"] == "no-store"


def test_whoever_stands_in_for_a_staff_that_is_gone_is_told_among_the_readers(visit, receipt, mechanism, box):
    assert "outside the organisation" not in visit.enter(receipt).text
    for name in ("Sato Keiko", "Maria Lindqvist"):
        suspend(mechanism, box, name)
    send(visit, "Is anybody there?")
    page = visit.enter(receipt).text
    assert page.count("Person outside the organisation: the messages") == 1


def test_files_go_with_a_message_or_alone(visit, receipt):
    visit.enter(receipt)
    page = visit.press("add", form="/answers", text="With this.", files=[("a.jpg", b"x" * 3000)])
    assert page.value("/answers", "text") == "With this."
    assert "a.jpg" in send(visit, "With this.").text
    visit.press("send", form="/answers", text="", files=[("alone.jpg", b"y" * 300_000)])
    assert "alone.jpg" in visit.page.text
    assert "Your message was sent." in visit.page.text


def test_a_file_can_be_taken_back_before_it_is_sent(visit, receipt, box):
    visit.enter(receipt)
    visit.press("add", form="/answers", text="Kept.", files=[("a.jpg", b"x" * 3000)])
    file_id = visit.page.html.partition('value="remove:')[2].partition('"')[0]
    page = visit.press(f"remove:{file_id}", form="/answers")
    assert "a.jpg" not in page.text
    assert page.value("/answers", "text") == "Kept."
    assert list((box.directory / "incoming").iterdir()) == []


def test_a_doubled_message_is_written_once(visit, receipt):
    before = visit.enter(receipt)
    send(visit, "Only once.")
    visit.page = before
    page = send(visit, "Only once.")
    assert "had arrived already" in page.text
    assert page.text.count("Only once.") == 1


def test_an_empty_message_is_not_sent(visit, receipt):
    visit.enter(receipt)
    assert "One sentence is enough" in send(visit, " \n").text


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("0001 " * 6 + "9999 " + "0001 " * 5, "Group 7 is not possible"),
        ("0001 " * 12, "does not fit"),
        ("0001 0002", "twelve groups"),
        ("", "twelve groups"),
        ("word " * 11 + "zebrafish", "Group 12 is not possible"),
        (NOBODYS, "No mailbox fits"),
        ("x" * 5000, "twelve groups"),
    ],
)
def test_a_wrong_receipt_is_told_beside_its_field(visit, typed, told):
    page = visit.enter(typed)
    assert told in page.text
    assert 'href="#receipt"' in page.html
    assert page.value("/answers", "receipt").split() == typed.split()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_right_and_wrong_receipts_get_answers_of_one_size(app, receipt, language):
    visit = Visit(app.test_client(), language)
    sizes = set()
    for typed in (receipt, NOBODYS, "0001 0002", ""):
        visit.enter(typed)
        sizes.add((visit.answer.status_code, len(visit.answer.get_data())))
    assert sizes == {(200, 16384)}


def test_right_and_wrong_receipts_cost_the_same_derivations_and_openings(
    visit, receipt, mechanism, box, monkeypatch
):
    counted = Counter()

    def counting(what, real):
        def call(*args, **kwargs):
            counted[what] += 1
            return real(*args, **kwargs)

        return call

    monkeypatch.setattr(age, "unseal", counting("opened", age.unseal))
    work = []
    for typed in (NOBODYS, receipt, NOBODYS):
        counted.clear()
        visit.enter(typed)
        work.append(counted["opened"])
    assert work == [4, 4, 4]
    # A few messages change nothing; many are opened in further steps.
    for number in range(4):
        answer(mechanism, box, "Sato Keiko", f"Answer {number}.")
        counted.clear()
        visit.enter(receipt)
        assert counted["opened"] == (4 if number < 3 else 8)
    monkeypatch.setattr(Receipt, "signing_key", counting("signing keys", Receipt.signing_key))
    monkeypatch.setattr(Receipt, "identity", counting("identities", Receipt.identity))
    derived = []
    for typed in (NOBODYS, receipt):
        counted.clear()
        visit.enter(typed)
        derived.append((counted["signing keys"], counted["identities"]))
    assert derived == [(1, 1), (1, 1)]


def test_a_long_mailbox_is_in_the_next_size_class(visit, receipt):
    visit.enter(receipt)
    send(visit, "long " * 4000)
    assert len(visit.answer.get_data()) == 32768


def test_after_a_restart_the_typed_message_is_given_back(visit, receipt, mechanism):
    visit.enter(receipt)
    restarted = site.create_app(Intake(mechanism, secrets.token_bytes(32)), mechanism.config)
    visit.client = restarted.test_client()
    page = send(visit, "Half written.")
    assert "We have to ask you again" in page.text
    assert page.value("/answers", "text") == "Half written."
    page = visit.press(form="/answers", receipt=receipt)
    assert page.value("/answers", "text") == "Half written."
    assert "Your message was sent." in send(visit, "Half written.").text


def test_the_receipt_travels_sealed_and_never_in_an_address(visit, receipt):
    page = visit.enter(receipt)
    assert receipt not in page.html
    assert receipt.replace(" ", "") not in page.html
    assert "Set-Cookie" not in visit.answer.headers
    assert visit.client.get(f"/en/answers?receipt={receipt}").status_code == 200
    assert "no messages yet" not in visit.client.get(f"/en/answers?receipt={receipt}").get_data(as_text=True)


def test_reading_a_mailbox_writes_nothing(visit, receipt, mechanism):
    size = mechanism.store.head().size
    visit.enter(receipt)
    visit.enter(NOBODYS)
    assert mechanism.store.head().size == size


@pytest.mark.parametrize("get", ["", "00" * 32, "../../keys/service"])
def test_a_file_of_no_mailbox_is_not_given(visit, receipt, get):
    state = visit.enter(receipt).fields("/answers")["state"][0]
    for field in (state, "nonsense"):
        denied = visit.client.post("/en/answers/file", data={"state": field, "get": get}, headers=OURS)
        assert "attachment" not in denied.headers.get("Content-Disposition", "")
        assert "Enter your code" in denied.get_data(as_text=True)


def test_everything_is_said_in_japanese_too(app, receipt):
    visit = Visit(app.test_client(), "ja")
    page = visit.enter(receipt)
    assert "あなたの連絡箱" in page.text
    assert "相談の担当者" in page.text
    assert "受付コードは12組です" in visit.enter("1").text


def saved(visit):
    """What the button for the proof gives."""
    state = visit.page.value("/answers/file", "state")
    answer = visit.client.post("/en/answers/file", data={"state": state, "get": "proof"}, headers=OURS)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    return answer.headers["Content-Disposition"].rpartition("'")[2], answer.get_data()


def test_a_promise_is_on_the_receipts_page_and_a_dated_proof_in_the_mailbox_later(visit, mechanism):
    receipt = " ".join(visit.write_report("The alarm is switched off."))
    name, promise = saved(visit)
    assert name == "promise.txt"
    assert promise.decode() in visit.page.text
    case = next(iter(mechanism.ledger().cases))
    leaf = leaf_hash(next(iter(mechanism.store.stream(case))).data).hex()
    roster = mechanism.ledger().mechanism
    assert proofs.verify_promise(promise, [roster.promise_key], leaf).slot == roster.last_marker.slot + 1

    visit.enter(receipt)
    assert saved(visit) == ("promise.txt", promise)
    mechanism.publish()
    covered = mechanism.store.published()
    mechanism.publish()
    visit.enter(receipt)
    name, proof = saved(visit)
    assert name == "filed.tlog-proof"
    proven = proofs.verify_proof(proof, keys=roster.log_keys, leaf=leaf)
    # The date is that of the first tree that holds the report, however late the proof is asked for.
    assert (proven.checkpoint.size, proven.checkpoint.root) == (covered.size, covered.root)
    assert case.encode() not in proof
    assert receipt.encode() not in proof


def test_a_proof_is_given_to_nobody_without_a_mailbox(visit, receipt):
    visit.enter(receipt)
    denied = visit.client.post("/en/answers/file", data={"state": "nonsense", "get": "proof"}, headers=OURS)
    assert "Enter your code" in denied.get_data(as_text=True)
