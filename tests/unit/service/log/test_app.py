import hashlib

import pytest
from flask import Flask
from werkzeug.test import Client

from meyasubako.crypto.canonical import decode_base64
from meyasubako.crypto.keyfile import digest_fingerprint
from meyasubako.crypto.merkle import leaf_hash, verify_inclusion
from meyasubako.crypto.tiles import decode_bundle, split_hashes, tile_path, tiles_for
from meyasubako.service.founding import card
from meyasubako.service.log.app import create_app
from meyasubako.service.mechanism import Mechanism
from tests.system.box import Box
from tests.unit.service.doors import NONCES, Caller, begin, program_door, report


@pytest.fixture
def app(mechanism: Mechanism) -> Flask:
    return create_app(mechanism, NONCES)


@pytest.fixture
def client(app: Flask) -> Client:
    return Client(app)


def _size(mechanism: Mechanism) -> int:
    published = mechanism.store.published()
    assert published is not None
    return published.size


def test_the_checkpoint_is_the_last_published_one(mechanism: Mechanism, client: Client) -> None:
    answer = client.get("/checkpoint")
    published = mechanism.store.published()
    assert published is not None
    assert answer.data == published.note
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"


def test_every_tile_of_the_published_tree_is_served_and_never_changes(
    mechanism: Mechanism, client: Client
) -> None:
    for level, n, width in tiles_for(0, _size(mechanism)):
        answer = client.get("/" + tile_path(level, n, width))
        assert answer.status_code == 200
        assert len(answer.data) == 32 * width
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert "immutable" in answer.headers["Cache-Control"]


def test_an_auditors_request_to_another_log_opens_no_entries_here(
    mechanism: Mechanism, app: Flask, box: Box
) -> None:
    path = "/" + tile_path("entries", 0, _size(mechanism))
    auditor = box.people["Ana Silva"].signing
    assert Caller(app, auditor).get(path).status_code == 200
    assert Caller(app, auditor, base="http://another.onion").get(path).status_code == 401


def test_nothing_past_the_published_tree_is_shown(mechanism: Mechanism, box: Box, client: Client) -> None:
    size = _size(mechanism)
    before = client.get("/mechanism").get_json()
    report(mechanism, box)
    assert mechanism.store.head().size > size
    assert client.get(f"/tile/0/000.p/{size}").status_code == 200
    assert client.get(f"/tile/0/000.p/{size + 1}").status_code == 404
    assert client.get("/mechanism").get_json() == before


@pytest.mark.parametrize(
    "path",
    [
        "/tile/0/0",
        "/tile/0/000.p/0",
        "/tile/0/000.p/256",
        "/tile/64/000",
        "/tile/x/000",
        "/tile/0/",
        "/tile/",
    ],
)
def test_a_path_that_is_no_tiles_is_not_found(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_entries_are_for_auditors_only(mechanism: Mechanism, box: Box, app: Flask) -> None:
    path = f"/tile/entries/000.p/{_size(mechanism)}"
    assert Client(app).get(path).status_code == 401
    assert Caller(app, box.people["Keiko Sato"].signing).get(path).status_code == 403
    answer = Caller(app, box.people["Ana Silva"].signing).get(path)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert decode_bundle(answer.data) == [row.data for row in mechanism.store.rows(0, _size(mechanism))]


def test_entries_hash_to_the_public_tile(mechanism: Mechanism, box: Box, app: Flask) -> None:
    size = _size(mechanism)
    entries = Caller(app, box.people["Ana Silva"].signing).get(f"/tile/entries/000.p/{size}").data
    hashes = Client(app).get(f"/tile/0/000.p/{size}").data
    assert split_hashes(hashes) == tuple(leaf_hash(entry) for entry in decode_bundle(entries))


def test_the_mechanisms_stream_is_public_with_proofs(mechanism: Mechanism, client: Client) -> None:
    found = client.get("/mechanism").get_json()
    published = mechanism.store.published()
    assert published is not None
    assert found["checkpoint"] == published.note.decode()
    stream = mechanism.ledger().mechanism.stream
    stored = [row for row in mechanism.store.stream(stream) if row.index < published.size]
    assert [decode_base64(each["event"]) for each in found["events"]] == [row.data for row in stored]
    for each in found["events"]:
        leaf = leaf_hash(decode_base64(each["event"]))
        proof = [decode_base64(node) for node in each["proof"]]
        verify_inclusion(each["index"], published.size, leaf, proof, published.root)


def test_the_mechanisms_stream_is_given_from_any_seq(client: Client) -> None:
    whole = client.get("/mechanism").get_json()["events"]
    assert client.get("/mechanism?from=3").get_json()["events"] == whole[2:]
    assert client.get(f"/mechanism?from={len(whole) + 1}").get_json()["events"] == []
    assert client.get("/mechanism?from=0").status_code == 404


def test_a_card_is_public_and_nothing_else_of_the_vault_is(
    mechanism: Mechanism, box: Box, client: Client
) -> None:
    reported = report(mechanism, box)
    digest = min(mechanism.ledger().mechanism.cards)
    assert hashlib.sha256(client.get(f"/card/{digest}").data).hexdigest() == digest
    assert client.get(f"/card/{reported.digest}").status_code == 404


def test_a_card_is_public_once_its_event_is_published(mechanism: Mechanism, box: Box, client: Client) -> None:
    shown = card({"kind": "person", "name": "Somebody New"})
    request = begin(mechanism, box.people["Ada Berg"].signing)
    stream = mechanism.ledger().mechanism.stream
    request.add("card.published", stream, {"card": shown.reference}, [shown])
    mechanism.accept([request.events[0].data], request.payloads)
    site = program_door(mechanism)
    assert client.get(f"/card/{shown.digest}").status_code == 404
    assert shown.digest not in Client(site).get("/api/channel").get_json()["cards"]
    mechanism.publish()
    assert client.get(f"/card/{shown.digest}").data == shown.data
    assert shown.digest in Client(site).get("/api/channel").get_json()["cards"]


def test_the_front_page_says_which_log_this_is(mechanism: Mechanism, client: Client) -> None:
    answer = client.get("/")
    assert answer.mimetype == "text/html"
    assert digest_fingerprint(bytes.fromhex(mechanism.ledger().mechanism.founded)) in answer.text
    assert f"<dd>{_size(mechanism)}</dd>" in answer.text
    assert "test mechanism" in answer.text
    assert len(answer.data) < 25_000
    assert client.get("/static/log.css").mimetype == "text/css"
