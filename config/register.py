"""The county register: what exists, whose it is, what depends on what, who is who.

Owned by the collector, versioned (DESIGN "Ownership"). The tables are kept by an office worker
as CSV or .xlsx; ``config.io.load`` reads them into these models.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from config.base import Config
from wire.base import Id
from wire.maintenance import Window
from wire.view import Disclosure

Name = Annotated[str, Field(min_length=1, max_length=200)]


class Town(Config):
    """A town of the county: its 9-digit GB/T 2260 code and its name."""

    code: Id
    name: Name


class Site(Config):
    """A tower or machine room. ``weight`` is users served if known, else 1 (PLAN section 4).

    ``battery_min``: minutes that its battery is known to last, where somebody knows;
    ``powered_by``: the site that its power comes from (a tower of the tower company's);
    ``feeder``: the name of the power line that feeds it.
    """

    id: Id
    name: Name
    operator: Id
    town: Id
    weight: Annotated[float, Field(gt=0)] = 1.0
    key_unit: bool = False
    hub: bool = False
    battery_min: Annotated[float, Field(gt=0)] | None = None
    powered_by: Id | None = None
    feeder: Annotated[str, Field(max_length=100)] | None = None


class Device(Config):
    """Equipment at a site. Its parents are the devices it is reached through (any one is enough).

    ``main`` says that the site is out when this device is (a site's other devices only alarm).
    ``egress`` marks a county egress or core path of the operator (PLAN section 4, full).
    """

    id: Id
    name: Name
    site: Id
    parents: tuple[Id, ...] = ()
    main: bool = True
    egress: bool = False


class Needs(StrEnum):
    """How an information system depends on its equipment."""

    ALL = "all"
    ANY = "any"
    K_OF_N = "k_of_n"
    WEIGHTED = "weighted"


class InformationSystem(Config):
    """A registered important information system and the devices that it depends on.

    ``needs=all``: the system is full when every device is out, partial when some are.
    ``needs=any``: one device lost takes the whole system down.
    ``needs=k_of_n``: full when fewer than ``at_least`` devices are left, partial when some are out.
    ``needs=weighted``: each device carries its share of the users (``shares``, in the order of the
    devices, in any unit); partial and full by the share that is out (policy ``system.weighted``).
    """

    id: Id
    name: Name
    devices: Annotated[tuple[Id, ...], Field(min_length=1)]
    needs: Needs = Needs.ALL
    at_least: Annotated[int, Field(ge=1)] | None = None
    shares: tuple[Annotated[float, Field(gt=0)], ...] = ()
    organ: Name | None = None


class Person(Config):
    """A person with an account; organ and roles are words of the plan file (DESIGN "People")."""

    account: Id
    name: Name
    organ: Name
    roles: Annotated[tuple[Id, ...], Field(min_length=1)]
    key: Id
    valid_from: date | None = None
    valid_to: date | None = None


class ContactKind(StrEnum):
    UNIT = "unit"
    OPERATOR = "operator"
    TOWN = "town"


class Contact(Config):
    """A line of annex 8.3: a unit, an operator's office or a town, and its telephone number."""

    name: Name
    phone: Annotated[str, Field(pattern=r"^\+?[0-9][0-9 -]{2,24}$")] | None
    kind: ContactKind = ContactKind.UNIT
    operator: Id | None = None
    town: Id | None = None


class Source(Config):
    """An enrolled agent and which operator it speaks for.

    ``disclose``: how much of what it sees leaves on retained topics. Operators are competitors,
    so it is little unless they agreed to more; of an operator's several sources the least counts.
    ``trial`` (试运行): everything of its operator is judged and shown, and nothing is told.
    """

    agent: Id
    operator: Id
    disclose: Disclosure = Disclosure.SITE
    trial: bool = False


class Register(Config):
    """The whole register. ``hash`` is the SHA-256 of its content, filled in by the loader."""

    county: Id
    towns: tuple[Town, ...]
    sites: tuple[Site, ...]
    devices: tuple[Device, ...]
    systems: tuple[InformationSystem, ...] = ()
    people: tuple[Person, ...] = ()
    contacts: tuple[Contact, ...] = ()
    sources: tuple[Source, ...] = ()
    windows: tuple[Window, ...] = ()
    hash: str = ""


class RegisterFile(Config):
    """``register.toml`` beside the register's tables: what stands in no table."""

    county: Id
