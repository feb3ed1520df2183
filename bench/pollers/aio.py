"""aiosnmp on uvloop: a connection for each look, or with ``kept`` one per device for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import uvloop  # type: ignore[import-not-found]  # in .venv-bench
from aiosnmp import Snmp  # type: ignore[import-not-found]  # as above

from bench.pollers.loop import Job, Round, all_of, serve


async def begin(job: Job) -> Round:
    many, oids = job["rows"] + 1, job["oids"]
    wanted = len(oids) if job["kind"] == "get" else many * len(oids)

    def connection(to: str) -> Snmp:
        return Snmp(host=to, port=job["port"], community=job["community"], timeout=5, retries=1)

    async def ask(one: Snmp) -> None:
        if job["kind"] == "get":
            found = await one.get(oids)
        else:
            found = await one.get_bulk(oids, non_repeaters=0, max_repetitions=many)
        if len(found) != wanted:
            raise RuntimeError(f"aiosnmp: {len(found)} values")

    kept = {to: connection(to) for to in job["addresses"]} if job["kept"] else {}

    def look_of(to: str) -> Callable[[], Awaitable[None]]:
        async def look() -> None:
            if to in kept:
                await ask(kept[to])
                return
            async with connection(to) as one:
                await ask(one)

        return look

    looks = [look_of(to) for to in job["addresses"]]
    return lambda: all_of(looks, 100)


if __name__ == "__main__":
    uvloop.install()
    serve(begin)
