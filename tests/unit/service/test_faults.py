"""What is written down of a fault."""

import logging

import pytest

from meyasubako.service.faults import record

SECRET = "FAULT-CANARY-3152"


def test_what_is_written_down_names_the_place_in_the_code_and_not_what_was_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        dict[str, str]()[SECRET]
    except KeyError as error:
        event = record(error)
    with caplog.at_level(logging.ERROR):
        assert f"event {event}: KeyError at " in caplog.text
    assert "test_faults" in caplog.text
    assert SECRET not in caplog.text
