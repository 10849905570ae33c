from hashlib import sha256

import pytest

from meyasubako.service.witness import app
from meyasubako.service.witness.memory import Memory
from meyasubako.service.witness.protocol import BODY_LIMIT


@pytest.fixture
def client(directory):
    return app.create_app(directory).test_client()


def test_the_protocols_two_addresses_answer(client, log):
    added = client.post("/add-checkpoint", data=log.request(0, 70))
    assert added.status_code == 200
    assert added.text.count("— witness.example.org/w ") == 2
    shown = client.get(f"/{sha256(log.origin.encode()).hexdigest()}/checkpoint")
    assert shown.status_code == 200
    assert shown.data.startswith(log.checkpoint(70).text.encode())
    assert client.get("/checkpoint").status_code == 404


def test_the_last_sizes_type_is_sent_without_a_charset(client, log):
    client.post("/add-checkpoint", data=log.request(0, 70))
    answer = client.post("/add-checkpoint", data=log.request(0, 300))
    assert (answer.status_code, answer.data) == (409, b"70\n")
    assert answer.headers["Content-Type"] == "text/x.tlog.size"


def test_refusals_are_plain_sentences(client, log):
    answer = client.post("/add-checkpoint", data=log.fork(0, [b"x"]).request(0, 1).replace(b"demo", b"omed"))
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert client.get("/add-checkpoint").status_code == 405


def test_a_body_that_is_too_long_is_not_read(client):
    assert client.post("/add-checkpoint", data=b"x" * (BODY_LIMIT + 1)).status_code == 413


def test_the_first_page_tells_the_keys(client):
    assert client.get("/").text.count("witness.example.org/w+") == 2


def test_a_witness_that_must_not_sign_answers_nothing_else(client, directory, log):
    client.post("/add-checkpoint", data=log.request(0, 70))
    Memory.open(directory).halt("set back")
    for _ in range(2):
        assert client.post("/add-checkpoint", data=log.request(70, 80)).status_code == 503
    assert client.get(f"/{sha256(log.origin.encode()).hexdigest()}/checkpoint").status_code == 503
