"""gufo_snmp (Rust) on uvloop speaking SNMPv3; with ``kept`` one session per device for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import uvloop  # type: ignore[import-not-found]  # in .venv-bench
from gufo.snmp import SnmpVersion  # type: ignore[import-not-found]  # as above
from gufo.snmp.aio.client import SnmpSession  # type: ignore[import-not-found]  # as above
from gufo.snmp.user import (  # type: ignore[import-not-found]  # as above
    Aes128Key,
    KeyType,
    Sha256Key,
    User,
)

from bench.pollers.loop import Job, Round, all_of, serve


async def begin(job: Job) -> Round:
    name, auth, priv = job["user"]
    user = User(
        name,
        auth_key=Sha256Key(auth.encode(), key_type=KeyType.Password),
        priv_key=Aes128Key(priv.encode(), key_type=KeyType.Password),
    )

    def session(to: str) -> SnmpSession:
        return SnmpSession(to, port=job["port"], user=user, version=SnmpVersion.v3, timeout=5.0)

    kept = {}
    for to in job["addresses"]:
        kept[to] = await session(to).__aenter__()

    def look_of(to: str) -> Callable[[], Awaitable[None]]:
        async def look() -> None:
            found = await kept[to].get_many(job["oids"])
            if len(found) != len(job["oids"]):
                raise RuntimeError(f"gufo_snmp: {len(found)} values")

        return look

    looks = [look_of(to) for to in job["addresses"]]
    return lambda: all_of(looks, 100)


if __name__ == "__main__":
    uvloop.install()
    serve(begin)
