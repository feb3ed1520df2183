"""An agent's birth, sign of life and Last Will as payloads. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from transport.sign import SigningKey, sign
from wire.codec import MAX_INFLATED, MAX_PAYLOAD, encode
from wire.presence import Alive, Birth, LaneState

BIRTH_MOST: Final = 100_000
SIGNED_MOST: Final = 900_000
"""Octets of the devices in a signed birth: its text is one JSON string (``wire.notice.Signed``)."""


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
    key: SigningKey | None = None


def birth(
    who: Identity, *, session: int, at_ms: int, lanes: Iterable[LaneState], apart: bool = False
) -> bytes:
    """The first word of a session; ``apart``: without the devices, which follow in the lane."""
    said = Birth(
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
    return encode(said if who.key is None else sign(said, "birth", who.key))


def apart(who: Identity) -> bool:
    """Whether the devices are too many for a birth: it fits no payload (``wire.codec``)."""
    octets = sum(map(len, who.devices)) + 3 * len(who.devices)
    if len(who.devices) > BIRTH_MOST or octets > (SIGNED_MOST if who.key else MAX_INFLATED // 2):
        return True
    return len(birth(who, session=2**53, at_ms=2**46, lanes=())) > MAX_PAYLOAD - 1024


class Pressure(NamedTuple):
    """How the outbox fares: samples given up by this process, and whether nothing fits."""

    given_up: int = 0
    no_space: bool = False


class Word(NamedTuple):
    """Which word of which session, said when."""

    session: int
    beat: int
    at_ms: int


def alive(
    who: Identity,
    word: Word,
    *,
    online: bool,
    lanes: Iterable[LaneState] = (),
    pressure: Pressure | None = None,
) -> bytes:
    """The retained sign of life; ``online`` False is the Last Will and the farewell.

    ``lanes``: what was produced and what of it was acknowledged.
    """
    pressure = pressure or Pressure()
    said = Alive(
        sender=who.agent,
        session=word.session,
        online=online,
        at_ms=word.at_ms,
        every_ms=who.alive_every_ms,
        life=who.life,
        given_up=pressure.given_up,
        no_space=pressure.no_space,
        beat=word.beat,
        lanes=tuple(lanes),
    )
    return encode(said if who.key is None else sign(said, "alive", who.key))
