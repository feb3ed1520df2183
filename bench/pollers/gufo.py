"""gufo_snmp (Rust) on uvloop: a session for each look, or with ``kept`` one per device for ever.

It has no GETBULK of several columns: each column is walked by itself, one datagram each.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import uvloop  # type: ignore[import-not-found]  # in .venv-bench
from gufo.snmp.aio.client import SnmpSession  # type: ignore[import-not-found]  # as above

from bench.pollers.loop import Job, Round, all_of, serve


async def begin(job: Job) -> Round:
    many, oids = job["rows"] + 1, job["oids"]

    def session(to: str) -> SnmpSession:
        return SnmpSession(to, port=job["port"], community=job["community"], timeout=5.0)

    async def get(one: SnmpSession) -> None:
        found = await one.get_many(oids)
        if len(found) != len(oids):
            raise RuntimeError(f"gufo_snmp: {len(found)} values")

    async def bulk(one: SnmpSession) -> None:
        for oid in oids:
            found = [pair async for pair in one.getbulk(oid, many)]
            if len(found) != job["rows"]:
                raise RuntimeError(f"gufo_snmp: {len(found)} rows of {oid}")

    ask = get if job["kind"] == "get" else bulk
    kept = {to: session(to) for to in job["addresses"]} if job["kept"] else {}

    def look_of(to: str) -> Callable[[], Awaitable[None]]:
        async def look() -> None:
            if to in kept:
                await ask(kept[to])
                return
            async with session(to) as one:
                await ask(one)

        return look

    looks = [look_of(to) for to in job["addresses"]]
    return lambda: all_of(looks, 100)


if __name__ == "__main__":
    uvloop.install()
    serve(begin)
