"""Our engine speaking SNMPv3: GET of scalars, authPriv SHA-256 and AES-128."""

from __future__ import annotations

import asyncio

from agent import ber
from agent.io.snmp import SnmpEngine, SnmpOptions
from agent.query import Access, Query, SnmpLook, SnmpResult
from agent.usm import User
from bench.pollers.loop import Job, Round, serve
from config.inventory import AuthProtocol, PrivProtocol, SnmpVersion
from wire.observation import Outcome


async def begin(job: Job) -> Round:
    query = Query(scalars=tuple(map(ber.oid_content, job["oids"])))
    engine = SnmpEngine(SnmpOptions(packets_per_s=1e6))
    await engine.start()
    name, auth, priv = (word.encode() for word in job["user"])
    user = User(name, AuthProtocol.SHA256, auth, PrivProtocol.AES128, priv)
    access = Access(SnmpVersion.V3, user=user)
    looks = [SnmpLook(to, to, job["port"], access, query, 5.0, 1) for to in job["addresses"]]

    async def one_round() -> int:
        finished = asyncio.get_running_loop().create_future()
        left, measured = len(looks), 0

        def done(result: SnmpResult) -> None:
            nonlocal left, measured
            left -= 1
            measured += result.outcome is Outcome.MEASURED and result.complete
            if not left:
                finished.set_result(None)

        for look in looks:
            engine.submit(look, done)
        await finished
        return measured

    return one_round


if __name__ == "__main__":
    serve(begin)
