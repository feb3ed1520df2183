"""SNMPv3 with Debian's snmpd, by both engines: the fast path and pysnmp must come to the same."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent.bucket import Budget
from agent.decode import decode
from agent.io.pysnmp_engine import PysnmpEngine
from agent.io.snmp import SnmpEngine
from agent.query import Access, Query, SnmpLook, SnmpResult
from agent.usm import User
from config.inventory import AuthProtocol, PrivProtocol, SnmpVersion
from tests.agent.test_engine_snmp import profiles
from tests.peers import Snmpd, snmpd
from wire.observation import Outcome

pytestmark = pytest.mark.peers

KNOWN = (PrivProtocol.DES, PrivProtocol.AES128, PrivProtocol.AES192, PrivProtocol.AES256)
"""Debian's snmpd has Blumenthal's way of lengthening keys alone."""
QUERY = profiles("generic", "interfaces")


def user_of(auth: AuthProtocol, priv: PrivProtocol) -> User:
    name = f"{auth}{priv}".replace("-", "").encode()
    return User(name, auth, b"auth-" + name, priv, b"priv-" + name)


USERS = [user_of(auth, priv) for auth in AuthProtocol for priv in KNOWN]
MAIN = user_of(AuthProtocol.SHA256, PrivProtocol.AES128)
SIGNED = User(b"signed", AuthProtocol.SHA512, b"auth-signed")
OPEN = User(b"open")


def configuration() -> str:
    lines = ["sysName three\n"]
    for user in USERS:
        name = user.name.decode()
        lines.append(f"createUser {name} {user.auth} auth-{name} {user.priv} priv-{name}\n")
        lines.append(f"rouser {name} priv\n")
    lines.append("createUser signed SHA-512 auth-signed\nrouser signed auth\n")
    lines.append("createUser open\nrouser open noauth\n")
    lines.append("createUser blind SHA auth-blind AES priv-blind\n")
    lines.append("view nothing excluded .1\nrouser blind priv -V nothing\n")
    lines.append("createUser strange SHA auth-strange AES priv-strange\n")
    return "".join(lines)


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    with snmpd(tmp_path_factory.mktemp("v3"), "127.0.0.31", configuration()) as running:
        yield running


@pytest_asyncio.fixture(params=[SnmpEngine, PysnmpEngine], ids=["fast", "pysnmp"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    one = request.param()
    await one.start()
    yield one
    one.close()


def look_at(peer: Snmpd, user: User, query: Query = QUERY, **options: Any) -> SnmpLook:
    settings = {"timeout_s": 30.0, "retries": 1, **options}
    access = Access(SnmpVersion.V3, user=user)
    return SnmpLook("d", peer.address, peer.port, access, query, **settings)


def said(result: SnmpResult) -> tuple[Outcome, str]:
    return result.outcome, result.reason


GOOD = (Outcome.MEASURED, "")


async def test_every_pair_of_protocols(engine: Any, peer: Snmpd) -> None:
    users = [*USERS, SIGNED, OPEN]
    if isinstance(engine, PysnmpEngine):  # each costs its process a MIB's loading
        users = [*USERS[::7], SIGNED, OPEN]
    for user in users:
        look = look_at(peer, user)
        for _ in range(2):
            result = await engine.look(look)
            assert said(result) == GOOD, user.name
            assert result.complete
            assert decode(result)[0].texts["sys_name"] == ["three"]


async def test_both_engines_read_the_same(peer: Snmpd) -> None:
    """In versions 1, 2c and 3: values but for those that run, types, indexes, what is absent."""
    fast, other = SnmpEngine(), PysnmpEngine()
    await fast.start()
    await other.start()
    query = profiles("generic", "interfaces", "host", "ups")
    ways = [
        Access(SnmpVersion.V1, b"public"),
        Access(SnmpVersion.V2C, b"public"),
        Access(SnmpVersion.V3, user=MAIN),
    ]
    try:
        for access in ways:
            look = SnmpLook("d", peer.address, peer.port, access, query, timeout_s=30.0)
            ours = await fast.look(look)
            theirs = await other.look(replace(look, memory=None))
            assert said(ours) == said(theirs) == GOOD
            assert bytes(ours.tags) == bytes(theirs.tags)
            assert len(ours.tables) == len(theirs.tables)
            for table, same in zip(ours.tables, theirs.tables, strict=True):
                assert list(table.index) == list(same.index)
                assert bytes(table.tags) == bytes(same.tags)
            mine, its = decode(ours), decode(theirs)
            assert [rows.texts for rows in mine] == [rows.texts for rows in its]
            assert [rows.instances for rows in mine] == [rows.instances for rows in its]
    finally:
        fast.close()
        other.close()


WRONG: dict[str, tuple[User, str]] = {
    "no such user": (replace(MAIN, name=b"nobody"), "unknownUserNames"),
    "another password": (replace(MAIN, auth_password=b"something"), "wrongDigests"),
    "another protocol": (replace(SIGNED, auth=AuthProtocol.SHA224), "wrongDigests"),
    "another key": (replace(MAIN, priv_password=b"something"), "wrongPrivacyKey"),
    "another extension": (
        replace(user_of(AuthProtocol.SHA1, PrivProtocol.AES256), priv=PrivProtocol.AES256C),
        "wrongPrivacyKey",
    ),
    "another level": (
        replace(SIGNED, priv=PrivProtocol.AES128, priv_password=b"something"),
        "unsupportedSecLevels",
    ),
    "too low a level": (replace(MAIN, priv=None), "authorizationError"),
    "no group": (
        User(b"strange", AuthProtocol.SHA1, b"auth-strange", PrivProtocol.AES128, b"priv-strange"),
        "authorizationError",
    ),
    "an empty view": (
        User(b"blind", AuthProtocol.SHA1, b"auth-blind", PrivProtocol.AES128, b"priv-blind"),
        "emptyView",
    ),
    "no such context": (replace(MAIN, context=b"elsewhere"), "silentToUser"),
}


@pytest.mark.parametrize(
    ("engine", "case"),
    [
        *((SnmpEngine, case) for case in WRONG),
        *((PysnmpEngine, case) for case in ("no such user", "another key", "no such context")),
    ],
    indirect=["engine"],
)
async def test_what_is_wrong_has_its_name_and_is_never_down(
    engine: Any, peer: Snmpd, case: str
) -> None:
    user, reason = WRONG[case]
    look = look_at(peer, user)
    if reason in ("wrongPrivacyKey", "silentToUser"):  # silence is waited for
        look.timeout_s, look.retries = 1.5, 0
    result = await engine.look(look)
    assert said(result) == (Outcome.REFUSED, reason)
    assert not result.complete


async def test_a_swapped_unit_a_restart_and_a_stopped_clock(engine: Any, tmp_path: Path) -> None:
    """F32: back within one look, whatever became of engine id, boots and time."""
    with snmpd(tmp_path, "127.0.0.32", configuration()) as own:
        look = look_at(own, MAIN, timeout_s=3.0)
        assert said(await engine.look(look)) == GOOD
        own.kill()
        own.start()  # boots have risen, time begins anew
        assert said(await engine.look(look)) == GOOD
        own.kill()
        own.extra += "engineID swapped\n"
        own.start()
        result = await engine.look(look)
        assert said(result) == GOOD
        assert said(await engine.look(look)) == GOOD
        own.kill()
        look.timeout_s, look.retries = 0.3, 0
        for _ in range(2):
            assert (await engine.look(look)).outcome is Outcome.NO_ANSWER
        own.extra = own.extra.replace("swapped", "swapped-again")
        own.start()
        look.timeout_s, look.retries = 3.0, 1
        assert said(await engine.look(look)) == GOOD


async def test_several_engines_and_users_at_once(engine: Any, tmp_path: Path) -> None:
    """One user's name with other passwords at another device."""
    other = replace(MAIN, auth_password=b"auth-elsewhere", priv_password=b"priv-elsewhere")
    name = MAIN.name.decode()
    extra = f"createUser {name} SHA-256 auth-elsewhere AES priv-elsewhere\nrouser {name} priv\n"
    (tmp_path / "a").mkdir()
    with (
        snmpd(tmp_path, "127.0.0.33", configuration()) as first,
        snmpd(tmp_path / "a", "127.0.0.34", extra) as second,
    ):
        looks = [look_at(first, MAIN), look_at(second, other), look_at(first, SIGNED)]
        for _ in range(2):
            for result in await asyncio.gather(*map(engine.look, looks)):
                assert said(result) == GOOD


