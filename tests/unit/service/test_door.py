import re
from pathlib import Path

from meyasubako.service.config import Limits
from meyasubako.service.door import QuietWorker, settings

DEPLOY = Path(__file__).parents[3] / "deploy"


def test_workers_are_threaded_and_nothing_is_loaded_before_the_fork():
    chosen = settings(7, Limits())
    assert chosen["worker_class"] is QuietWorker
    assert chosen["preload_app"] is False
    # Forty slow uploads at once leave threads for pages, also where they come together in one process.
    assert chosen["threads"] >= 64


def test_no_proxy_is_believed_and_nothing_of_a_request_is_kept():
    chosen = settings(7, Limits())
    assert chosen["accesslog"] is None
    assert chosen["control_socket_disable"] is True
    assert chosen["proxy_protocol"] == "off"
    assert (chosen["forwarded_allow_ips"], chosen["forwarder_headers"]) == ("", "")
    assert chosen["secure_scheme_headers"] == {}
    assert chosen["umask"] == 0o077


def test_tor_is_told_to_ask_for_puzzles_and_to_limit_streams_and_never_shows_a_circuit_by_itself():
    services = re.split(r"(?m)^HiddenServiceDir ", (DEPLOY / "tor" / "meyasubako.torrc").read_text())
    reporter = next(
        service for service in services if service.startswith("/var/lib/tor/meyasubako-reporter/")
    )
    lines = reporter.splitlines()
    assert "HiddenServicePoWDefensesEnabled 1" in lines
    assert any(re.fullmatch(r"HiddenServiceMaxStreams \d+", line) for line in lines)
    # Only together with the setting of ours, see deploy/README.md.
    assert "#HiddenServiceExportCircuitID haproxy" in lines
