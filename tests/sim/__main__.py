"""``python -m tests.sim SEED [--hours H] [--trace] [--mutant NAME]``: one seed again, exactly."""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console

from tests.sim.mutants import MUTANTS
from tests.sim.run import simulate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim")
    parser.add_argument("seed", type=int)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--trace", action="store_true", help="print every event")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="plant a fault")
    given = parser.parse_args()
    begun = time.process_time()
    result = simulate(
        given.seed,
        seconds=given.hours * 3600,
        show=print if given.trace else None,
        mutant=MUTANTS[given.mutant].plant if given.mutant else None,
        only=MUTANTS[given.mutant].faults if given.mutant else (),
    )
    say = Console(highlight=False, soft_wrap=True, markup=False).print
    say(f"seed {result.seed}: {result.violation or 'all held'}")
    say(f"{result.at_s:.0f} virtual s, {time.process_time() - begun:.1f} s CPU, {result.trace}")
    say(", ".join(f"{name} {count}" for name, count in sorted(result.counts.items())))
    return 1 if result.violation else 0


if __name__ == "__main__":
    sys.exit(main())
