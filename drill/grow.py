"""Growing the simulated county from its sketch: the same for the same seed, pure.

Ids read ``{operator}-{town}-{what}``, so that a story can be written by hand:
``cmcc-runcheng-hub-router``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

from config.register import InformationSystem
from drill.atlas import Atlas, OperatorSketch, TownSpot, Unit, atlas
from drill.county import Box, County, Feed, Kind, Line, Shed, SiteKind, SiteSketch

WIDE = 6
"""From this share of users (percent) on, a town has two optical line terminals: 400 users each."""


@dataclass
class _Builder:
    seed: int
    atlas: Atlas
    random: Random
    sites: list[SiteSketch] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)

    def add_site(self, site: SiteSketch) -> SiteSketch:
        self.sites.append(site)
        return site

    def add(self, site: SiteSketch, slug: str, title: str, kind: Kind, **more: object) -> Box:
        """A device at a site, with the next address of its operator."""
        count = self.counts.get(site.operator, 0)
        self.counts[site.operator] = count + 1
        rank = [operator.id for operator in self.atlas.operator].index(site.operator)
        box = Box(
            id=f"{site.id}-{slug}",
            name=f"{site.name}{title}",
            site=site.id,
            operator=site.operator,
            kind=kind,
            address=(rank + 1, count // 250, count % 250 + 1),
            **more,  # type: ignore[arg-type]  # the callers name fields of Box
        )
        self.boxes.append(box)
        return box

    def line(self, a: str, b: str, *users: str) -> None:
        self.lines.append(Line(a, b, frozenset(users)))

    def village(self, town: str) -> str:
        """An invented village name, new in its town."""
        words = self.atlas.names
        for _ in range(10_000):
            name = f"{self.random.choice(words.first)}{self.random.choice(words.last)}"
            if f"{town}{name}" not in self.names:
                self.names.add(f"{town}{name}")
                return name
        raise AssertionError("the sketch has too few words for so many sites")

    def near(self, town: TownSpot, spread: int = 70) -> tuple[int, int]:
        x, y = (round(at + self.random.uniform(-spread, spread)) for at in (town.x, town.y))
        return min(1000, max(0, x)), min(1000, max(0, y))


def generate(seed: int = 1, sketch: Atlas | None = None) -> County:
    """The county for ``seed``: about 300 sites and 1,000 devices with the shipped sketch."""
    sketch = sketch or atlas()
    build = _Builder(seed, sketch, Random(seed))  # noqa: S311  repeatable on purpose, no secret
    service = [operator for operator in sketch.operator if operator.users]
    towers = [operator for operator in sketch.operator if not operator.users]
    cores = {operator.id: _core(build, operator) for operator in service}
    for operator in service:
        _hubs(build, operator, cores[operator.id])
    masts = [mast for operator in towers for mast in _masts(build, operator, cores)]
    for operator in service:
        _bases(build, operator, masts)
    _units(build)
    systems = tuple(_system(build, index) for index in range(len(sketch.system)))
    return County(
        seed=seed,
        atlas=sketch,
        sites=tuple(build.sites),
        boxes=tuple(build.boxes),
        lines=tuple(build.lines),
        systems=systems,
        roots=cores | {operator.id: f"{operator.id}-noc-router" for operator in towers},
    )


def hub_id(operator: str, town: str) -> str:
    """The id of an operator's hub router in a town; in the seat its core router."""
    return f"{operator}-{town}-hub-router"


def _core(build: _Builder, operator: OperatorSketch) -> str:
    seat = next(town for town in build.atlas.town if town.slug == build.atlas.county.seat)
    x, y = build.near(seat, 15)
    site = build.add_site(
        SiteSketch(
            id=f"{operator.id}-{seat.slug}-hub",
            name=f"{seat.name}{operator.short}核心机房",
            operator=operator.id,
            town=seat.slug,
            kind=SiteKind.CORE,
            weight=1200.0,
            x=x,
            y=y,
            feed=Feed(480.0, generator=True, fuel_min=24 * 60.0),
        )
    )
    core = build.add(site, "router", "核心路由器", Kind.ROUTER, ports=12)
    for number in (1, 2):
        egress = build.add(
            site,
            f"egress{number}",
            f"出口路由器{number}",
            Kind.EGRESS,
            parents=(core.id,),
            main=False,
            egress=True,
            ports=4,
        )
        build.line(core.id, egress.id, operator.id)
    _side(build, site, core, olts=2)
    return core.id


def _side(build: _Builder, site: SiteSketch, router: Box, *, olts: int = 0) -> None:
    """Power and environment monitor of a room, and access equipment, behind its router."""
    wanted = [(f"olt{number + 1}", f"OLT{number + 1}", Kind.OLT, 16) for number in range(olts)]
    wanted += [("power", "开关电源", Kind.POWER, 1), ("env", "环境监控", Kind.ENV, 1)]
    for slug, title, kind, ports in wanted:
        shed = Shed.LVD1 if kind is Kind.OLT else Shed.LVD2
        box = build.add(
            site, slug, title, kind, parents=(router.id,), main=False, ports=ports, shed=shed
        )
        build.line(router.id, box.id, site.operator)


