"""Which script is served stands in the log, by a steward who has the same one installed."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from meyasubako.domain import envelope
from meyasubako.service.config import Limits
from meyasubako.service.reporter.sealing_pages import asset
from tests.system.box import found_box
from tests.system.town import settled


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    place = tmp_path_factory.mktemp("software")
    with settled(found_box(place / "box", Limits(workers=1, threads=8)), place) as town:
        yield town


def test_a_steward_writes_down_what_the_site_serves(town):
    said = town.facts("software", "--site", town.at("reporter"), *town.by("Ada Berg"))
    assert said["page.js"] == asset("page.js").sha256
    with town.box.looked_into() as mechanism:
        rows = mechanism.store.stream(mechanism.ledger().mechanism.stream)
        events = [envelope.read(row.data) for row in rows if row.kind == "software.upgraded"]
    (event,) = events
    assert event.leaf == said["leaf"]
    sums = {row["name"]: row["sha256"] for row in event.records("artefacts")}
    assert set(sums) == {"offline.js", "page-sums.txt", "page.js", "style.css", "words.txt"}
    assert sums["offline.js"] == asset("offline.js").sha256


def test_only_a_steward_does(town):
    refused = town.command("software", "--site", town.at("reporter"), *town.by("Keiko Sato"))
    assert refused.returncode != 0


def test_a_site_that_serves_another_script_is_not_vouched_for(town):
    class Site(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"alert(1)"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        site = f"http://127.0.0.1:{server.server_address[1]}"
        refused = town.command("software", "--site", site, *town.by("Ada Berg"))
        server.shutdown()
        thread.join()
    assert refused.returncode != 0
    assert hashlib.sha256(b"alert(1)").hexdigest() in refused.stderr
