"""An agent's birth, sign of life and Last Will as payloads. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from wire.codec import MAX_INFLATED, MAX_PAYLOAD, encode
from wire.presence import Alive, Birth, LaneState

BIRTH_MOST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this agent is in all its sessions; intervals are real ms.

    ``life`` is drawn anew by each process: two of one identity differ in it (FAULTS F14).
    """

    agent: str
    version: str
    interval_ms: int
    inventory_hash: str
    devices: tuple[str, ...]
    alive_every_ms: int
    life: int = field(default_factory=lambda: secrets.randbits(31) + 1)


def birth(
    who: Identity, *, session: int, at_ms: int, lanes: Iterable[LaneState], apart: bool = False
) -> bytes:
    """The first word of a session; ``apart``: without the devices, which follow in the lane."""
    return encode(
        Birth(
            agent=who.agent,
            session=session,
            at_ms=at_ms,
            version=who.version,
            interval_ms=who.interval_ms,
            inventory_hash=who.inventory_hash,
            devices=() if apart else who.devices,
            lanes=tuple(lanes),
            life=who.life,
            apart=apart,
        )
    )


def apart(who: Identity) -> bool:
    """Whether the devices are too many for a birth: it fits no payload (``wire.codec``)."""
    if len(who.devices) > BIRTH_MOST:
        return True
    payload = birth(who, session=2**53, at_ms=2**46, lanes=())
    return len(payload) > MAX_PAYLOAD - 1024 or sum(map(len, who.devices)) > MAX_INFLATED // 2


def alive(who: Identity, *, session: int, at_ms: int, online: bool) -> bytes:
    """The retained sign of life; ``online`` False is the Last Will and the farewell."""
    return encode(
        Alive(
            sender=who.agent,
            session=session,
            online=online,
            at_ms=at_ms,
            every_ms=who.alive_every_ms,
            life=who.life,
        )
    )
