"""CPU per device of our SNMP engine and of its peers, interleaved on the same farm in one run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bench import work
from bench.figures import Figure, Target, ratio
from bench.peers import Missing, Peer, address, environment, farm, interleaved

PORT: Final = 16_100
_TITLES: Final = {"get": "GET 10 values", "bulk": f"GETBULK {work.ROWS} x {len(work.COLUMNS)}"}
_TARGETS: Final = {"get": 40.0, "bulk": 150.0}
_RATIOS: Final = {
    ("get", "pysnmp v1arch"): 150.0,
    ("get", "gufo_snmp"): 4.0,
    ("bulk", "pysnmp v1arch"): 400.0,
    ("bulk", "gufo_snmp"): 20.0,
}
"""The ratios that a later release must reach."""


def figures(*, devices: int, rounds: int, left_out: list[str]) -> Iterator[Figure]:
    """CPU per device of everybody, and how many times ours the others cost."""
    peers = [Peer("ours", "ours", devices)]
    try:
        python = environment()
        some = min(devices, 500)
        peers += [
            Peer("gufo_snmp", "gufo", some, python),
            Peer("gufo_snmp, sessions kept", "gufo", some, python, kept=True),
            Peer("aiosnmp", "aio", some, python),
            Peer("aiosnmp, connections kept", "aio", some, python, kept=True),
        ]
    except Missing as missing:
        left_out.append(str(missing))
    few = min(40, devices // 25)
    peers.append(Peer("pysnmp v1arch", "pysnmp_v1arch", few))
    peers.append(Peer("pysnmp v3arch", "pysnmp_v3arch", few))
    addresses = [address(number) for number in range(devices)]
    with farm(PORT):
        for kind, job in work.jobs(PORT).items():
            found = interleaved(peers, job, addresses, rounds)
            yield from _told(kind, {name: [s.us for s in rows] for name, rows in found.items()})


def _told(kind: str, found: dict[str, list[float]]) -> Iterator[Figure]:
    made = {
        name: Figure(
            _TITLES[kind],
            name,
            "µs/device",
            tuple(rounds),
            Target(_TARGETS[kind]) if name == "ours" else None,
        )
        for name, rounds in found.items()
    }
    yield from made.values()
    for name, figure in made.items():
        if name != "ours":
            yield ratio(figure, made["ours"], target=_RATIOS.get((kind, name)))
