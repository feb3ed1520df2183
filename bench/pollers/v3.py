"""SNMPv3, GET of 10 values, SHA-256 and AES-128: ours, gufo_snmp and pysnmp beside each other.

``python -m bench.pollers.v3 [DEVICES [ROUNDS]]`` prints CPU µs per device (median of the rounds)
and the ratios to ours.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median

from bench.peers import OWN, ROOT, Missing, Peer, environment, interleaved
from bench.pollers.v3_farm import AUTH_PASSWORD, NAME, PRIV_PASSWORD, address

PORT = 16_193
OIDS = [f"1.3.6.1.2.1.2.2.1.10.{number}" for number in range(1, 11)]


def main(devices: int = 400, rounds: int = 7) -> None:
    job = {
        "kind": "get",
        "port": PORT,
        "oids": OIDS,
        "user": [NAME, AUTH_PASSWORD, PRIV_PASSWORD],
    }
    peers = [Peer("ours", "ours_v3", devices)]
    try:
        peers.append(Peer("gufo_snmp", "gufo_v3", devices, environment()))
    except Missing as missing:
        print(missing, file=sys.stderr)
    peers.append(Peer("pysnmp", "pysnmp_v3", min(20, devices)))
    farm = [str(OWN), "-m", "bench.pollers.v3_farm", str(PORT), str(devices)]
    with subprocess.Popen(farm, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            found = interleaved(peers, job, [address(n) for n in range(devices)], rounds)
        finally:
            process.kill()
    ours = median(sample.us for sample in found["ours"])
    for name, samples in found.items():
        us = median(sample.us for sample in samples)
        print(f"{name:12} {us:10.1f} µs per device   {us / ours:7.2f} x ours")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
