"""icmplib's async_multiping, 50 hosts at a time as it comes."""

from __future__ import annotations

from icmplib import async_multiping

from bench.pollers.loop import Job, Round, serve


async def begin(job: Job) -> Round:
    async def one_round() -> int:
        hosts = await async_multiping(job["addresses"], count=1, timeout=5)
        return sum(host.is_alive for host in hosts)

    return one_round


if __name__ == "__main__":
    serve(begin)
