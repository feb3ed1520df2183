"""Every figure in one command: ``python -m bench [--quick] [--json] [--only PART,…] [--write]``.

``--write`` puts the table into docs/BENCH.md. Nothing here is a test: figures are told, with what
was aimed at beside them, and a missed one is called so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Callable, Iterable
from typing import Final

from rich.console import Console

from bench import (
    alertmanager,
    blackout,
    carry,
    crowd,
    device_day,
    drain,
    hop,
    latency,
    machine,
    ping,
    poll,
    recovery,
    restart,
    samples,
    turns,
    v3,
    whole,
)
from bench.figures import Figure, Report
from bench.peers import ROOT, Missing
from drill.children import ChildEnded

DOCUMENT: Final = ROOT / "docs" / "BENCH.md"
_BETWEEN: Final = re.compile(r"(<!-- table -->\n).*(<!-- /table -->)", re.DOTALL)

Part = Callable[[bool, list[str]], Iterable[Figure]]
"""Takes whether to be quick, and where to say what was left out."""


def _poll(quick: bool, left_out: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    return poll.figures(devices=500 if quick else 2000, rounds=3 if quick else 5, left_out=left_out)


def _v3(quick: bool, left_out: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    return v3.figures(devices=200 if quick else 400, rounds=3 if quick else 7, left_out=left_out)


def _ping(quick: bool, left_out: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    return ping.figures(
        hosts=2000 if quick else 10_000, rounds=3 if quick else 5, left_out=left_out
    )


def _turns(quick: bool, _: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    return turns.figures(turns=40 if quick else 200, rounds=3 if quick else 5)


def _blackout(quick: bool, _: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    sizes = blackout.QUICK if quick else blackout.SIZES
    return blackout.figures(sizes=sizes, turns=100 if quick else 400, rounds=3 if quick else 5)


def _restart(quick: bool, _: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    return restart.figures(inputs=100_000 if quick else 1_000_000, rounds=3)


def _hop(quick: bool, _: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    return asyncio.run(hop.figures(rounds=3 if quick else 5))


def _samples(quick: bool, _: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    return asyncio.run(samples.figures(polls=3 if quick else 10, rounds=3 if quick else 5))


def _recovery(quick: bool, _: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    return asyncio.run(recovery.figures(rounds=2 if quick else 5))


def _drain(quick: bool, _: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    return asyncio.run(drain.figures(devices=200 if quick else 1000, rounds=1))


def _device_day(quick: bool, _: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    rounds, seconds = (2, 15) if quick else (3, 20)
    return asyncio.run(device_day.figures(devices=2000, rounds=rounds, seconds=seconds))


def _latency(quick: bool, _: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    return asyncio.run(latency.figures(kills=8 if quick else 40))


def _whole(quick: bool, left_out: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    devices, rounds = (500, 2) if quick else (2000, 5)
    return asyncio.run(whole.figures(devices=devices, rounds=rounds, left_out=left_out))


def _crowd(quick: bool, _: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    return asyncio.run(crowd.figures(crowd.QUICK if quick else crowd.FULL, 1 if quick else 3))


def _carry(quick: bool, _: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    return asyncio.run(carry.figures(carry.QUICK if quick else carry.FULL))


def _alertmanager(quick: bool, _: list[str]) -> Iterable[Figure]:  # noqa: FBT001  see Part
    return asyncio.run(alertmanager.figures(alertmanager.QUICK if quick else alertmanager.FULL))


PARTS: Final[dict[str, Part]] = {
    "snmp": _poll,
    "v3": _v3,
    "icmp": _ping,
    "world": _turns,
    "blackout": _blackout,
    "restart": _restart,
    "hop": _hop,
    "samples": _samples,
    "recovery": _recovery,
    "drain": _drain,
    "device_day": _device_day,
    "latency": _latency,
    "whole": _whole,
    "crowd": _crowd,
    "carry": _carry,
    "alertmanager": _alertmanager,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under two minutes, coarser")
    parser.add_argument("--json", action="store_true", help="figures for machines")
    parser.add_argument("--only", default="", help=f"some of {','.join(PARTS)}")
    parser.add_argument("--write", action="store_true", help=f"the table into {DOCUMENT.name}")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        parser.error(f"no part {', '.join(unknown)}")
    report = run(names, quick=options.quick)
    if options.json:
        print(json.dumps(report.data(), ensure_ascii=False, indent=1))
    else:
        report.show(Console(width=None if sys.stdout.isatty() else 130))
    if options.write:
        write(report)
    sys.exit(report.failed)


def run(names: Iterable[str], *, quick: bool) -> Report:
    """Take the figures, part by part; a part that fails is said and does not cost the others."""
    report, began = Report(machine.describe(machine.command())), time.monotonic()
    for name in names:
        print(f"bench: {name} …", file=sys.stderr, flush=True)
        try:
            report.add(PARTS[name](quick, report.left_out))
        except (Missing, ChildEnded, RuntimeError, TimeoutError) as error:
            report.left_out.append(f"{name}: {str(error) or type(error).__name__}")
            report.failed = True
    report.machine["load after"] = machine.load()
    report.machine["took"] = f"{time.monotonic() - began:.0f} s"
    return report


def write(report: Report) -> None:
    """Replace the table in the document; the words around it stay."""
    text = DOCUMENT.read_text(encoding="utf-8")
    table = report.markdown()
    DOCUMENT.write_text(
        _BETWEEN.sub(lambda found: found[1] + table + found[2], text), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
