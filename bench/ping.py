"""CPU per host of our ICMP engine, of icmplib and of fping, interleaved, on loopback."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from bench.figures import Figure, Target, ratio
from bench.peers import Missing, Peer, Sample, address, poller, program

_TITLE: Final = "ICMP echo"
_TARGET_US: Final = 30.0


def figures(*, hosts: int, rounds: int, left_out: list[str]) -> Iterator[Figure]:
    """CPU per host of everybody, one echo each; the kernel answers."""
    addresses = [address(number) for number in range(hosts)]
    some = addresses[: min(hosts, 500)]
    ours, theirs = Peer("ours", "ours", hosts), Peer("icmplib", "multiping", len(some))
    with (
        poller(ours, {"kind": "icmp", "addresses": addresses}) as first,
        poller(theirs, {"kind": "icmp", "addresses": some}) as second,
    ):
        turns: dict[str, Callable[[], Sample]] = {"ours": first.round, "icmplib": second.round}
        try:
            path = program("fping")
            turns["fping"] = lambda: fping(path, addresses)
        except Missing as missing:
            left_out.append(str(missing))
        found: dict[str, list[float]] = {name: [] for name in turns}
        for number in range(rounds + 1):
            for name, turn in turns.items():
                sample = turn()
                if number:  # the first round is not counted
                    found[name].append(sample.us)
    made = {
        name: Figure(
            _TITLE,
            name,
            "µs/host",
            tuple(took),
            Target(_TARGET_US) if name == "ours" else None,
        )
        for name, took in found.items()
    }
    yield from made.values()
    for name, figure in made.items():
        if name != "ours":
            yield ratio(figure, made["ours"], target=1.0 if name == "fping" else None)


def fping(path: str, addresses: Sequence[str]) -> Sample:
    """One run of fping, an echo to each host. Raises RuntimeError when it lost one."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as names:
        names.write("\n".join(addresses) + "\n")
        names.flush()
        began = time.perf_counter()
        argv = [path, "-q", "-r", "0", "-t", "5000", "-i", "1", "-f", names.name]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"fping lost a host (status {process.returncode})")
    return Sample(used.ru_utime + used.ru_stime, time.perf_counter() - began, len(addresses))
