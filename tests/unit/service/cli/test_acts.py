import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.service.cli.acts import described, read_act
from meyasubako.service.cli.failures import InputError
from meyasubako.service.rotation import keys_fingerprint


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"kind": "key.rotated", "v": 2, "body": {}}', '{"kind": 1, "v": 1, "body": {}}']
)
def test_a_file_that_holds_no_act_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "act.json").write_text(text)
    with pytest.raises(InputError, match="holds no act"):
        read_act(tmp_path / "act.json")


@given(data=st.binary(max_size=100))
def test_whatever_is_in_a_file_is_an_act_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("acts") / "act.json"
    path.write_bytes(data)
    with suppress(InputError, UnicodeDecodeError):
        read_act(path)


@given(
    kind=st.text(max_size=20),
    body=st.dictionaries(st.text(max_size=5), st.integers() | st.lists(st.text(max_size=5))),
)
def test_an_act_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, kind: str, body: dict[str, object]
) -> None:
    path = tmp_path_factory.mktemp("acts") / "act.json"
    path.write_text(json.dumps({"kind": kind, "v": 1, "body": body}))
    assert read_act(path) == (kind, body)


def test_whoever_confirms_keys_is_shown_the_fingerprint_that_the_server_printed() -> None:
    shown = described("key.rotated", {"of": "log", "keys": ["a", "b"]})
    assert shown == {
        "act": "key.rotated",
        "of": "log",
        "keys": ["a", "b"],
        "fingerprint": keys_fingerprint(["a", "b"]),
    }
    assert "fingerprint" not in described("witness.admitted", {"policy": ["quorum none"]})
