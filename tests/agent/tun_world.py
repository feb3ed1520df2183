"""Runs in a network namespace of its own: hosts behind a TUN device that answer 20 ms late.

10.9.0.0/16: every third host is dead, those of 10.9.200.0/24 answer with an ICMP error of a
router. Prints one JSON line: outcomes per kind, and what the engine counted.
"""

from __future__ import annotations

import asyncio
import fcntl
import heapq
import json
import os
import struct
import subprocess
import sys
import time
from collections import Counter

from agent import icmp
from agent.io.icmp import IcmpEngine, IcmpOptions
from agent.query import IcmpLook, IcmpResult

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
DELAY_S = 0.02
TIMEOUT_S = 3.0
"""Hosts and asker are one process, which may be stopped for a while."""
HOSTS = 2000
ROUTER = bytes((10, 9, 255, 254))


def open_tun() -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH14x", b"tun0", IFF_TUN_NO_PI))
    for words in ("addr add 10.9.0.1/16 dev tun0", "link set tun0 up txqueuelen 10000"):
        subprocess.run(["ip", *words.split()], check=True)
    return fd


def ip_packet(source: bytes, target: bytes, payload: bytes) -> bytes:
    size = 20 + len(payload)
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, 1, 0, source, target)
    return head[:10] + icmp.checksum(head).to_bytes(2, "big") + head[12:] + payload


def dead(host: bytes) -> bool:
    return (host[2] * 256 + host[3]) % 3 == 0


class World:
    """Takes packets from the TUN device and answers them DELAY_S later."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.due: list[tuple[float, int, bytes]] = []
        self.serial = 0
        asyncio.get_running_loop().add_reader(fd, self.readable)

    def readable(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                packet = os.read(self.fd, 2000)
            except BlockingIOError:
                return
            reply = self.answer(packet)
            if reply is not None:
                self.serial += 1
                heapq.heappush(self.due, (loop.time() + DELAY_S, self.serial, reply))
                if len(self.due) == 1:
                    loop.call_later(DELAY_S, self.write)

    def answer(self, packet: bytes) -> bytes | None:
        message = icmp.strip_ip(packet)
        if message is None or message[0] != icmp.ECHO_REQUEST:
            return None
        source, target = packet[12:16], packet[16:20]
        if target[2] == 200:
            error = bytearray(bytes((icmp.TIME_EXCEEDED, 0, 0, 0, 0, 0, 0, 0)) + packet[:28])
            error[2:4] = icmp.checksum(bytes(error)).to_bytes(2, "big")
            return ip_packet(ROUTER, source, bytes(error))
        if dead(target):
            return None
        reply = bytearray(b"\0\0\0\0" + message[4:])
        reply[2:4] = icmp.checksum(bytes(reply)).to_bytes(2, "big")
        return ip_packet(target, source, bytes(reply))

    def write(self) -> None:
        loop = asyncio.get_running_loop()
        while self.due and self.due[0][0] <= loop.time():
            os.write(self.fd, heapq.heappop(self.due)[2])
        if self.due:
            loop.call_at(self.due[0][0], self.write)


async def main() -> None:
    fd = open_tun()
    World(fd)
    engine = IcmpEngine(IcmpOptions(packets_per_s=100_000, receive_buffer=int(sys.argv[1])))
    await engine.start()
    hosts = [bytes((10, 9, 1 + number // 250, 1 + number % 250)) for number in range(HOSTS)]
    hosts += [bytes((10, 9, 200, number)) for number in range(1, 51)]
    names = [".".join(map(str, one)) for one in hosts]
    looks = [IcmpLook(name, name, 1, timeout_s=TIMEOUT_S) for name in names]
    began = time.monotonic()
    results: list[IcmpResult] = await asyncio.gather(*map(engine.look, looks))
    took = time.monotonic() - began
    outcomes = Counter(
        f"{'behind' if one[2] == 200 else 'dead' if dead(one) else 'living'} "
        f"{result.outcome.value} {result.reason}".rstrip()
        for one, result in zip(hosts, results, strict=True)
    )
    routers = {error.router for result in results for error in result.errors}
    early = min(result.rtts_ns[0] for result in results if result.rtts_ns)
    said = {"outcomes": outcomes, "routers": sorted(routers), "took_s": took, "early_ns": early}
    sys.stdout.write(json.dumps(said | {"drops": engine.stats.kernel_drops}) + "\n")
    engine.close()


if __name__ == "__main__":
    asyncio.run(main())
