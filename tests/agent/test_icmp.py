"""Echo messages and errors: checked against icmplib's reader of packets, and mutants."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import icmp
from agent.icmp import EchoError, EchoReply
from tests.agent.mutants import mutants

NONCE = b"8 octets"


def rfc1071(data: bytes) -> int:
    """The plain way: add 16-bit words, fold the carries, invert."""
    padded = data + b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet_v4(message: bytes, source: str = "10.0.0.1", target: str = "10.0.0.2") -> bytes:
    head = bytes((0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0))
    return head + socket.inet_aton(source) + socket.inet_aton(target) + message


def packet_v6(message: bytes, target: str) -> bytes:
    head = bytes((0x60, 0, 0, 0, 0, len(message), 58, 64))
    return head + bytes(16) + socket.inet_pton(socket.AF_INET6, target) + message


def answered(request: bytes, *, v6: bool = False) -> bytes:
    return bytes((icmp.V6_ECHO_REPLY if v6 else icmp.ECHO_REPLY,)) + request[1:]


@given(st.binary(max_size=80))
def test_the_checksum_is_that_of_rfc_1071(data: bytes) -> None:
    assert icmp.checksum(data) == rfc1071(data)


@given(st.integers(0, 0xFFFF), st.integers(0, 2**32 - 1), st.booleans())
def test_a_request_and_its_reply(identifier: int, token: int, v6: bool) -> None:  # noqa: FBT001  drawn
    request = icmp.echo_request(identifier, token, NONCE, v6=v6)
    assert len(request) == 24
    if not v6:
        assert icmp.checksum(request) == 0
    assert icmp.decode(answered(request, v6=v6), NONCE, v6=v6) == EchoReply(identifier, token)
    assert icmp.decode(request, NONCE, v6=v6) is None
    assert icmp.decode(answered(request, v6=v6), b"anothers", v6=v6) is None


REQUEST = icmp.echo_request(0x1234, 0xABCD_0007, NONCE)


@pytest.mark.parametrize("quoted", [8, 16, 24])
def test_an_error_names_the_echo_that_it_is_about(quoted: int) -> None:
    error = bytes((3, 13, 0, 0, 0, 0, 0, 0)) + packet_v4(REQUEST)[: 20 + quoted]
    assert icmp.decode(error, NONCE) == EchoError(
        "prohibited", 0x1234, 7, socket.inet_aton("10.0.0.2")
    )


def test_an_ipv6_error_names_the_echo_that_it_is_about() -> None:
    request = icmp.echo_request(0x1234, 9, NONCE, v6=True)
    error = bytes((3, 0, 0, 0, 0, 0, 0, 0)) + packet_v6(request, "2001:db8::5")
    target = socket.inet_pton(socket.AF_INET6, "2001:db8::5")
    assert icmp.decode(error, NONCE, v6=True) == EchoError("ttl_exceeded", 0x1234, 9, target)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0" * 7, id="short"),
        pytest.param(answered(REQUEST)[:16], id="reply without token"),
        pytest.param(bytes((3, 1)) + bytes(6), id="error without quotation"),
        pytest.param(bytes((3, 1)) + bytes(6) + packet_v4(REQUEST)[:27], id="quotation cut"),
        pytest.param(bytes((3, 1)) + bytes(6) + packet_v4(answered(REQUEST)), id="reply quoted"),
        pytest.param(
            bytes((3, 3)) + bytes(6) + packet_v4(REQUEST).replace(b"@\1", b"@\x11"), id="udp quoted"
        ),
        pytest.param(
            bytes((11, 0)) + bytes(6) + packet_v4(REQUEST.replace(NONCE, b"anothers")),
            id="another's echo",
        ),
    ],
)
def test_what_is_not_about_our_echoes_is_nothing(message: bytes) -> None:
    assert icmp.decode(message, NONCE) is None


def test_the_ip_header_is_stripped_with_its_options() -> None:
    plain = packet_v4(b"payload!")
    assert icmp.strip_ip(plain) == b"payload!"
    assert icmp.strip_ip(b"\x46" + plain[1:20] + b"\0" * 4 + b"payload!") == b"payload!"
    assert icmp.strip_ip(b"\x44" + plain[1:]) is None
    assert icmp.strip_ip(b"\x65" + plain[1:]) is None
    assert icmp.strip_ip(plain[:19]) is None


def test_mutants_never_raise() -> None:
    error = bytes((3, 1)) + bytes(6) + packet_v4(REQUEST)
    for original in (packet_v4(answered(REQUEST)), packet_v4(error)):
        for damaged in mutants(original, 5000, seed=3):
            message = icmp.strip_ip(damaged)
            if message is not None:
                icmp.decode(message, NONCE)
            icmp.decode(damaged, NONCE, v6=True)


def test_errors_have_words() -> None:
    assert icmp.word(3, 1) == "host_unreachable"
    assert icmp.word(1, 4, v6=True) == "port_unreachable"
    assert icmp.word(12, 3) == "icmp_12_3"


@given(st.integers(0, 0xFFFF), st.integers(0, 2**32 - 1), st.binary(min_size=8, max_size=8))
def test_requests_made_in_a_row_are_those_made_singly(
    identifier: int, token: int, nonce: bytes
) -> None:
    made = icmp.Echoes(identifier, nonce).request(token)
    assert made == icmp.echo_request(identifier, token, nonce)
    assert icmp.checksum(made) == 0
    newer = icmp.Echoes(identifier, nonce, v6=True).request(token)
    assert newer == icmp.echo_request(identifier, token, nonce, v6=True)


IP = bytes((0x45, 0, 0, 44, 0, 0, 0, 0, 64, 1, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1))


@given(
    st.integers(0, 0xFFFF),
    st.integers(0, 2**32 - 1),
    st.one_of(st.none(), st.tuples(st.integers(0, 43), st.integers(0, 255))),
)
def test_the_short_way_finds_what_the_long_way_finds(
    identifier: int, token: int, change: tuple[int, int] | None
) -> None:
    nonce = b"nonceyes"
    reply = bytearray(IP + b"\0" + icmp.echo_request(identifier, token, nonce)[1:])
    if change is not None:
        reply[change[0]] = change[1]
    packet = bytes(reply)
    message = icmp.strip_ip(packet)
    long = None if message is None else icmp.decode(message, nonce)
    short = icmp.plain_token(packet, identifier, nonce)
    if short is not None:
        assert long == icmp.EchoReply(identifier, short)
    if change is None:
        assert short == token
