"""What an engine may spend: packets and octets in all, looks in a subnet; and what it counts."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.batch import Batch
from agent.bucket import MIN_OCTETS, Budget, Subnets, subnet
from agent.io.engine import Limits
from agent.io.port import on_grid
from agent.io.snmp import SnmpEngine, SnmpOptions, SnmpStats
from agent.lanes import StateLane
from agent.metrics import Histogram, Metrics, gather
from agent.samples import SampleLane
from tests.agent.liar import Answers, Liar
from wire.observation import Outcome

S = 1_000_000_000


# -- octets ----------------------------------------------------------------------------------------


@given(
    st.integers(1000, 10**7),
    st.lists(st.tuples(st.integers(0, S), st.integers(0, 100_000)), max_size=60),
)
def test_octets_keep_to_their_rate_but_for_one_burst_and_one_answer(
    rate: int, steps: list[tuple[int, int]]
) -> None:
    budget = Budget(1e9, rate, 0)
    now = passed = 0
    largest = 0
    for pause, octets in steps:
        now += pause
        if budget.available(now) > 0:
            budget.passed(octets)
            passed += octets
            largest = max(largest, octets)
            burst = max(MIN_OCTETS, rate * 0.02)
            assert passed <= burst + largest + rate * now / S + 1


def test_after_too_many_octets_there_is_a_rest_of_the_right_length() -> None:
    budget = Budget(1000.0, 10_000, 0)
    assert budget.available(0) > 0
    assert not budget.passed(MIN_OCTETS + 10_000)
    assert budget.available(0) == 0
    wait_s = budget.wait_s(1)
    assert 1.0 <= wait_s < 1.2
    assert budget.available(int((wait_s + 0.001) * S)) > 0


def test_without_a_rate_octets_cost_nothing() -> None:
    budget = Budget(1000.0, 0, 0)
    assert budget.passed(10**12)
    assert budget.available(0) > 0


# -- subnets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "net"),
    [
        ("10.1.2.3", "10.1.2"),
        ("2001:db8:1:2::7", "20010db800010002"),
        ("2001:0db8:1:2:ffff::", "20010db800010002"),
        ("fe80::1%eth0", "fe80000000000000"),
    ],
)
def test_a_subnet_is_the_24_or_the_64(host: str, net: str) -> None:
    assert subnet(host) == net


@given(st.integers(1, 4), st.lists(st.integers(0, 2), max_size=40), st.randoms())
def test_never_more_than_allowed_and_nobody_forgotten(
    most: int, nets: list[int], random: Any
) -> None:
    subnets = Subnets(most)
    inside: list[str] = []
    hosts = [f"10.0.{net}.{number}" for number, net in enumerate(nets)]
    done = 0
    inside += [host for host in hosts if subnets.enter(host, host)]
    while inside:
        assert max(Counter(map(subnet, inside)).values()) <= most
        host = inside.pop(random.randrange(len(inside)))
        done += 1
        after = subnets.leave(host)
        if after is not None:
            assert subnets.enter(after, after)
            inside.append(after)
    assert done == len(hosts)
    assert subnets.waiting == 0


@dataclass
class Busy:
    """How many peers of a subnet were asked and have not answered yet."""

    now: int = 0
    most: int = 0

    def script(self, _number: int, _ask: bytes, truth: bytes) -> Answers:
        self.now += 1
        self.most = max(self.most, self.now)
        asyncio.get_running_loop().call_later(0.02, self._answered)
        return ((0.02, truth),)

    def _answered(self) -> None:
        self.now -= 1


@pytest.mark.parametrize("allowed", [1, 3])
async def test_an_engine_keeps_to_the_looks_of_a_subnet(allowed: int) -> None:
    engine = SnmpEngine(SnmpOptions(in_subnet=allowed, gather_s=0.005))
    await engine.start()
    nets = {net: Busy() for net in (1, 2)}
    liars = [
        await Liar(busy.script).serve(f"127.77.{net}.{host}")
        for net, busy in nets.items()
        for host in range(1, 9)
    ]
    try:
        results = await asyncio.gather(*(engine.look(one.look(timeout_s=20.0)) for one in liars))
        assert {one.outcome for one in results} == {Outcome.MEASURED}
        assert all(1 <= busy.most <= allowed for busy in nets.values())
        assert engine.stats.waits.count == len(liars)
        assert engine.stats.octets_received > engine.stats.octets_sent > 40 * len(liars)
    finally:
        engine.close()
        for liar in liars:
            liar.close()


async def test_what_waits_for_its_subnet_ends_with_the_engine() -> None:
    engine = SnmpEngine(SnmpOptions(in_subnet=1))
    await engine.start()
    silent = Liar(lambda *_: ())
    await silent.serve("127.77.3.1")
    other = await Liar().serve("127.77.3.2")
    looks = [
        asyncio.ensure_future(engine.look(one.look(timeout_s=20.0))) for one in (silent, other)
    ]
    await asyncio.wait_for(silent.heard.wait(), 60)
    engine.close()
    results = await asyncio.gather(*looks)
    assert {(one.outcome, one.reason) for one in results} == {(Outcome.COULD_NOT_LOOK, "closed")}
    assert other.asked == 0
    silent.close()
    other.close()


async def test_two_engines_share_a_budget() -> None:
    """The second finds what the first has left: nothing, for an hour."""
    budget = Budget(0.001, 0, time.monotonic_ns())
    first, second = (SnmpEngine(SnmpOptions.within(Limits(budget=budget))) for _ in range(2))
    await first.start()
    await second.start()
    liar = await Liar().serve()
    try:
        found = [await first.look(liar.look(timeout_s=20.0)) for _ in range(16)]
        assert {one.outcome for one in found} == {Outcome.MEASURED}
        waiting = asyncio.ensure_future(second.look(liar.look()))
        for _ in range(20):
            await asyncio.sleep(0)
        assert second.stats.sent == 0
        assert second.stats.queued == 1
        second.close()
        assert (await waiting).reason == "closed"
    finally:
        first.close()
        second.close()
        liar.close()


# -- counting --------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 20_000), min_size=1), st.floats(0.01, 1))
def test_a_histogram_bounds_what_it_was_given(values: list[float], share: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    assert histogram.count == len(values)
    bound = histogram.below(share)
    assert sum(value <= bound for value in values) >= share * len(values) - 1e-9


def test_what_engines_counted_is_summed() -> None:
    engines = [SnmpStats(looks=3, measured=2, no_answer=1, kernel_drops=5) for _ in range(2)]
    engines[0].waits.add(7)
    metrics = Metrics()
    for _ in range(2):  # sums, not increments
        gather(metrics, engines, Batch(StateLane(), SampleLane()))
    assert (metrics.looks, metrics.answers, metrics.timeouts, metrics.drops) == (6, 4, 2, 10)
    assert metrics.waits.count == 1


@given(st.floats(0, 1e7), st.sampled_from([0.005, 0.02]))
def test_moments_of_the_grid(at_s: float, grid_s: float) -> None:
    assert at_s - grid_s <= on_grid(at_s, grid_s) <= at_s
    assert on_grid(at_s, 0.0) == at_s
