"""Which agents are asked to look again at once, and at what (``wire.request``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from collector.base import World
from wire.base import AgentId, OperatorId
from wire.request import LookRequest
from wire.topics import Topics

MOST: Final = 100
"""Devices of one request (``LookRequest``)."""


def lookers(world: World, device: str) -> list[str]:
    """The agents that look at the device; where none has yet, those that might."""
    row = world.state.devices.get(device)
    sources = world.county.sources
    found = [agent for agent in (row.views if row else ()) if agent in sources]
    operator = world.county.operator_of[device]
    return found or [agent for agent, one in sources.items() if one.operator == operator]


def requests(
    world: World, topics: Topics, now_ms: int, devices: Iterable[str]
) -> Iterator[tuple[str, LookRequest]]:
    """Topic and wish, a message for each agent and each hundred devices."""
    by_agent: dict[str, list[str]] = {}
    for device in devices:
        if device in world.county.operator_of:
            for agent in lookers(world, device):
                by_agent.setdefault(agent, []).append(device)
    for agent, wanted in by_agent.items():
        operator = OperatorId(world.county.sources[agent].operator)
        topic = topics.agent(operator, AgentId(agent), "request")
        left = iter(wanted)
        while some := tuple(islice(left, MOST)):
            yield topic, LookRequest(at_ms=now_ms, devices=some)
