"""Rows of an agent's lanes, item by item: what it sees, how everything stands, what was before."""

from __future__ import annotations

from collector import condition, history, intake
from collector.base import World
from collector.model import HISTORY, Received
from collector.state import LookState
from wire.observation import (
    Event,
    EventSource,
    Inventory,
    Look,
    Looks,
    Reading,
    Readings,
    Round,
)


def received(world: World, now_ms: int, given: Received) -> None:
    """Apply a new row of an agent's state lane, or of its history."""
    agent = given.row.sender
    intake.heard(world, now_ms, agent)
    if given.row.lane == HISTORY:
        history.recalled(world, now_ms, given)
        return
    for item in given.body.items:
        if isinstance(item, Round):
            intake.round_done(world, now_ms, agent, item)
        elif isinstance(item, Looks):
            stood(world, now_ms, agent, item)
        elif isinstance(item, Readings):
            measured(world, now_ms, agent, item)
        elif isinstance(item, Inventory):
            listed(world, now_ms, agent, item)
        elif intake.device_allowed(world, now_ms, agent, item.device):
            if isinstance(item, Look):
                intake.looked(world, now_ms, agent, item)
            elif isinstance(item, Event):
                _happened(world, now_ms, item)
            else:
                intake.reading(world, now_ms, agent, item)


def _happened(world: World, now_ms: int, item: Event) -> None:
    intake.happened(world, item)
    if item.source is EventSource.RESTART:
        condition.restarted(world, now_ms, item.device)


def stood(world: World, now_ms: int, agent: str, item: Looks) -> None:
    """How devices stand; a digest leaves the beginning of what has not changed as it is known."""
    for look in history.spread(item):
        if not intake.device_allowed(world, now_ms, agent, look.device):
            continue
        if not item.since_ms:
            known = _known(world, agent, look)
            if known is not None and known.outcome is look.outcome:
                look = look.model_copy(update={"since_ms": known.since_ms})  # noqa: PLW2901
        intake.looked(world, now_ms, agent, look)


def measured(world: World, now_ms: int, agent: str, item: Readings) -> None:
    """Present values of one metric."""
    for device, instance, value in zip(item.device, item.instance, item.value, strict=True):
        if intake.device_allowed(world, now_ms, agent, device):
            reading = Reading.model_construct(
                device=device,
                metric=item.metric,
                instance=instance,
                value=value,
                at_ms=item.at_ms,
            )
            intake.reading(world, now_ms, agent, reading)


def listed(world: World, now_ms: int, agent: str, item: Inventory) -> None:
    """A part of what the agent looks at; the last one makes it the inventory."""
    row = world.agent(agent)
    if item.part == 1:
        row.parts = []
    row.parts += item.devices
    if item.part == item.parts:
        devices, row.parts = row.parts, []
        intake.looks_at(world, now_ms, agent, devices)


def _known(world: World, agent: str, look: Look) -> LookState | None:
    row = world.state.devices.get(look.device)
    view = row.views.get(agent) if row else None
    return view.looks.get(look.method) if view else None
