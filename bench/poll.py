"""CPU per device of our SNMP engine and of its peers, interleaved on the same farm in one run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from agent import ber, snmp
from bench import work
from bench.figures import Figure, Target, ratio
from bench.peers import Missing, Peer, address, compiled, environment, farm, interleaved

PORT: Final = 16_100
LIMIT: Final = "C, one socket: the limit"
NET_SNMP: Final = "net-snmp's C library, async"
_TITLES: Final = {"get": "GET 10 values", "bulk": f"GETBULK {work.ROWS} x {len(work.COLUMNS)}"}
_TARGETS: Final = {"get": 40.0, "bulk": 150.0}
_RATIOS: Final = {
    ("get", "pysnmp v1arch"): 150.0,
    ("get", "gufo_snmp"): 4.0,
    ("bulk", "pysnmp v1arch"): 400.0,
    ("bulk", "gufo_snmp"): 20.0,
    ("bulk", NET_SNMP): 1.0,
}
"""How many times ours the others must cost at least."""

_OF_LIMIT: Final = {"get": 2.5, "bulk": 5.0}
"""How many times the limit ours may cost."""


def figures(*, devices: int, rounds: int, left_out: list[str]) -> Iterator[Figure]:
    """CPU per device of everybody, and how many times ours the others cost."""
    peers = [Peer("ours", "ours", devices), *_in_c(devices, left_out)]
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
            found = interleaved(peers, {**job, **_message(job)}, addresses, rounds)
            yield from _told(kind, {name: [s.us for s in rows] for name, rows in found.items()})


def _in_c(devices: int, left_out: list[str]) -> Iterator[Peer]:
    try:
        yield Peer(LIMIT, "", devices, binary=compiled("limit"))
        library = compiled("netsnmp", "netsnmp", packages=("libsnmp-dev",))
        yield Peer(NET_SNMP, "", devices, binary=library)
    except Missing as missing:
        left_out.append(str(missing))


def _message(job: dict[str, Any]) -> dict[str, Any]:
    """The request of a job in octets, and where its request id stands, for what cannot encode."""
    bulk = job["kind"] == "bulk"
    asked = [snmp.Varbind(ber.oid_content(oid), ber.NULL, None) for oid in job["oids"]]
    data = snmp.encode_message(
        snmp.V2C,
        job["community"].encode(),
        snmp.GETBULK if bulk else snmp.GET,
        snmp.FIRST_ID,
        0,
        job["rows"] + 1 if bulk else 0,
        asked,
    )
    return {"request": data.hex(), "id_at": snmp.decode_message(data).id_at}


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
        if name == LIMIT:
            yield ratio(made["ours"], figure, Target(_OF_LIMIT[kind]))
        elif name != "ours":
            wanted = _RATIOS.get((kind, name))
            yield ratio(figure, made["ours"], Target(wanted, at_least=True) if wanted else None)
