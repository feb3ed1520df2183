"""The small county of rule stories: few sites, plain names, shares that are easy to count.

Four operators with ten sites each over five towns, two per town: ``cmcc-1`` to ``cmcc-10``; site 1
and site 6 stand in the first town, 2 and 7 in the second, and so on. Each site has one device of
the same name with ``-bts`` behind it. Three information systems (``gov``, ``police``, ``hospital``)
stand on two devices each, ``gov-a`` and ``gov-b``, at the first two sites of China Mobile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from collector.county import Bundle, County
from config.base import Config
from config.plan import Plan
from config.policy import Policy
from config.profile import Profile
from config.register import (
    Contact,
    ContactKind,
    Device,
    InformationSystem,
    Needs,
    Register,
    Site,
    Source,
    Town,
)
from drill.people import PEOPLE
from drill.story import Moment
from drill.voices import OFFICE, T0
from wire.base import Id
from wire.maintenance import Window

COUNTY: Final = "140522"
SYSTEMS: Final = {"gov": "电子政务外网", "police": "110报警系统", "hospital": "县医院信息系统"}
BEFORE_MS: Final = 600_000
"""Quiet minutes before a story begins."""

MAIN: Final = "-bts"
"""What stands behind a site's id in the id of its device."""


class Works(Config):
    """A maintenance window over sites or an operator, from ``at`` for ``lasts`` of the story."""

    of: Annotated[tuple[Id, ...], Field(min_length=1)]
    at: Moment
    lasts: Moment
    reason: Annotated[str, Field(max_length=100)] = "割接"


class Setting(Config):
    """What is different in a story's county. Names are of sites, or of systems' devices.

    ``behind`` maps a site to those through which it is reached (any one is enough), ``egress`` are
    an operator's ways out of the county; ``key_units`` are lost first; ``not_connected`` operators
    have no source, ``never`` sites have not been measured yet; ``users`` is the weight of each
    site, ``needs_any`` are systems that one lost device takes down; ``two_agents`` are operators
    with a second agent, named with ``-2``, that looks at the same devices; ``trial`` ones are
    watched and told to nobody; ``maintenance`` are windows of the register.
    """

    operators: Annotated[tuple[Id, ...], Field(max_length=20)] | None = None
    sites: Annotated[int, Field(ge=1, le=500)] = 10
    towns: Annotated[int, Field(ge=1, le=50)] = 5
    systems: tuple[Id, ...] = tuple(SYSTEMS)
    needs_any: tuple[Id, ...] = ()
    behind: dict[Id, tuple[Id, ...]] = Field(default_factory=dict)
    egress: tuple[Id, ...] = ()
    key_units: tuple[Id, ...] = ()
    not_connected: tuple[Id, ...] = ()
    never: tuple[Id, ...] = ()
    users: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    two_agents: tuple[Id, ...] = ()
    trial: tuple[Id, ...] = ()
    maintenance: tuple[Works, ...] = ()


def register_of(setting: Setting, plan: Plan) -> Register:
    """The county's register, in the plan's operators unless the setting has its own."""
    operators = setting.operators or tuple(one.id for one in plan.operators)
    codes = [f"{COUNTY}1{number:02}" for number in range(1, setting.towns + 1)]
    sites = tuple(_sites(setting, operators, codes))
    sources = [
        Source(agent=f"{operator}{suffix}", operator=operator, trial=operator in setting.trial)
        for operator in operators
        if operator not in setting.not_connected
        for suffix in ("", "-2")[: 1 + (operator in setting.two_agents)]
    ]
    return Register(
        county=COUNTY,
        towns=tuple(Town(code=code, name=f"第{n}镇") for n, code in enumerate(codes, 1)),
        sites=sites,
        devices=(*_devices(setting, sites), *_equipment(setting, operators)),
        systems=tuple(_systems(setting)),
        people=PEOPLE,
        contacts=tuple(
            Contact(name=o, phone=f"0356-42200{n:02}", kind=ContactKind.OPERATOR, operator=o)
            for n, o in enumerate(operators)
        ),
        sources=tuple(sources),
        windows=tuple(_windows(setting, operators)),
    )


def _windows(setting: Setting, operators: tuple[str, ...]) -> Iterator[Window]:
    for number, one in enumerate(setting.maintenance, 1):
        start_ms = T0 + BEFORE_MS + one.at * 1000
        yield Window(
            id=f"works-{number}",
            targets=tuple(f"{'operator' if w in operators else 'site'}:{w}" for w in one.of),
            start_ms=start_ms,
            end_ms=start_ms + one.lasts * 1000,
            name=one.reason,
            reason=one.reason,
        )


