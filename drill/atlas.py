"""What the simulated county is made from: ``data/county.toml`` and ``data/contacts.csv``."""

from __future__ import annotations

import csv
import io
import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import Field

from config.base import Config
from config.register import Contact, ContactKind, Needs
from wire.base import Id

Name = Annotated[str, Field(min_length=1, max_length=60)]
Coordinate = Annotated[int, Field(ge=0, le=1000)]


class Seat(Config):
    """The county; ``schematic`` says that positions are no survey."""

    id: Id
    name: Name
    seat: Id
    schematic: bool


class TownSpot(Config):
    """A town with its schematic position and its share of the county's users, percent."""

    slug: Id
    code: Id
    name: Name
    x: Coordinate
    y: Coordinate
    share: Annotated[int, Field(ge=1, le=100)]


class Lease(Config):
    """The lessee's hub in ``town`` is reached over the owner's hub in ``via``."""

    lessee: Id
    owner: Id
    via: Id
    town: Id


class Transport(Config):
    """Rings of towns that begin and end at the core; spurs ``[hub, end]``; leased lines."""

    rings: tuple[tuple[Id, ...], ...]
    spurs: tuple[tuple[Id, Id], ...]
    leases: tuple[Lease, ...]


class OperatorSketch(Config):
    """How large an operator is here: base stations (or towers), users, hubs with a generator."""

    id: Id
    short: Name
    sites: Annotated[int, Field(ge=1, le=2000)]
    users: Annotated[int, Field(ge=0)]
    generator_hubs: tuple[Id, ...] = ()


class Words(Config):
    """Halves of invented village names."""

    first: tuple[Name, ...]
    last: tuple[Name, ...]


class Unit(Config):
    """A key unit or holder of a system: one site per operator that serves it."""

    slug: Id
    name: Name
    town: Id
    operators: Annotated[tuple[Id, ...], Field(min_length=1)]
    key: bool
    generator: bool = False


class TownUnits(Config):
    gov_operator: Id
    broadcast_operator: Id
    broadcast_towns: tuple[Id, ...]


class SystemSketch(Config):
    """An information system and the units (by slug) whose access it needs."""

    id: Id
    name: Name
    organ: Name
    units: tuple[Id, ...]
    needs: Annotated[Needs, Field(strict=False)] = Needs.ALL


class Atlas(Config):
    """The whole of ``county.toml``."""

    county: Seat
    town: tuple[TownSpot, ...]
    transport: Transport
    operator: tuple[OperatorSketch, ...]
    names: Words
    unit: tuple[Unit, ...]
    town_units: TownUnits
    system: tuple[SystemSketch, ...]


def data(name: str) -> str:
    """The text of a file of ``drill/data``."""
    return (files("drill") / "data" / name).read_text(encoding="utf-8")


@cache
def atlas() -> Atlas:
    """The shipped sketch of the county."""
    return Atlas.model_validate(_frozen(tomllib.loads(data("county.toml"))))


@cache
def contacts() -> tuple[Contact, ...]:
    """Annex 8.3 of the plan: units, operators' offices, towns, with their public numbers."""
    return tuple(
        Contact(
            name=row["name"],
            phone=row["phone"] or None,
            kind=ContactKind(row["kind"]),
            operator=row["operator"] or None,
            town=row["town"] or None,
        )
        for row in csv.DictReader(io.StringIO(data("contacts.csv")))
    )


def _frozen(value: object) -> object:
    """TOML arrays as tuples, as strict models want them."""
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value