def _hubs(build: _Builder, operator: OperatorSketch, core: str) -> None:
    for town in build.atlas.town:
        if town.slug != build.atlas.county.seat:
            _hub(build, operator, town)
    transport = build.atlas.transport
    leased = {lease.town: lease for lease in transport.leases if lease.lessee == operator.id}
    renters = {lease.lessee for lease in transport.leases if lease.owner == operator.id}
    users = {operator.id, *renters}
    for ring in transport.rings:
        stops = [core, *(hub_id(operator.id, town) for town in ring), core]
        for a, b in pairwise(stops):
            build.line(a, b, *users)
    for via, end in transport.spurs:
        lease = leased.get(end)
        start = hub_id(lease.owner if lease else operator.id, via)
        build.line(start, hub_id(operator.id, end), operator.id)
        if lease:
            build.line(core, hub_id(lease.owner, build.atlas.county.seat), operator.id)


def _hub(build: _Builder, operator: OperatorSketch, town: TownSpot) -> None:
    x, y = build.near(town, 12)
    generator = town.slug in operator.generator_hubs
    site = build.add_site(
        SiteSketch(
            id=f"{operator.id}-{town.slug}-hub",
            name=f"{town.name}{operator.short}汇聚机房",
            operator=operator.id,
            town=town.slug,
            kind=SiteKind.HUB,
            weight=800.0 if town.share >= WIDE else 400.0,
            x=x,
            y=y,
            feed=Feed(
                float(build.random.randrange(150, 300, 10)),
                generator=generator,
                fuel_min=600.0 if generator else 0.0,
            ),
        )
    )
    parents = _hub_parents(build.atlas, operator.id, town.slug)
    router = build.add(site, "router", "汇聚路由器", Kind.ROUTER, parents=parents, ports=8)
    _side(build, site, router, olts=2 if town.share >= WIDE else 1)


def _hub_parents(sketch: Atlas, operator: str, town: str) -> tuple[str, ...]:
    """Nearer hubs on the ring: from the middle both ways, without a cycle."""
    core = hub_id(operator, sketch.county.seat)
    for lease in sketch.transport.leases:
        if (lease.lessee, lease.town) == (operator, town):
            return (hub_id(lease.owner, lease.via),)
    for via, end in sketch.transport.spurs:
        if end == town:
            return (hub_id(operator, via),)
    ring = next(ring for ring in sketch.transport.rings if town in ring)
    stops = [core, *(hub_id(operator, stop) for stop in ring), core]
    place, last = ring.index(town) + 1, len(stops) - 1
    nearer = [(place, place - 1), (last - place, place + 1)]
    nearer.sort()
    if nearer[0][0] == nearer[1][0]:
        return tuple(stops[at] for _, at in nearer)
    return (stops[nearer[0][1]],)


def _masts(build: _Builder, operator: OperatorSketch, cores: dict[str, str]) -> list[SiteSketch]:
    """The tower company: a monitoring centre, and sites whose power feeds their tenants."""
    seat = next(town for town in build.atlas.town if town.slug == build.atlas.county.seat)
    centre = build.add_site(
        SiteSketch(
            id=f"{operator.id}-noc",
            name=f"{seat.name}{operator.short}监控中心",
            operator=operator.id,
            town=seat.slug,
            kind=SiteKind.CORE,
            weight=1.0,
            x=seat.x,
            y=seat.y,
            feed=Feed(480.0, generator=True, fuel_min=24 * 60.0),
        )
    )
    root = build.add(centre, "router", "接入路由器", Kind.EGRESS, ports=4)
    for core in cores.values():
        build.line(root.id, core, operator.id)
    return [
        _mast(build, operator, town, number, root)
        for town, count in _shares(build.atlas, operator.sites)
        for number in range(1, count + 1)
    ]


def _mast(
    build: _Builder, operator: OperatorSketch, town: TownSpot, number: int, root: Box
) -> SiteSketch:
    x, y = build.near(town)
    site = build.add_site(
        SiteSketch(
            id=f"{operator.id}-{town.slug}-{number:02d}",
            name=f"{town.name}{build.village(town.name)}{operator.short}站",
            operator=operator.id,
            town=town.slug,
            kind=SiteKind.TOWER,
            weight=1.0,
            x=x,
            y=y,
            feed=Feed(float(build.random.randrange(40, 150, 5))),
        )
    )
    # The site is watched over a modem of its own: no tenant's line is its parent.
    unit = build.add(site, "power", "开关电源", Kind.POWER, ports=1)
    build.line(root.id, unit.id, operator.id)
    for slug, title, kind in (("env", "动环监控", Kind.ENV), ("switch", "交换机", Kind.SWITCH)):
        box = build.add(site, slug, title, kind, parents=(unit.id,), main=False, ports=4)
        build.line(unit.id, box.id, operator.id)
    return site


