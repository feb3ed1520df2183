"""Runs in a namespace of its own: a farm behind a TUN device, asked by ping and snmpget."""

import asyncio
import sys
import time

from drill.farm import Farm, Where, address_of
from drill.grow import generate, hub_id
from drill.orders import Do, Order
from drill.plant import Plant

ROUTER = hub_id("cmcc", "runcheng")
OTHER = hub_id("cucc", "runcheng")
NAME = "1.3.6.1.2.1.1.5.0"


async def run(*argv: str) -> tuple[bool, str]:
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    return process.returncode == 0, out.decode()


def now() -> int:
    return time.time_ns() // 1_000_000


def say(word: str, what: object) -> None:
    sys.stdout.write(f"{word} {what}\n")


async def main() -> None:
    county = generate(1)
    plant = Plant(county, now())
    communities = {operator: f"{operator}-read".encode() for operator in county.roots}
    router, other = (address_of(county.box[device], Where.TUN) for device in (ROUTER, OTHER))
    ping = ("ping", "-n", "-c", "1", "-W", "30")
    get = ("snmpget", "-v2c", "-Oqv", "-r", "0")
    async with Farm(plant, communities, now, Where.TUN):
        say("alive", (await run(*ping, router))[0])
        plant.carry_out(Order(do=Do.NET, devices=(ROUTER,), delay_ms=40), now())
        said = (await run(*ping, router))[1]
        say("rtt_ms", said.split("time=")[1].split()[0])
        say("snmp", (await run(*get, "-t", "30", "-c", "cmcc-read", router, NAME))[1].strip())
        plant.carry_out(Order(do=Do.NET, devices=(ROUTER,), loss=1.0), now())
        say("lost", (await run(*ping[:-1], "1", router))[0])
        plant.carry_out(Order(do=Do.NET, devices=(ROUTER,)), now())
        plant.carry_out(Order(do=Do.KILL, devices=(ROUTER,)), now())
        say("dead", (await run(*ping[:-1], "1", router))[0])
        plant.carry_out(Order(do=Do.SNMP_OFF, devices=(OTHER,)), now())
        say("ping_of_dead_snmp", (await run(*ping, other))[0])
        say("snmp_of_dead_process", (await run(*get, "-t", "1", "-c", "cucc-read", other, NAME))[0])


asyncio.run(main())
