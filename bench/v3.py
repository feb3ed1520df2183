"""CPU per device of SNMPv3 authPriv (SHA-256, AES-128): ours, gufo_snmp and pysnmp, interleaved.

Every device is an engine of its own with keys of its own. Sessions are kept; the first round, in
which everybody discovers the engines, is not counted.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bench.figures import Figure, Target, ratio
from bench.peers import OWN, ROOT, Missing, Peer, environment, interleaved
from bench.pollers.v3_farm import AUTH_PASSWORD, NAME, PRIV_PASSWORD, address

PORT: Final = 16_193
OIDS: Final = [f"1.3.6.1.2.1.2.2.1.10.{number}" for number in range(1, 11)]
PART: Final = "GET 10 values, SNMPv3"


def figures(*, devices: int, rounds: int, left_out: list[str]) -> Iterator[Figure]:
    """CPU per device of each, ours beside gufo_snmp's and how many times ours pysnmp costs."""
    job = {"kind": "get", "port": PORT, "oids": OIDS, "user": [NAME, AUTH_PASSWORD, PRIV_PASSWORD]}
    peers = [Peer("ours", "ours_v3", devices)]
    try:
        peers.append(Peer("gufo_snmp", "gufo_v3", devices, environment()))
    except Missing as missing:
        left_out.append(str(missing))
    peers.append(Peer("pysnmp", "pysnmp_v3", min(20, devices)))
    with _farm(devices):
        found = interleaved(peers, job, [address(number) for number in range(devices)], rounds)
    made = {
        name: Figure(PART, name, "µs/device", tuple(sample.us for sample in samples))
        for name, samples in found.items()
    }
    yield from made.values()
    ours = made.pop("ours")
    if "gufo_snmp" in made:
        yield ratio(ours, made["gufo_snmp"], Target(1.3))
    yield ratio(made["pysnmp"], ours, Target(30.0, at_least=True))


@contextmanager
def _farm(devices: int) -> Iterator[None]:
    argv = [str(OWN), "-m", "bench.pollers.v3_farm", str(PORT), str(devices)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError("the farm of SNMPv3 devices did not start")
            yield
        finally:
            process.kill()
