"""An agent's birth, sign of life and Last Will as payloads. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from wire.codec import MAX_INFLATED, MAX_PAYLOAD, encode
from wire.presence import Alive, Birth, LaneState

BIRTH_MOST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this agent is in all its sessions; intervals are real ms.

    ``life`` is drawn anew by the uplink of each process: two of one identity differ in it (F14).
    """

    agent: str
    version: str
    interval_ms: int
    inventory_hash: str
    devices: tuple[str, ...]
    alive_every_ms: int
    life: int = 0


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


class Pressure(NamedTuple):
    """How the outbox fares: samples given up by this process, and whether nothing fits."""

    given_up: int = 0
    no_space: bool = False


def alive(
    who: Identity, *, session: int, at_ms: int, online: bool, pressure: Pressure | None = None
) -> bytes:
    """The retained sign of life; ``online`` False is the Last Will and the farewell."""
    pressure = pressure or Pressure()
    return encode(
        Alive(
            sender=who.agent,
            session=session,
            online=online,
            at_ms=at_ms,
            every_ms=who.alive_every_ms,
            life=who.life,
            given_up=pressure.given_up,
            no_space=pressure.no_space,
        )
    )
