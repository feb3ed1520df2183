"""An agent's birth, sign of life and Last Will as payloads. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wire.codec import encode
from wire.presence import Alive, Birth, LaneState


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this agent is in all its sessions; intervals are real ms."""

    agent: str
    version: str
    interval_ms: int
    inventory_hash: str
    devices: tuple[str, ...]
    alive_every_ms: int


def birth(who: Identity, *, session: int, at_ms: int, lanes: Iterable[LaneState]) -> bytes:
    """The first word of a session."""
    return encode(
        Birth(
            agent=who.agent,
            session=session,
            at_ms=at_ms,
            version=who.version,
            interval_ms=who.interval_ms,
            inventory_hash=who.inventory_hash,
            devices=who.devices,
            lanes=tuple(lanes),
        )
    )


def alive(who: Identity, *, session: int, at_ms: int, online: bool) -> bytes:
    """The retained sign of life; ``online`` False is the Last Will and the farewell."""
    return encode(
        Alive(
            sender=who.agent,
            session=session,
            online=online,
            at_ms=at_ms,
            every_ms=who.alive_every_ms,
        )
    )
