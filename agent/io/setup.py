"""Everything that the agent is told by files, read and checked completely.

A running agent has a process of its own do that (``python -m agent.io.setup FILE``): an inventory
of 100,000 targets takes seconds in which no answer would be read, and memory that stays.
"""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Final

from agent.reload import Setup
from agent.roster import Roster
from config.check_agent import AgentGiven
from config.faults import ConfigError, refuse
from config.io.inventory import read_inventory
from config.io.load import load_agent_settings, load_profiles, load_trap_access

LIMIT_S: Final = 300.0


def load_setup(config: Path) -> Setup:
    """The setup of the settings file ``config``. Raises ConfigError with every fault found."""
    settings = load_agent_settings(config)
    folder = settings.agent.profiles_dir
    profiles = load_profiles(None if folder is None else Path(folder))
    read = read_inventory(Path(settings.agent.inventory), AgentGiven(profiles=profiles))
    refuse(read.faults)
    assert read.inventory is not None
    roster = Roster.of(read.inventory, settings.agent.interval_s)
    return Setup(settings, roster, profiles, load_trap_access(settings))


def load_apart(config: Path) -> Setup:
    """The same in a process of its own; blocks. Raises ConfigError, or OSError if it breaks off."""
    words = [sys.executable, "-m", "agent.io.setup", str(config)]
    done = subprocess.run(  # noqa: S603  ourselves
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=LIMIT_S, check=False
    )
    if done.returncode != 0:
        raise OSError(f"the process that reads the configuration ended with {done.returncode}")
    found = pickle.loads(done.stdout)  # noqa: S301  our own child's
    if isinstance(found, Setup):
        return found
    raise ConfigError(found)


def at_rest() -> None:
    """What stands by now stays: the collector of cycles need not look through it again.

    With hundreds of thousands of objects each of its full passes would hold the loop up. What
    comes and goes with looks has no cycles, so it may also look more rarely.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def main(config: Path) -> None:
    """Write the setup, or what is wrong with it, for the process that asked."""
    try:
        found: object = load_setup(config)
    except ConfigError as error:
        found = error.faults
    pickle.dump(found, sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