def _sites(setting: Setting, operators: Iterable[str], codes: list[str]) -> Iterator[Site]:
    for operator in operators:
        for number in range(1, setting.sites + 1):
            name = f"{operator}-{number}"
            yield Site(
                id=name,
                name=name,
                operator=operator,
                town=codes[(number - 1) % len(codes)],
                weight=setting.users,
                key_unit=name in setting.key_units,
                hub=number == 1,
            )


def _devices(setting: Setting, sites: Iterable[Site]) -> Iterator[Device]:
    for site in sites:
        yield Device(
            id=site.id + MAIN,
            name=f"{site.id}主设备",
            site=site.id,
            parents=tuple(one + MAIN for one in setting.behind.get(site.id, ())),
            egress=site.id in setting.egress,
        )


def _equipment(setting: Setting, operators: tuple[str, ...]) -> Iterator[Device]:
    for system in setting.systems:
        for number, letter in enumerate("ab", 1):
            site = f"{operators[0]}-{min(number, setting.sites)}"
            name = f"{system}-{letter}"
            yield Device(id=name, name=name, site=site, main=False)


def _systems(setting: Setting) -> Iterator[InformationSystem]:
    for system in setting.systems:
        yield InformationSystem(
            id=system,
            name=SYSTEMS.get(system, system),
            devices=(f"{system}-a", f"{system}-b"),
            needs=Needs.ANY if system in setting.needs_any else Needs.ALL,
        )


def county_of(
    setting: Setting, plan: Plan, policy: Policy, profiles: tuple[Profile, ...]
) -> County:
    """The configuration in force in the story."""
    return County(
        Bundle(
            register_=register_of(setting, plan),
            plan=plan,
            policy=policy,
            profiles=profiles,
            offices=(OFFICE,),
        )
    )


class NoSuchNumberError(ValueError):
    """A place that no number of the policy has, or one that may not be so; ``known``: some have."""

    def __init__(self, place: str, known: Iterable[str] = ()) -> None:
        super().__init__(place)
        self.known = tuple(known)


def amended(policy: Policy, numbers: Mapping[str, float]) -> Policy:
    """The policy with other numbers, by their place in the file. Raises NoSuchNumberError."""
    if not numbers:
        return policy
    whole = policy.model_dump(mode="json")
    for place, number in numbers.items():
        *above, last = place.split(".")
        table: Any = whole
        for name in above:
            table = table.get(name) if isinstance(table, dict) else None
        held = table.get(last) if isinstance(table, dict) else None
        if not isinstance(held, int | float):
            raise NoSuchNumberError(place, sorted(_numbers(whole)))
        table[last] = round(number) if isinstance(held, int) else number
    try:
        return Policy.model_validate_json(json.dumps(whole))
    except ValidationError as error:
        raise NoSuchNumberError(", ".join(numbers)) from error


def _numbers(table: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, held in table.items():
        if isinstance(held, dict):
            yield from _numbers(held, f"{above}{name}.")
        elif isinstance(held, int | float):
            yield above + name


class NoSuchPlaceError(ValueError):
    """A word of a story that names no device, site, operator or system; the text says which."""


def devices_of(county: County, word: str) -> tuple[str, ...]:
    """The devices that a word means. Raises NoSuchPlaceError.

    A device or a site by id; an operator or a system for all of its own; with ``:3`` or ``:2-5``
    behind it only those by number, in the order of the register.
    """
    name, colon, which = word.partition(":")
    if name in county.devices and not colon:
        return (name,)
    if name in county.sites and not colon:
        return tuple(d for d in county.site_devices.get(name, ()) if county.devices[d].main)
    if name in county.systems:
        found = county.systems[name].devices
    elif name in county.operators:
        found = tuple(d for d, o in county.operator_of.items() if o == name and _main(county, d))
    else:
        raise NoSuchPlaceError(name)
    return found[_slice(which)] if colon else found


def _main(county: County, device: str) -> bool:
    return county.devices[device].main


def _slice(which: str) -> slice:
    first, dash, last = which.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        raise NoSuchPlaceError(f":{which}")
    return slice(int(first) - 1, int(last)) if dash else slice(0, int(first))
