"""Rows over many looks: renumbered, read in part, gone and back; what the county hears of it."""

from __future__ import annotations

from typing import Final

import orjson

from agent import ber
from agent.batch import Batch, Taken
from agent.decode import compile_query
from agent.lanes import StateLane
from agent.memory import Sizes
from agent.samples import SampleLane
from agent.track import Track
from config.io.load import load_profiles
from tests.agent.fake import Bench, FakeAgent, Objects

S: Final = 1_000_000_000
IF: Final = (1, 3, 6, 1, 2, 1, 2, 2, 1)
IFX: Final = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
UPTIME: Final = (1, 3, 6, 1, 2, 1, 1, 3, 0)
Links = dict[str, tuple[int, int, int]]
"""By name: index, ifOperStatus, ifHCInOctets."""


def objects(links: Links, ticks: int) -> Objects:
    found: Objects = {UPTIME: (ber.TIME_TICKS, ticks), (1, 3, 6, 1, 9, 0): (ber.INTEGER, 1)}
    for name, (index, status, octets) in links.items():
        found[(*IF, 7, index)] = (ber.INTEGER, 1)
        found[(*IF, 8, index)] = (ber.INTEGER, status)
        found[(*IFX, 1, index)] = (ber.OCTET_STRING, name.encode())
        found[(*IFX, 6, index)] = (ber.COUNTER64, octets)
        found[(*IFX, 15, index)] = (ber.GAUGE32, 1000)
        found[(*IFX, 19, index)] = (ber.TIME_TICKS, 0)
    return found


class County:
    """Hears what changes of one device, and its rates of if_in."""

    def __init__(self) -> None:
        self.bench = Bench(compile_query([load_profiles()["interfaces"]]), sizes=Sizes(bulk=40))
        self.state, self.sample = StateLane(), SampleLane()
        self.batch = Batch(self.state, self.sample)
        self.track = Track()
        self.at_s = 0
        self.rates: dict[str, float | None] = {}
        self.again: list[str] = []

    def look(self, links: Links, ticks: int, *, replies: int = 1000) -> dict[str, float | None]:
        """One look 30 s after the last; ``replies``: how many of them arrive. What is news."""
        self.at_s += 30
        agent = FakeAgent(objects(links, ticks))
        result = self.bench.look(lambda d: agent.answer(d) if agent.requests < replies else None)
        result.at_ns = self.at_s * S
        news, self.again = self.batch.take(
            [Taken("d", self.track, result, self.at_s * 1000)], self.at_s * 1000
        )
        self.rates = {}
        for body, _ in self.sample.take():
            for block in orjson.loads(body)["blocks"]:
                if "if_in" in block["metrics"]:
                    column = block["columns"][block["metrics"].index("if_in")]
                    self.rates |= dict(zip(block["instance"], column, strict=True))
        return {one.instance: one.value for one in news if one.metric == "if_link"}


def many(count: int, base: int = 0, octets: int = 0) -> Links:
    return {f"ge{n}": (base + n, 1 + (n == 3), octets + n) for n in range(1, count + 1)}


def test_a_renumbering_at_a_restart_is_no_news_and_no_spike() -> None:
    county = County()
    assert county.look(many(20), 10**6) == {f"ge{n}": 1 + (n == 3) for n in range(1, 21)}
    assert county.look(many(20, octets=3000), 10**6 + 3000) == {}
    assert county.rates["ge1"] == 800.0
    renumbered = {f"ge{n}": (500 - n, 1 + (n == 3), 10**11) for n in range(1, 21)}
    assert county.look(renumbered, 2000) == {}
    assert county.again == ["d"]
    assert set(county.rates.values()) == {None}
    on = {name: (at, status, 10**11 + 3000) for name, (at, status, _) in renumbered.items()}
    assert county.look(on, 5000) == {}
    assert county.again == []
    assert set(county.rates.values()) == {800.0}


def test_a_renumbering_without_a_restart_follows_the_names_too() -> None:
    county = County()
    county.look(many(20), 10**6)
    assert county.look(many(20, base=7, octets=3000), 10**6 + 3000) == {}
    assert set(county.rates.values()) == {800.0}


def test_rows_not_read_are_not_gone_and_rows_gone_are_said_once() -> None:
    county = County()
    county.look(many(20), 10**6)
    for replies in (2, 3):
        assert county.look(many(20), 10**6, replies=replies) == {}
        assert 0 < len(county.rates) < 20
    assert county.look(many(20), 10**6) == {}
    fewer = {name: link for name, link in many(20).items() if name not in {"ge3", "ge9"}}
    assert county.look(fewer, 10**6) == {"ge3": None, "ge9": None}
    assert county.look(fewer, 10**6) == {}
    assert county.look(many(20), 10**6) == {"ge3": 2, "ge9": 1}


def test_a_row_that_changes_in_a_part_that_was_read_is_news_at_once() -> None:
    county = County()
    county.look(many(20), 10**6)
    down = many(20) | {"ge1": (1, 2, 0)}
    assert county.look(down, 10**6, replies=2) == {"ge1": 2}
    assert county.look(down, 10**6) == {}


def test_a_port_whose_speed_forbids_the_rate_has_none() -> None:
    county = County()
    county.look(many(3), 10**6)
    leap = {name: (at, status, 10**13) for name, (at, status, _) in many(3).items()}
    county.look(leap, 10**6 + 3000)
    assert set(county.rates.values()) == {None}
