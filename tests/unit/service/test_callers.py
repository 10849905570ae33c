import json

import pytest
from flask import Flask, Request, request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import NotFound
from werkzeug.test import EnvironBuilder

from meyasubako.crypto.canonical import encode_base64
from meyasubako.service import callers
from meyasubako.service.errors import BadRequestError, RequestSignatureError
from meyasubako.service.web import Problem


def _request(path: str = "/", data: bytes = b"", **environ: str) -> Request:
    builder = EnvironBuilder(path=path, method="POST", data=data, base_url="http://box.example.org:8012")
    return Request(builder.get_environ() | environ)


@given(st.binary(max_size=200))
def test_any_body_is_a_submission_or_is_refused(body: bytes) -> None:
    try:
        callers.read_submission(_request(data=body), None).decoded()
    except BadRequestError:
        return


@given(
    st.lists(st.binary(max_size=50), min_size=1, max_size=8),
    st.dictionaries(
        st.text("0123456789abcdef", min_size=64, max_size=64), st.binary(max_size=50), max_size=3
    ),
)
def test_what_is_posted_is_read_as_it_was_meant(events: list[bytes], payloads: dict[str, bytes]) -> None:
    body = {
        "events": [encode_base64(each) for each in events],
        "payloads": {digest: encode_base64(each) for digest, each in payloads.items()},
    }
    read = callers.read_submission(_request(data=json.dumps(body).encode()), None)
    assert read.decoded() == (events, payloads)


@pytest.mark.parametrize("target", ["/", "/v1/streams/a?from=3", "/%2e%2e/x?a=%26&b", "/caf%C3%A9", "/a?"])
def test_the_url_is_the_one_that_the_client_wrote(target: str) -> None:
    url = callers.absolute_url(_request(RAW_URI=target))
    assert url == f"http://box.example.org:8012{target}"


def test_a_target_that_names_another_host_is_not_believed() -> None:
    asked = _request("/v1/me?a=1", RAW_URI="http://other.example.org/v1/other")
    assert callers.absolute_url(asked) == "http://box.example.org:8012/v1/me?a=1"


def test_a_request_without_a_host_is_refused() -> None:
    with pytest.raises(RequestSignatureError, match="Host"):
        callers.absolute_url(_request(HTTP_HOST=""))


@pytest.mark.parametrize(("query", "seq"), [("", 1), ("?from=7", 7), ("?from=seven", 1)])
def test_a_seq_is_asked_for_by_its_number(query: str, seq: int) -> None:
    with Flask("test").test_request_context("/" + query):
        assert callers.asked_seq(request) == seq


@pytest.mark.parametrize("query", ["?from=0", "?from=-3", f"?from={2**60}"])
def test_a_seq_that_cannot_be_is_not_found(query: str) -> None:
    with Flask("test").test_request_context("/" + query), pytest.raises(Problem) as caught:
        callers.asked_seq(request)
    assert caught.value.code == NotFound.code
