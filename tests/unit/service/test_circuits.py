import pytest
from hypothesis import given
from hypothesis import strategies as st

from meyasubako.service.circuits import ENVIRON, MOST_BYTES, Circuits, address_in, circuit_of

ADDRESS = "fc00:dead:beef:4dad::1:2b"
LINE = b"PROXY TCP6 fc00:dead:beef:4dad::1:2b ::1 43 80\r\n"


def test_the_line_that_tor_writes_names_a_circuit() -> None:
    address = address_in(LINE)
    assert address == ADDRESS
    assert circuit_of(address) == 0x1_002B


@given(st.integers(min_value=0, max_value=2**32 - 1), st.integers(min_value=0, max_value=65535))
def test_every_circuit_is_told_from_every_other(circuit: int, port: int) -> None:
    address = f"fc00:dead:beef:4dad::{circuit >> 16:x}:{circuit & 0xFFFF:x}"
    line = f"PROXY TCP6 {address} ::1 {circuit & 0xFFFF} {port}\r\n".encode()
    assert len(line) <= MOST_BYTES
    assert circuit_of(address_in(line) or "") == circuit


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET / HTTP/1.1\r\n",
        LINE.replace(b"\r\n", b"\n"),
        LINE[:-2],
        LINE + b"x",
        b" " + LINE,
        LINE.replace(b"TCP6", b"TCP4"),
        LINE.replace(b"fc00:dead:beef:4dad::", b"fc00:dead:beef:4dae::"),
        LINE.replace(b"::1:2b", b"::1:2B"),
        LINE.replace(b"::1:2b", b"::12345:1"),
        LINE.replace(b"::1:2b", b"::1"),
        LINE.replace(b"::1 43", b"::2 43"),
        LINE.replace(b" 43 ", b" -43 "),
        LINE.replace(b" 43 ", b" \xd9\xa3 "),
        LINE.replace(b" 43 ", b" 4_3 "),
        LINE.replace(b"::1 43", b"::1  43"),
        b"PROXY UNKNOWN\r\n",
        b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n",
        b"\r\n\r\n\0\r\nQUIT\n",
    ],
)
def test_any_other_line_is_refused(line: bytes) -> None:
    assert address_in(line) is None


@given(st.binary(max_size=MOST_BYTES))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert address_in(data) is None


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1", "::1", "fc00:dead:beef:4dad::", ADDRESS + ":1", ADDRESS + " "]
)
def test_any_other_address_is_no_circuit(address: str) -> None:
    assert circuit_of(address) is None


@pytest.mark.parametrize(("address", "circuit"), [(ADDRESS, 0x1_002B), ("127.0.0.1", None), (None, None)])
def test_the_application_is_told_the_circuit_and_nobody_else_can_tell_it(
    address: str | None, circuit: int | None
) -> None:
    seen = {}
    environ = {ENVIRON: 7} | ({} if address is None else {"REMOTE_ADDR": address})
    list(Circuits(lambda environ, _start: seen.update(environ) or [b""])(environ, lambda *_: None))
    assert seen[ENVIRON] == circuit
