"""A sweep over addresses: who echoes, who answers SNMP, who they are, what they have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeVar

from agent.discover import Found, closer_query, identified, identity_query, looked_closer
from agent.io.icmp import IcmpEngine, IcmpOptions
from agent.io.snmp import SnmpEngine, SnmpOptions
from agent.io.targets import Target
from agent.query import Access, IcmpLook, IcmpResult, Query, SnmpLook, SnmpResult
from config.profile import Profile
from wire.observation import Outcome

R = TypeVar("R")
NOBODY: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """``packets_per_s`` is for echoes and SNMP together."""

    port: int = 161
    timeout_s: float = 1.0
    packets_per_s: float = 200.0


@dataclass(slots=True)
class Swept:
    """What was found, in the order of the places. ``echoes`` False: we may not send any."""

    found: list[Found]
    echoes: bool = True


async def sweep(
    places: Sequence[Target],
    ways: Mapping[str, Access],
    profiles: Sequence[Profile],
    options: SweepOptions,
    told: Callable[[int], None],
    known: Mapping[str, Sequence[str]] = NOBODY,
) -> Swept:
    """Ask each place for an echo and who it is, and look closer at those that answer SNMP.

    The first way is tried at every place, the others, one after another, only where an echo came
    back (where we may not send echoes: everywhere). Where the address is ``known``, the ways that
    it is known by come first. ``told`` gets the number of looks done.
    """
    half = options.packets_per_s / 2
    sweeper = _Sweeper(
        IcmpEngine(IcmpOptions(packets_per_s=half)),
        SnmpEngine(SnmpOptions(packets_per_s=half)),
        options,
        told,
    )
    await sweeper.icmp.start()
    await sweeper.snmp.start()
    try:
        return await _sweep(sweeper, places, ways, profiles, known)
    finally:
        sweeper.icmp.close()
        sweeper.snmp.close()


async def _sweep(
    sweeper: _Sweeper,
    places: Sequence[Target],
    ways: Mapping[str, Access],
    profiles: Sequence[Profile],
    known: Mapping[str, Sequence[str]],
) -> Swept:
    found = {place: Found(place.address, place.port or sweeper.options.port) for place in places}
    who = identity_query()
    orders = {
        place: list(
            dict.fromkeys([*filter(ways.__contains__, known.get(place.address, ())), *ways])
        )
        for place in places
    }
    echoes, first = await asyncio.gather(
        sweeper.echo(places),
        sweeper.ask(places, found, [ways[orders[place][0]] for place in places], who),
    )
    may = not any(result.reason == "no_permission" for result in echoes)
    for place, echo, result in zip(places, echoes, first, strict=True):
        one = found[place]
        alive = Found(one.address, one.port, icmp=echo.outcome is Outcome.MEASURED)
        found[place] = identified(alive, orders[place][0], result)
    for number in range(1, len(ways)):
        left = [p for p, one in found.items() if one.credential is None and (one.icmp or not may)]
        tried = [orders[place][number] for place in left]
        answers = await sweeper.ask(left, found, [ways[name] for name in tried], who)
        for place, name, result in zip(left, tried, answers, strict=True):
            found[place] = identified(found[place], name, result)
    closer = closer_query(profiles)
    mine = [(place, one.credential) for place, one in found.items() if one.credential is not None]
    speak = [place for place, _ in mine]
    answers = await sweeper.ask(speak, found, [ways[name] for _, name in mine], closer)
    for place, result in zip(speak, answers, strict=True):
        found[place] = looked_closer(found[place], profiles, result)
    return Swept(list(found.values()), may)


@dataclass(slots=True)
class _Sweeper:
    icmp: IcmpEngine
    snmp: SnmpEngine
    options: SweepOptions
    told: Callable[[int], None]
    done: int = 0

    async def echo(self, places: Sequence[Target]) -> list[IcmpResult]:
        looks = [
            IcmpLook(place.name, place.address, 2, 0.2, self.options.timeout_s) for place in places
        ]
        return await asyncio.gather(*(self._counted(self.icmp.look(look)) for look in looks))

    async def ask(
        self,
        places: Sequence[Target],
        found: Mapping[Target, Found],
        accesses: Sequence[Access],
        query: Query,
    ) -> list[SnmpResult]:
        looks = [
            SnmpLook(
                place.name,
                place.address,
                found[place].port,
                access,
                query,
                self.options.timeout_s,
                1,
            )
            for place, access in zip(places, accesses, strict=True)
        ]
        return await asyncio.gather(*(self._counted(self.snmp.look(look)) for look in looks))

    async def _counted(self, look: Coroutine[Any, Any, R]) -> R:
        result = await look
        self.done += 1
        self.told(self.done)
        return result
