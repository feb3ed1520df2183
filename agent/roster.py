"""An inventory in columns: what an agent needs of it to run, and nothing per target but that. Pure.

A process apart makes it (``config.io.apart``, ``agent.io.setup``) and hands it over: 100,000
targets are some megabytes and read in a moment, where their models would be hundreds.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import NamedTuple

from agent.schedule import ordered
from config.inventory import Credential, EngineKind, Inventory, Target


class Kind(NamedTuple):
    """What targets have in common that differ in their ids and addresses only."""

    port: int
    candidates: tuple[str, ...]
    profiles: tuple[str, ...]
    icmp: bool
    interval_s: float
    engine: EngineKind


class Order(NamedTuple):
    """The targets of one interval by their phases: numbers of targets."""

    interval_ms: int
    phases: array[int]
    targets: array[int]


@dataclass(slots=True)
class Roster:
    """Targets in the inventory's order; ``kinds`` has the number of each one's ``Kind``."""

    hash: str
    credentials: tuple[Credential, ...]
    devices: list[str]
    addresses: list[str]
    kinds: array[int]
    known: tuple[Kind, ...]
    orders: tuple[Order, ...]

    @classmethod
    def of(cls, inventory: Inventory, interval_s: float) -> Roster:
        """The inventory in columns; ``interval_s`` of those targets that name none."""
        numbers: dict[Kind, int] = {}
        kinds = array("I")
        by_interval: dict[float, list[int]] = {}
        for place, target in enumerate(inventory.targets):
            kind = _kind(target, interval_s)
            kinds.append(numbers.setdefault(kind, len(numbers)))
            by_interval.setdefault(kind.interval_s, []).append(place)
        devices = [str(target.device) for target in inventory.targets]
        return cls(
            hash=inventory.hash,
            credentials=inventory.credentials,
            devices=devices,
            addresses=[str(target.address) for target in inventory.targets],
            kinds=kinds,
            known=tuple(numbers),
            orders=tuple(_order(devices, some, every) for every, some in by_interval.items()),
        )


def _kind(target: Target, interval_s: float) -> Kind:
    return Kind(
        target.port,
        target.candidates,
        target.profiles,
        target.icmp,
        target.interval_s or interval_s,
        target.engine,
    )


def _order(devices: list[str], places: list[int], interval_s: float) -> Order:
    interval_ms = round(interval_s * 1000)
    turns = ordered([devices[place] for place in places], interval_ms)
    return Order(
        interval_ms,
        array("I", [phase for phase, _ in turns]),
        array("I", [places[number] for _, number in turns]),
    )
