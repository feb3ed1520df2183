"""A second peer that is not ours: snmpsim over recordings, read as the recordings say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent import ber
from agent.decode import compile_query, decode
from agent.io.snmp import SnmpEngine
from agent.memory import Shared
from agent.query import Access, Query, SnmpLook, SnmpResult
from agent.recording import Replay, look_at, parse
from config.inventory import SnmpVersion
from config.io.load import load_profiles
from tests.agent.fake import oid
from tests.peers import Snmpsim, snmpsim
from wire.observation import Outcome

pytestmark = pytest.mark.peers

OURS = Path(__file__).parent / "recordings"
PROFILES = load_profiles()
KNOWN = {
    path.stem: path
    for path in sorted((Path(__file__).parents[1] / "config" / "recordings").glob("*.snmprec"))
    if path.stem in PROFILES
}
UPTIME, NAME, PLACE = ((1, 3, 6, 1, 2, 1, 1, number, 0) for number in (3, 5, 6))


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpsim]:
    with snmpsim(tmp_path_factory.mktemp("sim"), [*OURS.glob("*.snmprec"), *KNOWN.values()]) as it:
        yield it


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[SnmpEngine]:
    engine = SnmpEngine()
    await engine.start()
    yield engine
    engine.close()


def look(
    peer: Snmpsim, name: str, query: Query, version: SnmpVersion = SnmpVersion.V2C, **more: Any
) -> SnmpLook:
    access = Access(version, name.encode())
    given: dict[str, Any] = {"timeout_s": 20.0, **more}
    return SnmpLook(name, peer.address, peer.port, access, query, **given)


@pytest.mark.parametrize("version", [SnmpVersion.V1, SnmpVersion.V2C])
@pytest.mark.parametrize("name", KNOWN)
async def test_a_recording_reads_the_same_from_snmpsim_and_from_ourselves(
    peer: Snmpsim, engine: SnmpEngine, name: str, version: SnmpVersion
) -> None:
    """Twice: walked, and as learnt."""
    query = compile_query([PROFILES[name]])
    one = look(peer, name, query, version)
    replay = Replay(parse(KNOWN[name].read_bytes(), name))
    expected = look_at(look(peer, name, query, version), replay, Shared())
    wanted = [asdict(part) for part in decode(expected)]
    assert wanted
    for _ in range(2):
        result = await engine.look(one)
        assert (result.outcome, result.reason) == (Outcome.MEASURED, "")
        assert [asdict(part) for part in decode(result)] == wanted


async def test_holes_a_column_that_is_not_there_and_the_widest_numbers(
    peer: Snmpsim, engine: SnmpEngine
) -> None:
    result = await engine.look(look(peer, "holes", compile_query([PROFILES["interfaces"]])))
    assert result.complete
    links = decode(result)[-1]
    assert links.instances == ("lo", "ge-0/0/7", "ae0")
    columns = {m.name: c for m, c in zip(links.metrics, links.columns, strict=True)}
    assert columns["if_link"] == [1, None, 0]  # row 7 has no ifOperStatus; ae0 is switched off
    assert columns["if_in"] == [2**64 - 1, 0, None]
    assert columns["if_out"] == [None] * 3
    assert decode(result)[0].columns[0] == [(2**32 - 1) / 100]


async def test_an_object_that_fails_is_named_and_the_rest_is_read(
    peer: Snmpsim, engine: SnmpEngine
) -> None:
    query = Query(scalars=tuple(oid(*name) for name in (UPTIME, NAME, PLACE)))
    one = look(peer, "faults", query)
    for _ in range(2):
        result = await engine.look(one)
        assert (result.outcome, result.reason) == (Outcome.MEASURED, "genErr")
        assert list(result.scalars) == [100, None, b"here"]
        assert list(result.tags) == [ber.TIME_TICKS, 0, ber.OCTET_STRING]


async def test_a_late_answer_is_no_answer_and_the_next_look_is_not_confused(
    peer: Snmpsim, engine: SnmpEngine
) -> None:
    query = Query(scalars=(oid(*NAME),))
    result: SnmpResult = await engine.look(look(peer, "late", query, timeout_s=0.2, retries=0))
    assert (result.outcome, result.reason) == (Outcome.NO_ANSWER, "timeout")
    again = look(peer, "holes", Query(scalars=(oid(*UPTIME),)))
    assert list((await engine.look(again)).scalars) == [2**32 - 1]
    assert engine.stats.measured == 1
