"""The long form: ``python -m tests.chaos [--kills 2000] [--seed 1] [--broker mosquitto,…]``.

Storms of a hundred kills each, every one with a seed of its own; one with faults names its seed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.chaos.brokers import running
from tests.chaos.storm import Storm, Verdict

EACH: Final = 100
_SHARES: Final = {"mosquitto": 1.0, "rabbitmq": 0.1, "nats": 0.1}
"""RabbitMQ takes seconds to start, so these two get fewer kills."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broker", default=",".join(_SHARES))
    options = parser.parse_args()
    kinds = options.broker.split(",")
    if unknown := set(kinds) - _SHARES.keys():
        parser.error(f"no broker {', '.join(unknown)}")
    verdicts = [
        verdict
        for kind in kinds
        for verdict in storms(kind, max(1, round(options.kills * _SHARES[kind])), options.seed)
    ]
    sys.exit(any(verdict.faults for verdict in verdicts))


def storms(kind: str, kills: int, seed: int) -> list[Verdict]:
    """Storms with that broker until there were so many kills."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeRemainingColumn())  # fmt: skip
    done: list[Verdict] = []
    with Progress(*columns) as progress:
        task = progress.add_task(kind, total=kills)
        for first in range(0, kills, EACH):
            with tempfile.TemporaryDirectory(prefix="wl-chaos-") as name:
                folder = Path(name)
                with running(kind, folder) as broker:
                    storm = Storm(folder, broker, seed + first)
                    some = min(EACH, kills - first)
                    done.append(asyncio.run(storm.run(some, lambda: progress.advance(task))))
            for fault in done[-1].faults[:20]:
                progress.console.print(f"seed {done[-1].seed}: {fault}")
        progress.console.print(_told(kind, done), highlight=False)
    return done


def _told(kind: str, done: list[Verdict]) -> str:
    kills: Counter[str] = sum((verdict.kills for verdict in done), Counter())
    numbers, notices = (sum(getattr(one, name) for one in done) for name in ("numbers", "notices"))
    faults = sum(len(verdict.faults) for verdict in done)
    by_whom = ", ".join(f"{count} {who}" for who, count in kills.items())
    return (
        f"{kind}: {kills.total()} SIGKILLs ({by_whom}); {numbers} numbers said, "
        f"{notices} notices; {faults} lost, doubled or out of order"
    )


if __name__ == "__main__":
    main()
