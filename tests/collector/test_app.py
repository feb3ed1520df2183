"""The collector as a process, with a real broker and the real sending and receiving code."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.io.history import InfluxHistory, SqliteHistory
from config.register import Register
from drill import estate
from tests.collector.house import LI, SCALE, WANGLOU, House, Office, Speaker, running
from tests.collector.small import register
from tests.peers import Mosquitto, influxd, mosquitto
from transport.io.keys import trust
from transport.io.outbox import Row
from wire.notice import Verb
from wire.observation import (
    Block,
    Look,
    Method,
    Outcome,
    Round,
    SampleBody,
    StateBody,
    StateItem,
)

pytestmark = pytest.mark.peers

OPERATORS = ("cmcc", "cucc", "ctcc", "tower")


def county() -> Register:
    return register(sites=4).model_copy(update={"people": (LI,)})


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as running_broker:
        yield running_broker


@pytest.fixture
def house(tmp_path: Path, broker: Mosquitto) -> Iterator[House]:
    made = House(tmp_path, broker.port, county())
    yield made
    made.close()


def looks(house: House, outcome: Outcome, *devices: str) -> StateBody:
    now = house.clock.now_ms()
    items: list[StateItem] = [
        Look(device=device, method=method, outcome=outcome, since_ms=now, at_ms=now)
        for device in devices
        for method in Method
    ]
    marker = Round(number=1, interval_ms=30_000, started_ms=now, ended_ms=now, looked=len(devices))
    return StateBody(items=(*items, marker))


def samples(house: House, device: str, values: list[float]) -> SampleBody:
    first = house.anchor_ms
    return SampleBody(
        blocks=(
            Block(
                profile="p",
                metrics=("m",),
                device=(device,) * len(values),
                instance=("",) * len(values),
                at_ms=tuple(first + n for n in range(len(values))),
                columns=(tuple(values),),
            ),
        )
    )


def speakers(house: House) -> list[Speaker]:
    return [Speaker(house, operator, f"agent-{operator}") for operator in OPERATORS]


def all_of(house: House, operator: str) -> list[str]:
    return [d.id for d in house.register.devices if d.id.startswith(f"{operator}-")]


async def all_well(house: House, agents: list[Speaker]) -> None:
    for operator, agent in zip(OPERATORS, agents, strict=True):
        agent.say(looks(house, Outcome.MEASURED, *all_of(house, operator)))
        await agent.drained()


def part(shown: dict[str, Any], *path: str) -> Any:
    for step in path:
        shown = shown[step]
    return shown


async def test_an_outage_reaches_the_office_though_the_collector_is_killed_in_the_hold(
    house: House,
) -> None:
    house.start()
    agents, office = speakers(house), Office(house)
    async with running(*agents, office):
        await all_well(house, agents)
        agents[0].say(looks(house, Outcome.NO_ANSWER, "cmcc-d1", "cmcc-d2"))
        agents[0].say(samples(house, "cmcc-d1", [1.0, 2.5]), "sample")
        await agents[0].drained()
        assert await asyncio.to_thread(house.end, signal.SIGKILL) == -signal.SIGKILL
        await asyncio.to_thread(house.start)
        agents[0].say(looks(house, Outcome.MEASURED, "cmcc-d3"))  # the next round: d1, d2 still not
        told = await office.until("incident", "warning_draft")
        first = told[0].number  # no office said in time what it holds, so it is above every past
        assert [notice.number for notice in told] == list(range(first, first + len(told)))
        draft = next(n for n in told if n.notice_kind == "warning_draft")
        assert draft.verdict is not None
        assert draft.verdict.operators["cmcc"] == "partial"
        assert {fact.site for fact in draft.sites} == {"cmcc-s1", "cmcc-s2"}
        assert draft.warning_id is not None
        office.order(1, Verb.PROPOSE, draft.warning_id)
        await office.until("decision")
        await office.hears(lambda: bool(office.beats) and office.beats[-1].warning != "none")
        await office.until_receipted()
    assert house.end(signal.SIGTERM) == 0
    shown = house.status()
    assert part(shown, "operators", "cmcc", "impact") == "partial"
    verified = house.cli("journal", "verify", "--head", office.beats[-1].journal_head)
    assert verified.returncode == 0, verified.stdout
    assert '"word":"raised"' in house.cli("journal", "show", "--kind", "alarm").stdout
    history = SqliteHistory(house.folder / "state" / "history.db")
    found = await history.series("cmcc-d1", "m", "", 0, house.anchor_ms + 10)
    assert [value for _, value in found] == [1.0, 2.5]
    await history.close()


async def test_a_killed_broker_and_influxdb_lose_nothing(tmp_path: Path, broker: Mosquitto) -> None:
    values = [float(n) for n in range(500)]
    with influxd(tmp_path) as influx:
        house = House(tmp_path, broker.port, county(), influxdb_url=influx.url)
        house.start()
        agents = speakers(house)
        try:
            async with running(*agents):
                await all_well(house, agents)
                for first in range(0, 500, 50):
                    body = samples(house, "cmcc-d1", values[: first + 50])
                    agents[0].say(body, "sample")
                    if first == 100:
                        influx.kill()
                    if first == 200:
                        broker.restart()
                    await asyncio.sleep(0)
                influx.start()
                await agents[0].drained()
        finally:
            house.close()
        history = InfluxHistory(influx.url, "wanglou")
        found = await history.series("cmcc-d1", "m", "", 0, house.anchor_ms + 1000)
        assert [value for _, value in found] == values
        await history.close()


async def test_while_influxdb_is_down_notices_leave_and_samples_wait_with_the_agent(
    tmp_path: Path, broker: Mosquitto
) -> None:
    values = [float(n) for n in range(300)]
    with influxd(tmp_path) as influx:
        house = House(tmp_path, broker.port, county(), influxdb_url=influx.url)
        history = InfluxHistory(influx.url, "wanglou")
        await history._post(f"p,device=x poison=1i {house.anchor_ms}000000".encode())
        house.start()
        agents, office = speakers(house), Office(house)
        try:
            async with running(*agents, office):
                await all_well(house, agents)
                influx.kill()
                for first in range(0, 300, 30):
                    agents[0].say(samples(house, "cmcc-d1", values[: first + 30]), "sample")
                poison = samples(house, "cmcc-d4", [1.5]).blocks[0]
                poison = poison.model_copy(update={"metrics": ("poison",)})
                agents[0].say(SampleBody(blocks=(poison,)), "sample")
                agents[0].say(samples(house, "cmcc-d4", [7.5]), "sample")
                agents[0].say(looks(house, Outcome.NO_ANSWER, "cmcc-d1", "cmcc-d2"))
                async with asyncio.timeout(60):
                    await agents[0].hops["state"].idle.wait()
                agents[0].say(looks(house, Outcome.MEASURED, "cmcc-d3"))
                await office.until("incident", "warning_draft")
                assert agents[0].hops["sample"].pending == 12
                influx.start()
                await agents[0].drained()
        finally:
            house.close()
        found = await history.series("cmcc-d1", "m", "", 0, house.anchor_ms + 1000)
        assert [value for _, value in found] == values
        found = await history.series("cmcc-d4", "m", "", 0, house.anchor_ms + 1000)
        assert [value for _, value in found] == [7.5]
        assert set(house.quarantined()) == {"history_refused"}
        await history.close()


async def test_bad_input_is_named_set_aside_and_in_nobodys_way(house: House) -> None:
    house.start()
    agents, office = speakers(house), Office(house)
    liar = Speaker(house, "cmcc", "agent-cucc")  # cucc's agent on cmcc's branch
    async with running(*agents, office):
        await all_well(house, agents)
        link, base = agents[0].link, house.base
        nan = '{"kind":"state","items":[{"t":"reading","device":"cmcc-d1","metric":"m",'
        for topic, payload in (
            (f"{base}/cmcc/agent-cmcc/birth", b"\xff\x00garbage"),
            (f"{base}/cmcc/agent-cmcc/alive", b'{"kind":"alive","extra":1}'),
            (f"{base}/cmcc/agent-cmcc/state", b'{"v":1}'),
            (f"{base}/cmcc/agent-cmcc/sample", b"x\x00broken"),
            (f"{base}/cmcc/agent-cucc/alive", liar._alive(online=True)),
            (f"{base}/nobody/agent-x/alive", liar._alive(online=True)),
            (f"{base}/office/office/receipt", b"{}"),
        ):
            assert await link.publish(topic, payload)
        agents[0].outbox.append(
            {"state": [_raw(f'{nan}"value":NaN,"at_ms":1}}]}}'), _raw('{"kind":"state"}')]}
        )
        agents[0].hops["state"].wake()
        agents[0].say(looks(house, Outcome.MEASURED, "cmcc-d1", "cucc-d1", "nowhere"))
        agents[0].say(samples(house, "cucc-d1", [6.66]), "sample")
        await agents[0].drained()
        office.order(1, Verb.ACK, "n1", key="stranger")
        await office.until_acked(1)
    liar.outbox.close()
    assert house.end(signal.SIGTERM) == 0
    named = Counter(house.quarantined())  # each time that it was sent
    assert named["bad_model"] >= 5
    assert set(named) == {
        "bad_model",
        "bad_frame",
        "bad_deflate",
        "lying_agent",
        "not_enrolled",
        "foreign_device",
        "unknown_key",
    }
    shown = house.status()
    source = part(shown, "sources", "agent-cmcc")
    assert source["unregistered"] == {"nowhere": 2}
    assert source["foreign"] == {"cucc-d1": 2}
    assert source["poisoned"] == 2
    assert part(shown, "devices_by_state")["ok"] == 16
    history = SqliteHistory(house.folder / "state" / "history.db")
    assert await history.series("cucc-d1", "m", "", 0, house.anchor_ms + 10) == []
    await history.close()


async def silent_ones(office: Office, agents: set[str]) -> None:
    """Until a heartbeat names just these agents as silent."""
    await office.hears(lambda: bool(office.beats) and set(office.beats[-1].agents_silent) == agents)


async def test_an_order_by_a_key_that_nobody_knows_is_answered_and_ends_the_command(
    house: House,
) -> None:
    trust(house.folder / "keys", house.folder / "office-keys" / "stranger.pub")
    house.start()
    assert office_order(house, "li", "nobody").returncode == 1
    assert house.end(signal.SIGTERM) == 0
    (house.folder / "keys" / "trusted" / "stranger.pub").unlink()  # revoked
    house.start()
    done = office_order(house, "stranger", "li")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "不信任该密钥" in done.stdout
    assert "stranger" in done.stdout
    assert house.end(signal.SIGTERM) == 0
    said = house.cli("journal", "show", "--kind", "command", "--json").stdout.splitlines()
    outcomes = [json.loads(line)["data"]["outcome"] for line in said]
    assert outcomes == ["unknown_account", "unknown_key"]
    assert set(house.quarantined()) == {"unknown_key"}  # each time that it was sent


def office_order(house: House, key: str, account: str) -> subprocess.CompletedProcess[str]:
    """``wanglou office ack`` as a person runs it."""
    config = house.folder / "office.toml"
    options = {"id": "office", "state_dir": "office", "keys_dir": "office-keys", "key": "office"}
    estate._toml(
        config,
        {
            "office": options,
            "county": {"county": house.register.county, "tree": "drill-t"},
            "broker": {"port": house.port},
            "clock": {"scale": SCALE, "anchor_ms": house.anchor_ms},
        },
    )
    words = ("office", "ack", "N-000001", "--as", account, "--key", key, "--wait", "30")
    return subprocess.run(
        [WANGLOU, *words, "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_a_last_will_makes_unknown_and_never_out(house: House) -> None:
    house.start()
    agents, office = speakers(house), Office(house)
    async with running(*agents, office):
        await all_well(house, agents)
        await silent_ones(office, set())
        agents[0].link.post(f"{agents[0].topic}/alive", agents[0]._alive(online=False), retain=True)
        await silent_ones(office, {"agent-cmcc"})
    house.end(signal.SIGTERM)
    shown = house.status()
    assert part(shown, "operators", "cmcc", "impact") == "unknown"
    assert part(shown, "operators", "cmcc", "out") == 0
    assert part(shown, "verdict", "warning") == "none"


def test_a_wrong_configuration_is_one_sentence(tmp_path: Path) -> None:
    house = House(tmp_path, 1, county())
    (tmp_path / "keys" / "trusted" / "office.pub").unlink()
    done = house.cli("collector", "run")
    assert done.returncode == 1
    assert "office.pub is missing" in done.stderr
    assert "Traceback" not in done.stderr
    assert house.cli("status").returncode == 1
    assert house.cli("journal", "verify").returncode == 1


def test_a_faulty_register_is_refused_with_all_faults_and_touches_nothing(house: House) -> None:
    house.start()
    assert house.end(signal.SIGTERM) == 0
    store, table = house.folder / "state" / "county.db", house.folder / "register" / "devices.csv"
    before, sound = store.read_bytes(), table.read_text()
    lines = sound.splitlines()
    lines[2] = lines[2].replace("cmcc-s2", "cmcc-s222")
    table.write_text("\n".join([*lines, lines[4], "x,坏行,nowhere"]) + "\n")
    done = house.cli("collector", "run")
    assert done.returncode == 1
    for fault in ("devices.csv:3", "cmcc-s222", "cmcc-s2", "devices.csv:18", "devices.csv:19"):
        assert fault in done.stderr
    assert "Traceback" not in done.stderr
    assert store.read_bytes() == before
    table.write_text(sound)
    house.start()
    assert house.end(signal.SIGTERM) == 0


def _raw(text: str) -> Row:
    return Row("state", 1, text.encode())
