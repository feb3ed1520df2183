"""Hosts behind a TUN device that answer echoes 20 ms late, in a network namespace of their own.

``python -m bench.far`` makes 10.9.0.0/16 in the namespace it runs in, prints "ready" and answers
until it is killed. Hosts whose number ends in 0, 1 or 2 are dead in 10.9.128.0/17; all others live.
Loopback answers at once and so hides what a poller does to answers that come while it still sends.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final

from agent import icmp
from bench.peers import ROOT, Missing

DELAY_S: Final = 0.02
_TUNSETIFF: Final = 0x400454CA
_TUN_NO_PI: Final = 0x1001
_MOST_WAITING: Final = 200_000


def near(number: int) -> str:
    """The address of the ``number``-th living host."""
    return f"10.9.{number // 250}.{number % 250 + 2}"


def mixed(number: int) -> str:
    """The address of a host where three in ten are dead."""
    return f"10.9.{128 + number // 250}.{number % 250 + 2}"


def dead(address: bytes) -> bool:
    return address[2] >= 128 and address[3] % 10 < 3


@contextlib.contextmanager
def namespace() -> Iterator[list[str]]:
    """A namespace with these hosts; what to put before a command run there. Raises Missing."""
    name = f"wl-bench-{os.getpid()}"
    try:
        subprocess.run(["ip", "netns", "add", name], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing(f"no network namespace can be made here: {error}") from error
    inside = ["ip", "netns", "exec", name]
    try:
        argv = [*inside, sys.executable, "-m", "bench.far"]
        with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                if process.stdout.readline() != "ready\n":
                    raise Missing("no TUN device can be made here")
                yield inside
            finally:
                process.kill()
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def answer(packet: bytes) -> bytes | None:
    """The echo reply to an IPv4 packet with an echo request to a living host."""
    head = (packet[0] & 15) * 4
    if packet[9] != 1 or packet[head] != icmp.ECHO_REQUEST or dead(packet[16:20]):
        return None
    reply = bytearray(packet)
    reply[12:20] = packet[16:20] + packet[12:16]  # the sum over the header stays
    reply[head] = 0
    reply[head + 2 : head + 4] = b"\0\0"
    reply[head + 2 : head + 4] = icmp.checksum(bytes(reply[head:])).to_bytes(2, "big")
    return bytes(reply)


def serve(device: int) -> None:
    """Answer for ever."""
    waiting: list[tuple[float, int, bytes]] = []
    serial = 0
    while True:
        wait_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        if select.select([device], [], [], wait_s)[0]:
            with contextlib.suppress(BlockingIOError):
                while len(waiting) < _MOST_WAITING:
                    reply = answer(os.read(device, 2048))
                    if reply is not None:
                        serial += 1
                        heapq.heappush(waiting, (time.monotonic() + DELAY_S, serial, reply))
                    if waiting and waiting[0][0] <= time.monotonic():
                        break
        while waiting and waiting[0][0] <= time.monotonic():
            os.write(device, heapq.heappop(waiting)[2])


def main() -> None:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH14x", b"tun0", _TUN_NO_PI))
    for words in ("addr add 10.9.0.1/16 dev tun0", "link set tun0 up txqueuelen 20000"):
        subprocess.run(["ip", *words.split()], check=True)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    serve(device)


if __name__ == "__main__":
    main()
