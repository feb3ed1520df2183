"""``clones`` in an interpreter of its own: who else ran in this one must not matter to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__)


@pytest.mark.peers
@pytest.mark.timeout(400)
def test_two_agents_with_one_identity_and_a_stopped_collector() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            HERE.with_name("clones.py"),
        ],
        cwd=HERE.parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=380,
    )
    assert done.returncode == 0, done.stdout + done.stderr