async def test_pysnmps_process_is_started_again_and_ends_with_the_engine(peer: Snmpd) -> None:
    engine = PysnmpEngine()
    await engine.start()
    look = look_at(peer, SIGNED)
    assert said(await engine.look(look)) == GOOD
    first = engine._child._process
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    outcomes: list[Outcome] = []
    async with asyncio.timeout(60):
        while not outcomes or outcomes[-1] is not Outcome.MEASURED:
            outcomes.append((await engine.look(look)).outcome)
            await asyncio.sleep(0.05)
    assert set(outcomes) <= {Outcome.COULD_NOT_LOOK, Outcome.MEASURED}
    ended: list[SnmpResult] = []
    engine.submit(look, ended.append)
    await asyncio.sleep(0)
    second = engine._child._process
    engine.close()
    engine.close()
    assert second is not None
    assert second.returncode is not None
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [said(result) for result in ended] == [(Outcome.COULD_NOT_LOOK, "closed")]


async def test_pysnmps_looks_keep_to_their_pace_and_to_the_shared_budget(peer: Snmpd) -> None:
    budget = Budget(0.01, 0.0, time.monotonic_ns())  # a burst of 16, and then hardly any
    engine = PysnmpEngine(budget=budget)
    await engine.start()
    before = budget._packets.left
    look = look_at(peer, SIGNED, profiles("generic"))
    results = await asyncio.gather(*(engine.look(look) for _ in range(5)))
    assert {said(result) for result in results} == {GOOD}
    assert budget._packets.left < before - 4
    engine._bucket.take(10_000)
    assert engine._pause_s(100) > 3  # ten thousand requests ahead of us, 300 a second
    engine.close()
