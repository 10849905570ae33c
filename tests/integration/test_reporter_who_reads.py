"""Who reads a report that is written on the site, against a real mechanism."""

import secrets

import pytest

from meyasubako.service.intake import Intake
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.reporter import app as site
from tests.integration.reporter_box import (
    appoint,
    cases,
    found_box,
    open_second_channel,
    opened_report,
    suspend,
)
from tests.integration.reporter_visit import Visit


def test_whoever_is_ticked_is_not_among_the_readers(visit, mechanism, box):
    visit.start()
    page = visit.press(excluded=[box.key_id("Sato Keiko")])
    assert "Maria Lindqvist" in page.text
    assert "Sato Keiko" not in page.text
    visit.press("skip", text="It is about Sato.")
    visit.press()
    visit.press()
    with pytest.raises(StopIteration):
        opened_report(mechanism, box, "Sato Keiko")
    assert b"It is about Sato." in opened_report(mechanism, box, "Maria Lindqvist")["report.json"]


@pytest.mark.parametrize("silent", [True, False], ids=["rather not say", "everyone ticked"])
def test_the_fallback_reads_alone_where_nobody_else_may(visit, mechanism, box, silent):
    visit.start()
    everyone = [box.key_id("Sato Keiko"), box.key_id("Maria Lindqvist")]
    page = visit.press(**({"rather_not_say": "yes"} if silent else {"excluded": everyone}))
    assert "Bar Association" in page.text
    visit.press("skip", text="All of them.")
    visit.press()
    visit.press()
    assert b"All of them." in opened_report(mechanism, box, "Bar Association")["report.json"]
    with pytest.raises(StopIteration):
        opened_report(mechanism, box, "Maria Lindqvist")


def site_of(tmp_path, **also):
    """Another box with more people, its mechanism, and somebody who visits its site."""
    box = found_box(tmp_path / "another", also=also)
    mechanism = Mechanism.open(box.directory)
    app = site.create_app(Intake(mechanism, secrets.token_bytes(32)), mechanism.config)
    return box, mechanism, Visit(app.test_client())


def test_a_fallback_whom_the_reporter_was_not_shown_reads_nothing(tmp_path):
    box, mechanism, visit = site_of(tmp_path, Ombudsman=("outsider",))
    visit.start()
    visit.press(rather_not_say="yes")
    visit.press("skip", text="It is about all of them.")
    assert "Bar Association" in visit.press().text
    appoint(mechanism, box, "Ombudsman")
    page = visit.press()
    assert "have changed" in page.text
    assert "Ombudsman" in page.text
    assert cases(mechanism) == []
    assert "Ombudsman" in visit.press().text
    assert len(visit.press() and visit.groups()) == 12
    assert mechanism.ledger().rooms[cases(mechanism)[-1].rooms["report"]].readers == {box.key_id("Ombudsman")}
    mechanism.close()


def test_a_fallback_who_is_ticked_does_not_read_either(tmp_path):
    box, mechanism, visit = site_of(tmp_path, Ombudsman=("outsider", "intake:main"))
    appoint(mechanism, box, "Ombudsman")
    everyone = [box.key_id(name) for name in ("Sato Keiko", "Maria Lindqvist", "Ombudsman")]
    visit.start()
    assert "nobody would be left" in visit.press(excluded=everyone).text
    assert "What happened?" in visit.press(excluded=[], rather_not_say="yes").text
    visit.press("skip", text="It is about the other two.")
    visit.press()
    visit.press()
    assert mechanism.ledger().rooms[cases(mechanism)[-1].rooms["report"]].readers == {box.key_id("Ombudsman")}
    mechanism.close()


def test_without_a_fallback_somebody_has_to_be_left(tmp_path):
    box = found_box(tmp_path / "alone", fallback=False)
    mechanism = Mechanism.open(box.directory)
    visit = Visit(site.create_app(Intake(mechanism, bytes(32)), mechanism.config).test_client())
    assert "rather not say" not in visit.start().text
    page = visit.press(excluded=[box.key_id("Sato Keiko"), box.key_id("Maria Lindqvist")])
    assert "nobody would be left" in page.text
    assert page.html.count(" checked") == 2
    assert "What happened?" in visit.press(excluded=[box.key_id("Sato Keiko")]).text
    mechanism.close()


def test_two_channels_are_chosen_between_before_anything_else(tmp_path):
    box = found_box(tmp_path / "two")
    open_second_channel(box)
    mechanism = Mechanism.open(box.directory)
    visit = Visit(site.create_app(Intake(mechanism, bytes(32)), mechanism.config).test_client())
    assert "Where should it go?" in visit.start().text
    assert "Please choose one" in visit.press().text
    page = visit.press(channel="outside")
    assert "Bar Association" in page.text
    assert "Sato Keiko" not in page.text
    visit.press()
    visit.press("skip", text="For outside.")
    visit.press()
    visit.press()
    assert cases(mechanism)[0].channel == "outside"
    page = visit.post("/en/questions", [("page", "story"), ("state", "?"), ("text", "Lost words.")])
    assert "Where should it go?" in page.text
    assert "Lost words." in page.text
    mechanism.close()


def test_a_reader_who_was_suspended_meanwhile_does_not_read(visit, mechanism, box):
    visit.start()
    assert "Sato Keiko" in visit.page.text
    visit.press()
    visit.press("skip", text="Something happened.")
    visit.press()
    suspend(mechanism, box, "Sato Keiko")
    visit.press()
    assert len(visit.groups()) == 12
    with pytest.raises(StopIteration):
        opened_report(mechanism, box, "Sato Keiko")
    assert b"Something happened." in opened_report(mechanism, box, "Maria Lindqvist")["report.json"]
    assert "Sato Keiko" not in visit.start().text
