"""The whole chain under every fault, twenty seeds of three hours; ``make chaos`` has the rest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sim.mutants import MUTANTS, caught
from tests.sim.mutants import SEEDS as SEEDS_OF_MUTANTS
from tests.sim.run import simulate

SEEDS = range(1, 21)


@pytest.mark.parametrize("seed", SEEDS)
def test_three_hours_of_faults(seed: int) -> None:
    result = simulate(seed)
    assert not result.violation, (
        f"after {result.at_s:.0f} virtual s: {result.violation}\n"
        f"again: .venv/bin/python -m tests.sim {seed} --trace"
    )
    assert result.counts["applied state"] > 100
    assert result.counts["turns"] > 100


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_fault_is_found(name: str) -> None:
    assert caught(name) is not None, f"{name}: not caught by any of {SEEDS_OF_MUTANTS}"


def test_a_seed_is_the_same_in_every_process() -> None:
    """The hash of every event is the same, whatever order Python's sets have."""
    root = Path(__file__).parents[2]
    said = [
        subprocess.run(
            [sys.executable, "-m", "tests.sim", "5", "--hours", "1"],
            capture_output=True,
            text=True,
            check=True,
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": number},
        ).stdout.splitlines()[1]
        for number in ("1", "2")
    ]
    assert said[0].split()[-1] == said[1].split()[-1]
