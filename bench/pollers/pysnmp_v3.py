"""pysnmp's usual architecture speaking SNMPv3, authPriv SHA-256 and AES-128."""

from __future__ import annotations

from pysnmp.hlapi.v3arch.asyncio import (
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    UsmUserData,
    get_cmd,
    usmAesCfb128Protocol,
    usmHMAC192SHA256AuthProtocol,
)

from bench.pollers.loop import Job, Round, serve


async def begin(job: Job) -> Round:
    engine, context = SnmpEngine(), ContextData()
    name, auth, priv = job["user"]
    user = UsmUserData(
        name,
        auth,
        priv,
        authProtocol=usmHMAC192SHA256AuthProtocol,
        privProtocol=usmAesCfb128Protocol,
    )
    targets = [
        await UdpTransportTarget.create((to, job["port"]), timeout=5, retries=1)
        for to in job["addresses"]
    ]

    async def one_round() -> int:
        for target in targets:
            names = [ObjectType(ObjectIdentity(oid)) for oid in job["oids"]]
            error, status, _, bound = await get_cmd(engine, user, target, context, *names)
            if error or status or len(bound) != len(names):
                raise RuntimeError(f"pysnmp: {error} {status} {len(bound)}")
        return len(targets)

    return one_round


if __name__ == "__main__":
    serve(begin)
