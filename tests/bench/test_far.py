"""Hosts that are far away, and the pollers in C."""

from __future__ import annotations

from ipaddress import ip_address

from agent import icmp
from bench import far, poll, work
from bench.peers import Peer, address, compiled, poller
from bench.peers import farm as running
from tests.peers import free_port


def echo(target: str) -> bytes:
    message = bytearray(bytes((icmp.ECHO_REQUEST, 0, 0, 0, 0, 7, 0, 9)) + b"payload!")
    message[2:4] = icmp.checksum(bytes(message)).to_bytes(2, "big")
    head = bytes((0x45, 0, 0, 20 + len(message), 0, 0, 0, 0, 64, 1, 0, 0, 10, 9, 0, 1))
    return head + ip_address(target).packed + bytes(message)


def test_a_far_host_answers_its_echo_and_a_dead_one_does_not() -> None:
    answer = far.answer(echo(far.near(0)))
    assert answer is not None
    assert answer[12:20] == ip_address(far.near(0)).packed + bytes((10, 9, 0, 1))
    assert answer[20] == icmp.ECHO_REPLY
    assert icmp.checksum(answer[20:]) == 0
    assert answer[24:] == echo(far.near(0))[24:]
    living = [number for number in range(250) if far.answer(echo(far.mixed(number)))]
    assert len(living) == 175


def test_the_poller_in_c_measures_every_device_of_the_farm() -> None:
    port = free_port()
    for job in work.jobs(port).values():
        with running(port):
            told = {**job, **poll._message(job), "addresses": [address(n) for n in range(20)]}
            with poller(Peer("limit", "", 20, binary=compiled("limit")), told) as one:
                assert one.round().count == 20
                assert one.round().count == 20
