"""Everything that the agent is told by files, read and checked completely."""

from __future__ import annotations

from pathlib import Path

from agent.reload import Setup
from config.check_agent import AgentGiven
from config.faults import refuse
from config.io.inventory import read_inventory
from config.io.load import load_agent_settings, load_profiles, load_trap_access


def load_setup(config: Path) -> Setup:
    """The setup of the settings file ``config``. Raises ConfigError with every fault found."""
    settings = load_agent_settings(config)
    folder = settings.agent.profiles_dir
    profiles = load_profiles(None if folder is None else Path(folder))
    read = read_inventory(Path(settings.agent.inventory), AgentGiven(profiles=profiles))
    refuse(read.faults)
    assert read.inventory is not None
    return Setup(settings, read.inventory, profiles, load_trap_access(settings))
