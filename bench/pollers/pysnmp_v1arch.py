"""pysnmp's quicker architecture (v1arch): one dispatcher, a target per request."""

from __future__ import annotations

from pysnmp.hlapi.v1arch.asyncio import (
    CommunityData,
    ObjectIdentity,
    ObjectType,
    SnmpDispatcher,
    UdpTransportTarget,
    bulk_cmd,
    get_cmd,
)

from bench.pollers.loop import Job, Round, serve


async def begin(job: Job) -> Round:
    dispatcher = SnmpDispatcher()
    community = CommunityData(job["community"], mpModel=1)
    port, oids, many = job["port"], job["oids"], job["rows"] + 1

    async def one_round() -> int:
        for to in job["addresses"]:
            target = await UdpTransportTarget.create((to, port), timeout=5, retries=1)
            names = [ObjectType(ObjectIdentity(oid)) for oid in oids]
            if job["kind"] == "get":
                error, status, _, bound = await get_cmd(dispatcher, community, target, *names)
                wanted = len(oids)
            else:
                error, status, _, bound = await bulk_cmd(
                    dispatcher, community, target, 0, many, *names
                )
                wanted = many * len(oids)
            if error or status or len(bound) != wanted:
                raise RuntimeError(f"pysnmp: {error} {status} {len(bound)}")
        return len(job["addresses"])

    return one_round


if __name__ == "__main__":
    serve(begin)