def _shares(sketch: Atlas, total: int) -> list[tuple[TownSpot, int]]:
    """``total`` sites over the towns by their share of users, at least two each."""
    whole = sum(town.share for town in sketch.town)
    return [(town, max(2, round(total * town.share / whole))) for town in sketch.town]


def _bases(build: _Builder, operator: OperatorSketch, masts: list[SiteSketch]) -> None:
    """Base stations: most stand at a tower of the town, the rest have power of their own."""
    whole = sum(town.share for town in build.atlas.town)
    for town, count in _shares(build.atlas, operator.sites):
        hosts = [mast for mast in masts if mast.town == town.slug]
        build.random.shuffle(hosts)
        previous: list[str] = []
        for number in range(1, count + 1):
            host = hosts.pop() if hosts and number % 4 else None
            users = operator.users * town.share / whole / count
            site = _base(build, operator, town, number, host, users)
            above = hub_id(operator.id, town.slug)
            if previous and build.random.random() < 0.3:
                above = previous[-1]
            previous.append(_base_boxes(build, site, above))


def _base(
    build: _Builder,
    operator: OperatorSketch,
    town: TownSpot,
    number: int,
    host: SiteSketch | None,
    users: float,
) -> SiteSketch:
    x, y = (host.x, host.y) if host else build.near(town)
    place = host.name.removesuffix("站")[:-2] if host else f"{town.name}{build.village(town.name)}"
    feed = None if host else Feed(float(build.random.randrange(60, 180, 10)))
    return build.add_site(
        SiteSketch(
            id=f"{operator.id}-{town.slug}-{number:02d}",
            name=f"{place}{operator.short}基站",
            operator=operator.id,
            town=town.slug,
            kind=SiteKind.BASE,
            weight=float(round(users * build.random.uniform(0.6, 1.4))),
            x=x,
            y=y,
            feed=feed,
            host=host.id if host else None,
        )
    )


def _base_boxes(build: _Builder, site: SiteSketch, above: str) -> str:
    """The devices of a base station behind the device ``above``; the id of its transport NE."""
    ne = build.add(site, "ne", "传输设备", Kind.ROUTER, parents=(above,), ports=4)
    build.line(above, ne.id, site.operator)
    radios = [("bbu", "4G BBU", True)]
    if build.random.random() < 0.95:
        radios.append(("gnb", "5G BBU", False))
    for slug, title, main in radios:
        box = build.add(
            site, slug, title, Kind.BBU, parents=(ne.id,), main=main, shed=Shed.LVD1, ports=3
        )
        build.line(ne.id, box.id, site.operator)
    if site.feed:
        _side(build, site, ne)
    return ne.id


def _units(build: _Builder) -> None:
    for unit in build.atlas.unit:
        for operator in unit.operators:
            _unit(build, unit, operator)
    more = build.atlas.town_units
    for town in build.atlas.town:
        gov = Unit(
            slug="town-gov",
            name=f"{town.name}政府",
            town=town.slug,
            operators=(more.gov_operator,),
            key=False,
        )
        _unit(build, gov, more.gov_operator)
        if town.slug in more.broadcast_towns:
            cable = Unit(
                slug="town-broadcast",
                name=f"{town.name}广电分前端",
                town=town.slug,
                operators=(more.broadcast_operator,),
                key=False,
            )
            _unit(build, cable, more.broadcast_operator)


def _unit(build: _Builder, unit: Unit, operator: str) -> None:
    town = next(town for town in build.atlas.town if town.slug == unit.town)
    short = next(sketch.short for sketch in build.atlas.operator if sketch.id == operator)
    x, y = build.near(town, 20)
    site = build.add_site(
        SiteSketch(
            id=f"{operator}-{town.slug}-{unit.slug}",
            name=f"{unit.name}{short}接入",
            operator=operator,
            town=town.slug,
            kind=SiteKind.UNIT,
            weight=20.0,
            x=x,
            y=y,
            key_unit=unit.key,
            feed=Feed(
                float(build.random.randrange(60, 130, 10)),
                generator=unit.generator,
                fuel_min=720.0 if unit.generator else 0.0,
            ),
            unit=unit.slug,
        )
    )
    hub = hub_id(operator, town.slug)
    access = build.add(site, "cpe", "接入路由器", Kind.ROUTER, parents=(hub,), ports=4)
    build.line(hub, access.id, operator)
    lan = build.add(
        site, "switch", "交换机", Kind.SWITCH, parents=(access.id,), main=False, ports=8
    )
    build.line(access.id, lan.id, operator)
    if unit.key:
        ups = build.add(site, "power", "UPS", Kind.POWER, parents=(access.id,), main=False, ports=1)
        build.line(access.id, ups.id, operator)


def _system(build: _Builder, index: int) -> InformationSystem:
    sketch = build.atlas.system[index]
    holders = {site.id for site in build.sites if site.unit in sketch.units}
    return InformationSystem(
        id=sketch.id,
        name=sketch.name,
        devices=tuple(box.id for box in build.boxes if box.site in holders and box.main),
        needs=sketch.needs,
        organ=sketch.organ,
    )
