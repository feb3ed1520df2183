import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from drill import packet

DEVICE, ASKER = socket.inet_aton("198.18.0.7"), socket.inet_aton("198.18.255.254")


def raw(protocol: int, body: bytes) -> bytes:
    head = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0, ASKER, DEVICE
    )
    return head + body


@given(st.binary(max_size=300))
def test_udp_goes_there_and_back(data: bytes) -> None:
    body = struct.pack(">HHHH", 40000, 161, 8 + len(data), 0) + data
    got = packet.parse(raw(packet.UDP, body))
    assert got
    assert (got.target_port, got.data) == (161, data)
    back = packet.parse(packet.udp_reply(got, b"answer"))
    assert back
    assert (back.source, back.target_port, back.data) == (DEVICE, 40000, b"answer")


@given(st.binary(max_size=80))
def test_echo_reply_has_a_right_checksum(data: bytes) -> None:
    body = struct.pack(">BBHHH", 8, 0, 0, 7, 1) + data
    got = packet.parse(raw(packet.ICMP, body))
    assert got
    reply = packet.echo_reply(got)
    assert reply
    assert packet.checksum(reply[:20]) == 0
    assert packet.checksum(reply[20:]) == 0
    assert reply[20] == packet.ECHO_REPLY
    assert reply[24:] == body[4:]


@given(st.binary(max_size=120))
def test_anything_else_is_no_packet_or_one(data: bytes) -> None:
    got = packet.parse(data)
    assert got is None or len(got.data) <= len(data)


def test_fragments_and_replies_are_not_answered() -> None:
    fragment = bytearray(raw(packet.ICMP, b"\x08\0\0\0\0\0\0\0"))
    fragment[6] = 0x20
    assert packet.parse(bytes(fragment)) is None
    reply = packet.parse(raw(packet.ICMP, b"\0\0\0\0\0\0\0\0"))
    assert reply
    assert packet.echo_reply(reply) is None
