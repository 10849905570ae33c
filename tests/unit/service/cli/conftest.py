from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _a_configuration_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What commands remember of a log is forgotten after each test, and no test meets somebody's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
