"""pysnmp's usual architecture (v3arch, what its documentation begins with), speaking v2c."""

from __future__ import annotations

from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    bulk_cmd,
    get_cmd,
)

from bench.pollers.loop import Job, Round, serve


async def begin(job: Job) -> Round:
    engine, context = SnmpEngine(), ContextData()
    community = CommunityData(job["community"], mpModel=1)
    oids, many = job["oids"], job["rows"] + 1
    targets = [
        await UdpTransportTarget.create((to, job["port"]), timeout=5, retries=1)
        for to in job["addresses"]
    ]

    async def one_round() -> int:
        for target in targets:
            names = [ObjectType(ObjectIdentity(oid)) for oid in oids]
            if job["kind"] == "get":
                error, status, _, bound = await get_cmd(engine, community, target, context, *names)
                wanted = len(oids)
            else:
                error, status, _, bound = await bulk_cmd(
                    engine, community, target, context, 0, many, *names
                )
                wanted = many * len(oids)
            if error or status or len(bound) != wanted:
                raise RuntimeError(f"pysnmp: {error} {status} {len(bound)}")
        return len(targets)

    return one_round


if __name__ == "__main__":
    serve(begin)
