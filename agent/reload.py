"""Which other configuration an agent may take while it runs. Pure.

It is taken whole or not at all: either nothing in it needs a restart, or it is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from agent.roster import Roster
from config.profile import Profile
from config.settings import AgentSettings
from config.traps import TrapAccess

RELOADED: Final = frozenset(
    (
        "agent.inventory", "agent.profiles_dir", "agent.interval_s", "agent.snmp_timeout_s",
        "agent.snmp_retries", "agent.icmp_timeout_s", "agent.icmp_count", "agent.packets_per_s",
        "agent.octets_per_s", "agent.looks_per_subnet", "agent.requests_per_device",
        "agent.alive_every_s", "agent.rest_turns", "traps.access",
    )
)  # fmt: skip
"""Settings that take force in a running agent; all others need a restart."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that an agent is told by files; ``believed``: whose traps."""

    settings: AgentSettings
    roster: Roster
    profiles: Mapping[str, Profile]
    believed: TrapAccess


class NeedsRestart(Exception):  # noqa: N818  it says what is the case
    """Settings that cannot change while the agent runs, by their names in TOML."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"needs a restart: {', '.join(names)}")
        self.names = names


def check(old: AgentSettings, new: AgentSettings) -> None:
    """Raise NeedsRestart when settings differ that an agent keeps until its end."""
    names = tuple(name for name in _differences(old, new, "") if name not in RELOADED)
    if names:
        raise NeedsRestart(names)


def _differences(old: BaseModel, new: BaseModel, under: str) -> Iterator[str]:
    """The names of all settings that differ, the inner ones of tables that both have."""
    for name in type(old).model_fields:
        one, other = getattr(old, name), getattr(new, name)
        if isinstance(one, BaseModel) and isinstance(other, BaseModel):
            yield from _differences(one, other, f"{under}{name}.")
        elif one != other:
            yield f"{under}{name}"
