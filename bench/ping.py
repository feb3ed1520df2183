"""CPU per host of our ICMP engine and of its peers, interleaved: on loopback, and 20 ms away."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Final

from bench import far
from bench.figures import Figure, Target, ratio
from bench.peers import Missing, Peer, Sample, address, compiled, poller, program

_TARGET_US: Final = 30.0
_OF_LIMIT: Final = 1.7
_TIMEOUT_S: Final = 1.0
_BEYOND_S: Final = 0.5
_MIXED: Final = 2000
LIMIT: Final = "C, one socket: the limit"

Turn = Callable[[], Sample]


def figures(*, hosts: int, rounds: int, left_out: list[str]) -> Iterator[Figure]:
    """CPU per host of everybody, one echo each; how long 2000 hosts take of which 30 % are dead.

    On loopback the kernel answers; 20 ms away a TUN device does, in a namespace of its own.
    """
    near = [address(number) for number in range(hosts)]
    yield from _compared("ICMP echo, loopback", near, rounds, left_out, [])
    try:
        with far.namespace() as inside:
            some = [far.near(number) for number in range(hosts)]
            yield from _compared("ICMP echo, 20 ms away", some, rounds, left_out, inside)
            yield _mixed(rounds, inside)
    except Missing as missing:
        left_out.append(str(missing))


def _compared(
    title: str, addresses: Sequence[str], rounds: int, left_out: list[str], inside: list[str]
) -> Iterator[Figure]:
    with ExitStack() as stack:
        turns: dict[str, Turn] = {}
        for peer in _peers(len(addresses), left_out):
            job = {"kind": "icmp", "addresses": addresses[: peer.devices]}
            turns[peer.name] = stack.enter_context(poller(peer, job, inside)).round
        try:
            path = program("fping")
            turns["fping"] = lambda: fping([*inside, path], addresses)
        except Missing as missing:
            left_out.append(str(missing))
        found = _rounds(turns, rounds)
    made = {
        name: Figure(
            title,
            name,
            "µs/host",
            tuple(sample.us for sample in took),
            Target(_TARGET_US) if name == "ours" else None,
        )
        for name, took in found.items()
    }
    yield from made.values()
    for name, figure in made.items():
        if name == LIMIT:
            yield ratio(made["ours"], figure, Target(_OF_LIMIT))
        elif name != "ours":
            wanted = Target(1.0, at_least=True) if name == "fping" else None
            yield ratio(figure, made["ours"], wanted)


def _peers(hosts: int, left_out: list[str]) -> Iterator[Peer]:
    yield Peer("ours", "ours", hosts)
    try:
        yield Peer(LIMIT, "", hosts, binary=compiled("limit"))
    except Missing as missing:
        left_out.append(str(missing))
    yield Peer("icmplib", "multiping", min(hosts, 500))


def _rounds(turns: dict[str, Turn], rounds: int) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {name: [] for name in turns}
    for number in range(rounds + 1):
        for name, turn in turns.items():
            sample = turn()
            if number:  # the first round is not counted
                found[name].append(sample)
    return found


def _mixed(rounds: int, inside: list[str]) -> Figure:
    """How long our engine takes beyond the timeout where three hosts in ten are dead."""
    addresses = [far.mixed(number) for number in range(_MIXED)]
    alive = sum(int(one.rpartition(".")[2]) % 10 >= 3 for one in addresses)
    job: dict[str, Any] = {"kind": "icmp", "addresses": addresses, "alive": alive}
    with poller(Peer("ours", "ours", _MIXED), {**job, "timeout_s": _TIMEOUT_S}, inside) as one:
        took = [one.round().wall_s for _ in range(rounds)]
    return Figure(
        f"ICMP echo, {_MIXED:,} hosts, 30 % dead",
        f"done after the timeout of {_TIMEOUT_S:g} s",
        "s",
        tuple(wall - _TIMEOUT_S for wall in took),
        Target(_BEYOND_S),
        f"every one of {alive:,} living hosts was heard in every round",
    )


def fping(command: Sequence[str], addresses: Sequence[str]) -> Sample:
    """One run of fping, an echo to each host. Raises RuntimeError when it lost one."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as names:
        names.write("\n".join(addresses) + "\n")
        names.flush()
        began = time.perf_counter()
        argv = [*command, "-q", "-r", "0", "-t", "5000", "-i", "1", "-f", names.name]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"fping lost a host (status {process.returncode})")
    return Sample(used.ru_utime + used.ru_stime, time.perf_counter() - began, len(addresses))
