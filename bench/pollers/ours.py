"""Our engines: SNMP GET of scalars, GETBULK of a table, ICMP echoes."""

from __future__ import annotations

import asyncio
from typing import Any

from agent import ber
from agent.io.icmp import IcmpEngine, IcmpOptions
from agent.io.snmp import SnmpEngine, SnmpOptions
from agent.memory import Sizes
from agent.query import Access, IcmpLook, Query, SnmpLook, TableQuery
from bench.pollers.loop import Job, Round, serve
from config.inventory import SnmpVersion
from wire.observation import Outcome


async def begin(job: Job) -> Round:
    engine, looks = await (_icmp(job) if job["kind"] == "icmp" else _snmp(job))

    async def one_round() -> int:
        finished = asyncio.get_running_loop().create_future()
        left, measured = len(looks), 0

        def done(result: Any) -> None:
            nonlocal left, measured
            left -= 1
            measured += result.outcome is Outcome.MEASURED and getattr(result, "complete", True)
            if not left:
                finished.set_result(None)

        for look in looks:
            engine.submit(look, done)
        await finished
        return measured

    return one_round


async def _icmp(job: Job) -> tuple[Any, list[Any]]:
    engine = IcmpEngine(IcmpOptions(packets_per_s=1e6))
    await engine.start()
    return engine, [
        IcmpLook(to, to, count=1, timeout_s=job.get("timeout_s", 5.0)) for to in job["addresses"]
    ]


async def _snmp(job: Job) -> tuple[Any, list[Any]]:
    oids = tuple(map(ber.oid_content, job["oids"]))
    if job["kind"] == "get":
        query, sizes = Query(scalars=oids), Sizes()
    else:
        query = Query(tables=(TableQuery(oids),))
        sizes = Sizes(bulk=(job["rows"] + 1) * len(oids))
    engine = SnmpEngine(SnmpOptions(packets_per_s=1e6, sizes=sizes))
    await engine.start()
    access = Access(SnmpVersion.V2C, job["community"].encode())
    return engine, [SnmpLook(to, to, job["port"], access, query, 5.0, 1) for to in job["addresses"]]


if __name__ == "__main__":
    serve(begin)
