"""The devices of one agent: what is looked at, how, and what stays of it from look to look. Pure.

A ``Fleet`` is made whole from one configuration, beside the one before it, of which it takes over
the devices that are asked as they were, so that what was learnt about them stays.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from agent.access import access_of
from agent.counters import Bounds, bounds
from agent.decode import compile_query
from agent.query import Access, IcmpLook, Query, SnmpLook
from agent.roster import Kind, Roster
from agent.schedule import Turns
from agent.track import Track
from config.check_profile import clashes
from config.inventory import Credential, EngineKind, Inventory
from config.profile import Profile
from config.settings import AgentOptions, AgentSettings
from wire.observation import Method, Outcome

ECHO_S: Final = 0.2
"""Between two echoes to a device."""

STEP: Final = 1000
"""Devices of one step of ``building``."""

GAP_S: Final = 300.0
"""Counters further apart have no rate, unless two intervals are longer."""


class AgentFault(Exception):  # noqa: N818  it says what is wrong
    """The agent cannot start; the text says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How devices of one kind are asked; they share it.

    ``icmp_count`` 0: not by ICMP; ``query`` None: not by SNMP.
    """

    query: Query | None
    access: Access | None
    snmp_timeout_s: float
    snmp_retries: int
    icmp_count: int
    icmp_timeout_s: float
    bounds: Bounds

    def asks_as(self, other: Plan, *, chosen: bool) -> bool:
        """Whether both ask the same; ``chosen``: the access is, at each look."""
        return (
            self.query is other.query
            and (self.icmp_count > 0) is (other.icmp_count > 0)
            and (chosen or self.access == other.access)
        )


class Device(Track):
    """One device: where it is, what is known of it, and how many looks at it are under way.

    ``memory`` is the SNMP engine's between looks, ``far`` what an IPv6 address came to; ``light``
    and ``outcomes`` are of the turn under way. ``gone``: it is not looked at any more, or in
    another way; what comes of its looks is nothing.
    """

    __slots__ = ("address", "far", "gone", "id", "light", "memory", "outcomes", "plan", "port",
                 "waiting")  # fmt: skip

    def __init__(self, name: str, address: str, port: int, plan: Plan) -> None:
        super().__init__(within=plan.bounds)
        self.id = name
        self.address = address
        self.port = port
        self.plan = plan
        self.memory: Any = None
        self.far: tuple[Any, ...] | None = None
        self.waiting = 0
        self.light = 0
        self.outcomes: dict[Method, Outcome] | None = None
        self.gone = False

    def snmp(self) -> SnmpLook | None:
        """The look by SNMP; made for each turn, and ``learn`` keeps of it what stays."""
        plan = self.plan
        if plan.query is None or plan.access is None:
            return None
        return SnmpLook(
            self.id, self.address, self.port, plan.access, plan.query, plan.snmp_timeout_s,
            plan.snmp_retries, self.memory, self, self._place(self.port),
        )  # fmt: skip

    def icmp(self) -> IcmpLook | None:
        """The look by ICMP, likewise."""
        plan = self.plan
        if not plan.icmp_count:
            return None
        return IcmpLook(
            self.id, self.address, plan.icmp_count, ECHO_S, plan.icmp_timeout_s, None, self,
            self._place(0),
        )  # fmt: skip

    def learn(self, look: SnmpLook | IcmpLook) -> None:
        """A look is over."""
        if type(look) is SnmpLook:
            self.memory = look.memory
        place = look.place
        if self.far is None and place is not None and len(place) > 2:
            self.far = place

    def renew(self, plan: Plan) -> None:
        """The same is asked from now on within other limits."""
        self.plan = plan
        self.keep_to(plan.bounds)

    def _place(self, port: int) -> tuple[Any, ...] | None:
        """The socket address; of IPv6 once an engine has found it out."""
        far = self.far
        if far is not None:
            return (far[0], port, *far[2:])
        return None if ":" in self.address else (self.address, port)


class Way(NamedTuple):
    """How a device is asked that is not simply asked: by which engine, with what in turn."""

    engine: EngineKind
    accesses: tuple[tuple[str, Access], ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """Devices by what becomes of them; the others are asked as before."""

    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()

    @property
    def gone(self) -> frozenset[str]:
        """Devices of which nothing is remembered."""
        return self.removed | self.changed


@dataclass(slots=True)
class Fleet:
    """All devices by id, in the inventory's order; ``ways`` of those that are not simply asked.

    ``queries``: one for each list of profiles, by their names. ``diff``: what it is to the fleet
    before; of that it has the devices that are asked as before, and ``renewed`` says which of them
    get other limits when it takes over (``merged``).
    """

    devices: dict[str, Device] = field(default_factory=dict)
    ways: dict[str, Way] = field(default_factory=dict)
    queries: dict[tuple[str, ...], Query] = field(default_factory=dict)
    plans: dict[Plan, Plan] = field(default_factory=dict)
    turns: list[Turns] = field(default_factory=list)
    diff: Diff = field(default_factory=Diff)
    renewed: list[tuple[Device, Plan]] = field(default_factory=list)


def fleet(
    settings: AgentSettings,
    targets: Inventory | Roster,
    profiles: Mapping[str, Profile],
    before: Fleet | None = None,
) -> Fleet:
    """The looks at all targets; equal lists of profiles share one query, ``before``'s if it fits.

    Raises AgentFault naming what is missing.
    """
    steps = building(settings, listed(settings, targets), profiles, before)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: Fleet = end.value
            return made


def listed(settings: AgentSettings, targets: Inventory | Roster) -> Roster:
    """The targets in columns."""
    if isinstance(targets, Roster):
        return targets
    return Roster.of(targets, settings.agent.interval_s)


def building(
    settings: AgentSettings,
    roster: Roster,
    profiles: Mapping[str, Profile],
    before: Fleet | None = None,
) -> Generator[None, None, Fleet]:
    """``fleet`` in steps of a few milliseconds each; ``before`` goes on and is not touched."""
    former = before or Fleet()
    made, plans = _kinds(settings, roster, profiles, former)
    yield
    ports = [kind.port for kind in roster.known]
    added: list[str] = []
    changed: list[str] = []
    ids: list[str] = []
    for begin in range(0, len(roster.devices), STEP):
        part = slice(begin, begin + STEP)
        rows = zip(roster.devices[part], roster.addresses[part], roster.kinds[part], strict=True)
        for name, address, kind in rows:
            plan, port = plans[kind], ports[kind]
            old = former.devices.get(name)
            if old is not None and _stays(old, address, port, plan, (former.ways, made.ways)):
                if old.plan is not plan:
                    made.renewed.append((old, plan))
                device = old
            else:
                (added if old is None else changed).append(name)
                device = Device(name, address, port, plan)
            made.devices[device.id] = device
            ids.append(device.id)
        yield
    for order in roster.orders:
        names = [ids[number] for number in order.targets]
        made.turns.append(Turns(order.interval_ms, order.phases, names))
        yield
    if before is None:
        return made  # nobody asks what is new
    removed = frozenset(former.devices.keys() - made.devices.keys())
    made.diff = Diff(frozenset(added), removed, frozenset(changed))
    return made


def merged(before: Fleet, after: Fleet) -> Diff:
    """``after`` takes over from ``before``, of which it was made; what becomes of the devices.

    Who is asked as before gets the limits that hold now; looks under way end by the former ones.
    Devices that are not taken over are ``gone``.
    """
    for device, plan in after.renewed:
        device.renew(plan)
    after.renewed = []
    diff, after.diff = after.diff, Diff()
    for name in diff.gone:
        before.devices[name].gone = True
    return diff


def _stays(
    old: Device, address: str, port: int, plan: Plan, ways: tuple[dict[str, Way], dict[str, Way]]
) -> bool:
    """Whether a device is asked the same, at the same place."""
    if old.address != address or old.port != port:
        return False
    if not ways[0] and not ways[1]:
        return old.plan is plan or plan.asks_as(old.plan, chosen=False)
    way = ways[1].get(old.id)
    return ways[0].get(old.id) == way and plan.asks_as(old.plan, chosen=way is not None)


def _kinds(
    settings: AgentSettings, roster: Roster, profiles: Mapping[str, Profile], former: Fleet
) -> tuple[Fleet, list[Plan]]:
    """A fleet without devices, and the plan of each kind of target."""
    made = Fleet()
    credentials = {credential.id: credential for credential in roster.credentials}
    accesses: dict[str, Access] = {}
    plans: list[Plan] = []
    special: dict[int, Way] = {}
    for number, kind in enumerate(roster.known):
        device = roster.devices[roster.kinds.index(number)]
        if kind.profiles and kind.profiles not in made.queries:
            made.queries[kind.profiles] = _query(device, kind, profiles, former.queries)
        for name in kind.candidates:
            if name not in accesses:
                accesses[name] = _access(device, name, credentials)
        plan = _plan(device, kind, settings.agent, made.queries, accesses)
        plans.append(made.plans.setdefault(plan, former.plans.get(plan, plan)))
        if len(kind.candidates) > 1 or kind.engine is not EngineKind.FAST:
            pairs = tuple((name, accesses[name]) for name in kind.candidates)
            special[number] = Way(kind.engine, pairs)
    if special:
        made.ways = {
            device: special[number]
            for device, number in zip(roster.devices, roster.kinds, strict=True)
            if number in special
        }
    return made, plans


def _plan(
    device: str,
    kind: Kind,
    options: AgentOptions,
    queries: Mapping[tuple[str, ...], Query],
    accesses: Mapping[str, Access],
) -> Plan:
    if kind.profiles and not kind.candidates:
        raise AgentFault(f"设备 {device} 没有凭据 / device {device}: no credential")
    return Plan(
        query=queries[kind.profiles] if kind.profiles else None,
        access=accesses[kind.candidates[0]] if kind.profiles else None,
        snmp_timeout_s=options.snmp_timeout_s,
        snmp_retries=options.snmp_retries,
        icmp_count=options.icmp_count if kind.icmp else 0,
        icmp_timeout_s=options.icmp_timeout_s,
        bounds=bounds(max(GAP_S, 2.5 * kind.interval_s), kind.interval_s / 2),
    )


def _query(
    device: str,
    kind: Kind,
    profiles: Mapping[str, Profile],
    known: Mapping[tuple[str, ...], Query],
) -> Query:
    missing = [name for name in kind.profiles if name not in profiles]
    if missing:
        names = ", ".join(missing)
        raise AgentFault(f"没有采集模板 {names} / device {device}: no profile {names}")
    found = [profiles[name] for name in kind.profiles]
    for zh, en in clashes(found):
        raise AgentFault(f"device {device}: {zh} / {en}")
    former = known.get(kind.profiles)
    if former is not None and list(former.profiles) == found:
        return former
    return compile_query(found)


def _access(device: str, name: str, credentials: Mapping[str, Credential]) -> Access:
    credential = credentials.get(name)
    if credential is None:
        raise AgentFault(f"没有凭据 {name} / device {device}: no credential {name}")
    return access_of(credential)
