"""The farm against net-snmp's tools, and the kernel's ping in a namespace of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from drill.county import County
from drill.farm import Farm, Where, address_of
from drill.grow import generate, hub_id
from drill.orders import Do, Order
from drill.plant import Plant

T0 = 1_700_000_000_000
ROUTER = hub_id("cmcc", "runcheng")
POWER = "cmcc-runcheng-hub-power"
ENV = "cmcc-runcheng-hub-env"

pytestmark = pytest.mark.peers


async def run(*argv: str, limit_s: float = 200) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), limit_s)
    return process.returncode or 0, out.decode()


@dataclass
class Field:
    """A farm with a clock that only the test moves."""

    county: County
    plant: Plant
    farm: Farm
    now_ms: int = T0

    async def ask(self, tool: str, device: str, *oids: str, community: str = "cmcc-read") -> str:
        where = f"{address_of(self.county.box[device], Where.LOOPBACK)}:{self.farm.port}"
        argv = (tool, "-v2c", "-c", community, "-On", "-Oe", "-r", "0", "-t", "30", where, *oids)
        return (await run(*argv))[1]

    def order(self, order: Order) -> None:
        self.plant.carry_out(order, self.now_ms)


@pytest.fixture
async def field() -> AsyncIterator[Field]:
    county = generate(1)
    plant = Plant(county, T0)
    communities = {operator: f"{operator}-read".encode() for operator in county.roots}
    now = [T0]
    async with Farm(plant, communities, lambda: now[0]) as farm:
        made = Field(county, plant, farm)
        farm.clock = lambda: made.now_ms
        yield made


async def test_snmpget_reads_right_values(field: Field) -> None:
    said = await field.ask(
        "snmpget",
        ROUTER,
        "1.3.6.1.2.1.1.5.0",
        "1.3.6.1.2.1.2.2.1.8.1",
        "1.3.6.1.2.1.2.2.1.8.99",
        "1.3.6.1.2.1.1.9.0",
    )
    assert f'.1.3.6.1.2.1.1.5.0 = STRING: "{ROUTER}"' in said
    assert ".1.3.6.1.2.1.2.2.1.8.1 = INTEGER: 1" in said
    assert "2.2.1.8.99 = No Such Instance" in said
    assert "1.1.9.0 = No Such Object" in said


async def test_snmpbulkwalk_and_snmpwalk_agree(field: Field) -> None:
    bulk = await field.ask("snmpbulkwalk", ROUTER, "1.3.6.1.2.1")
    walk = await field.ask("snmpwalk", ROUTER, "1.3.6.1.2.1")
    assert bulk.splitlines()[:-1] == walk.splitlines()[:-1]
    assert len(bulk.splitlines()) > 300


async def test_power_device_tells_of_its_battery(field: Field) -> None:
    field.order(Order(do=Do.MAINS_OFF, towns=("runcheng",)))
    minutes = field.plant.power_of(POWER).minutes_left
    field.now_ms += 60 * 60_000
    root = "1.3.6.1.2.1.33.1"
    said = await field.ask(
        "snmpget", POWER, f"{root}.4.1.0", f"{root}.2.2.0", f"{root}.2.3.0", f"{root}.3.3.1.3.1"
    )
    assert f".{root}.4.1.0 = INTEGER: 5" in said
    assert f".{root}.2.2.0 = INTEGER: 3600" in said
    assert f".{root}.2.3.0 = INTEGER: {round(minutes - 60)}" in said
    assert f".{root}.3.3.1.3.1 = INTEGER: 0" in said
    alarms = await field.ask("snmpwalk", POWER, f"{root}.6.2")
    assert f".{root}.6.2.1.2.2 = OID: .{root}.6.3.2" in alarms
    assert f".{root}.6.2.1.1.6 = INTEGER: 6" in alarms


async def test_room_warms_up(field: Field) -> None:
    value = "1.3.6.1.2.1.99.1.1.1.4.2"
    assert f".{value} = INTEGER: 240" in await field.ask("snmpget", ENV, value)
    field.order(Order(do=Do.HEAT, sites=("cmcc-runcheng-hub",), celsius=44))
    field.now_ms += 20 * 3_600_000
    assert f".{value} = INTEGER: 440" in await field.ask("snmpget", ENV, value)


async def test_flapping_and_cut_lines_show_in_oper_status(field: Field) -> None:
    first = "1.3.6.1.2.1.2.2.1.8.1"
    field.order(Order(do=Do.FLAP, devices=(ROUTER,), period_s=60))
    seen = []
    for _ in range(4):
        seen.append("= INTEGER: 2" in await field.ask("snmpget", ROUTER, first))
        field.now_ms += 60_000
    assert seen == [True, False, True, False]


async def test_counters_grow_and_uptime_restarts(field: Field) -> None:
    octets, uptime = "1.3.6.1.2.1.31.1.1.1.6.1", "1.3.6.1.2.1.1.3.0"

    async def read(oid: str) -> int:
        said = await field.ask("snmpget", ROUTER, oid)
        return int(said.split("(")[1].split(")")[0] if "(" in said else said.split()[-1])

    before = await read(octets)
    field.now_ms += 60_000
    assert await read(octets) > before
    field.order(Order(do=Do.REBOOT, devices=(ROUTER,)))
    field.now_ms += 100_000
    assert await read(uptime) == 10_000


async def test_silence_of_the_dead_and_of_a_wrong_community(field: Field) -> None:
    oid = "1.3.6.1.2.1.1.3.0"
    where = f"{address_of(field.county.box[ROUTER], Where.LOOPBACK)}:{field.farm.port}"
    quick = ("-r", "0", "-t", "0.3")
    code, said = await run("snmpget", "-v2c", "-c", "wrong", *quick, where, oid)
    assert code
    assert "No Response" in said
    field.order(Order(do=Do.KILL, devices=(ROUTER,)))
    code, said = await run("snmpget", "-v2c", "-c", "cmcc-read", *quick, where, oid)
    assert "No Response" in said


async def test_version_1_walks_and_refuses_by_name(field: Field) -> None:
    where = f"{address_of(field.county.box[ROUTER], Where.LOOPBACK)}:{field.farm.port}"
    start = ("-v1", "-c", "cmcc-read", "-On", "-r", "0", "-t", "30", where)
    _, walked = await run("snmpwalk", *start, "1.3.6.1.2.1.31")
    assert "Counter64" not in walked
    assert ".1.3.6.1.2.1.31.1.1.1.15.1 = Gauge32: 1000" in walked
    code, said = await run("snmpget", *start, "1.3.6.1.2.1.31.1.1.1.6.1")
    assert code
    assert "noSuchName" in said


@pytest.mark.netns
@pytest.mark.skipif(os.geteuid() != 0, reason="a namespace and a TUN device need root")
async def test_tun_answers_ping_and_snmp_in_a_namespace() -> None:
    """Delay, loss and silence as ordered, seen by the kernel's own ping."""
    script = Path(__file__).with_name("tun_probe.py")
    name = f"wlfarm{os.getpid()}"
    assert (await run("ip", "netns", "add", name))[0] == 0
    try:
        assert (await run("ip", "-n", name, "link", "set", "lo", "up"))[0] == 0
        code, said = await run("ip", "netns", "exec", name, sys.executable, str(script))
    finally:
        await run("ip", "netns", "del", name)
    assert code == 0, said
    lines = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
    assert lines["alive"] == "True"
    assert float(lines["rtt_ms"]) >= 40
    assert lines["lost"] == "False"
    assert lines["dead"] == "False"
    assert lines["snmp_of_dead_process"] == "False"
    assert lines["ping_of_dead_snmp"] == "True"
    assert ROUTER in lines["snmp"]
