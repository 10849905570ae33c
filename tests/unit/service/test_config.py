import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.service.config import Config, Doors, IntakeSettings, Limits, parse_address
from meyasubako.service.errors import ConfigError, NewerFormatError


def _write(directory: Path, text: str) -> Path:
    (directory / "mechanism.toml").write_text(text, encoding="utf-8")
    return directory


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    config = Config(
        origin="box.example.org/main",
        doors=Doors(reporter="127.0.0.1:0", handler="[::1]:8012", names=("a.onion", "b.onion")),
        limits=Limits(files=3, workers=1),
        intake=IntakeSettings(show="at_once"),
    )
    config.write(tmp_path)
    assert Config.load(tmp_path) == config


def test_a_file_is_replaced_whole_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    Config(origin="one.example.org").write(tmp_path)
    Config(origin="two.example.org").write(tmp_path)
    assert Config.load(tmp_path).origin == "two.example.org"
    assert (tmp_path / "mechanism.toml").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["mechanism.toml"]


def test_settings_that_are_left_out_have_defaults(tmp_path: Path) -> None:
    config = Config.load(_write(tmp_path, 'format = 1\norigin = "box.example.org"\n'))
    assert config == Config(origin="box.example.org")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('format = 1\norigin = "a"\nspeed = 3\n', "speed"),
        ('format = 1\norigin = "a"\n[limits]\nupload_byte = 3\n', "upload_byte"),
        ('format = 1\norigin = "a"\n[limits]\nthreads = 0\n', "threads"),
        ('format = 1\norigin = "a"\n[limits]\nthreads = "many"\n', "threads"),
        ('format = 1\norigin = "a"\n[doors]\nlog = "8013"\n', "HOST:PORT"),
        ('format = 1\norigin = "a"\n[doors]\nlog = "127.0.0.1:99999"\n', "HOST:PORT"),
        ('format = 1\norigin = "a"\n[doors]\nnames = ["http://a.onion"]\n', "host"),
        ('format = 1\norigin = "two words"\n', "origin"),
        ('format = 1\norigin = "a+b"\n', "origin"),
        ('format = 1\norigin = "a"\nstore = "oracle"\n', "store"),
        ('format = 1\norigin = "a"\n[intake]\nshow = "never"\n', "show"),
        ('format = 1\norigin = "a"\n[witnessing]\nproxy = "somewhere"\n', "proxy"),
        ("format = 1\n", "origin"),
        ("format = \n", "TOML"),
        ('format = 0\norigin = "a"\n', "format"),
    ],
)
def test_a_setting_that_is_not_understood_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Config.load(_write(tmp_path, text))


def test_a_newer_format_is_refused_before_its_settings_are_judged(tmp_path: Path) -> None:
    with pytest.raises(NewerFormatError, match="format 2"):
        Config.load(_write(tmp_path, "format = 2\nunheard_of = true\n"))


def test_a_directory_without_a_mechanism_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no mechanism"):
        Config.load(tmp_path)


def test_nothing_in_the_environment_overrides_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORIGIN", "other.example.org")
    monkeypatch.setenv("MEYASUBAKO_ORIGIN", "other.example.org")
    Config(origin="box.example.org").write(tmp_path)
    assert Config.load(tmp_path).origin == "box.example.org"


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    try:
        host, port = parse_address(text)
    except ValueError:
        return
    assert host
    assert 0 <= port <= 65535


@given(st.text(max_size=80))
def test_any_text_is_settings_or_is_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    directory = tmp_path_factory.mktemp("mechanism")
    with pytest.raises(ConfigError):
        Config.load(_write(directory, text))


def test_every_setting_is_explained_to_operators() -> None:
    page = (Path(__file__).parents[3] / "deploy" / "README.md").read_text(encoding="utf-8")
    settings = msgspec.to_builtins(Config(origin="box.example.org"))
    names = [
        name for top, value in settings.items() for name in (value if isinstance(value, dict) else (top,))
    ]
    assert [name for name in names if not re.search(rf"`(?:\[\w+\] )?{name}`", page)] == []


@pytest.mark.parametrize(
    ("host", "goes"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("10.0.0.5", True),
        ("BOX.onion", True),
        ("xbox.onion", False),
        ("10.0.0.6", False),
        ("", False),
    ],
)
def test_doors_go_by_listed_listening_and_local_hosts_alone(host: str, goes: bool) -> None:
    assert Doors(log="10.0.0.5:80", names=("box.onion",)).goes_by(host) is goes
