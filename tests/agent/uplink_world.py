"""Runs in a network namespace of its own: an agent whose whole outside falls silent at once.

Ten hosts, a gateway (the default route) and a broker stand behind a TUN device. First all answer,
then nobody does, then all but one. Prints one JSON line: what the agent said in each time.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

from agent.app import Agent
from agent.io import selfcheck
from agent.query import IcmpLook, IcmpResult
from config.inventory import Inventory, Target
from config.settings import AgentSettings
from tests.agent.tun_world import World, open_tun
from wire.observation import Look, Round, StateItem

HOSTS = [f"10.9.1.{number}" for number in range(3, 33, 3)]  # none that is dead in that world
LIMIT_S = 60
PATIENT_S = 10.0


class Outside(World):
    """``dark``: nobody answers; ``gone``: this host does not."""

    dark = False
    gone = b""

    def answer(self, packet: bytes) -> bytes | None:
        return None if self.dark or packet[16:20] == self.gone else super().answer(packet)


def agent_of(folder: Path) -> Agent:
    said = {
        "agent": {"id": "a1", "operator": "cmcc", "state_dir": str(folder), "inventory": "none"}
        | {"interval_s": 1.0, "icmp_timeout_s": 1.0, "icmp_count": 1},
        "county": {"county": "140522"},
        "broker": {"host": "10.9.0.253"},
    }
    settings = AgentSettings.model_validate_json(json.dumps(said))
    targets = tuple(Target(device=f"d{host[7:]}", address=IPv4Address(host)) for host in HOSTS)
    return Agent(settings, Inventory(targets=targets), {})


async def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        await asyncio.sleep(0.02)


async def main() -> None:
    fd = open_tun()
    for words in ("link set lo up", "route add default via 10.9.0.254"):
        subprocess.run(["ip", *words.split()], check=True)  # noqa: ASYNC221  nothing runs yet
    selfcheck.BLIND_EVERY_MS = 200  # type: ignore[misc]  # here all is near
    outside = Outside(fd)
    agent = agent_of(Path(sys.argv[1]))
    items: list[StateItem] = []
    agent.writer.write = lambda *_: (items.extend(agent.writer.items), agent.writer.items.clear())  # type: ignore[assignment,method-assign,func-returns-value]
    submit = agent._icmp.submit

    def waiting(look: IcmpLook, done: Callable[[IcmpResult], None]) -> None:
        """An answer is waited for patiently: hosts and agent are one process, which may pause."""
        silent = outside.dark or IPv4Address(look.address).packed == outside.gone
        look.timeout_s = 1.0 if silent else PATIENT_S
        submit(look, done)

    agent._icmp.submit = waiting  # type: ignore[method-assign]
    running = asyncio.create_task(agent.run())
    told: list[list[str]] = []

    def now() -> dict[str, str]:
        looks = [one for one in items if isinstance(one, Look)]
        return {one.device: f"{one.outcome.value} {one.reason}".rstrip() for one in looks}

    async def all_say(word: str) -> None:
        await until(lambda: list(now().values()).count(word) == len(HOSTS), word)
        told.append([f"{o.device} {o.outcome.value}" for o in items if isinstance(o, Look)])

    await all_say("measured")
    outside.dark = True
    await all_say("could_not_look no_uplink")
    items[:] = [one for one in items if isinstance(one, Look)]

    def rounds() -> list[Round]:
        return [one for one in items if isinstance(one, Round)]

    def missed() -> list[str]:
        """Of a round in the dark that found nobody being looked at when it ended."""
        return max((sorted(one.missed) for one in rounds()[1:]), key=len, default=[])

    await until(lambda: len(missed()) == len(HOSTS), "a round in the dark")
    all_missed, looked = missed(), max(one.looked for one in rounds()[1:])
    outside.dark = False
    await all_say("measured")
    outside.gone = IPv4Address(HOSTS[2]).packed
    await until(lambda: now()["d9"] == "no_answer timeout", "one silent host")
    agent.stop()
    await running
    ever = sorted({one.device for one in items if isinstance(one, Look) and "no_" in one.outcome})
    said = {"missed": all_missed, "looked": looked, "no_answer": ever, "told": [*map(len, told)]}
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
