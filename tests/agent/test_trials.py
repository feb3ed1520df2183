"""Several credentials: which is asked with when, and what is remembered."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv4Address as at  # noqa: N813  it reads as one
from pathlib import Path

import pytest
from pydantic import SecretStr

from agent.access import access_of
from agent.devices import fleet
from agent.io.snmp import SnmpEngine
from agent.io.ways import FILE, Ways
from agent.query import SnmpLook, SnmpResult
from agent.trials import DOUBT, EVERY_MS, SAMPLES, Trials
from config.inventory import Credential, EngineKind, Inventory, Target
from config.settings import AgentSettings
from tests.agent.liar import QUERY
from tests.peers import snmpd
from wire.observation import Outcome

NAMES = ("first", "second", "third")
WRONG = (Outcome.REFUSED, "wrongDigests")
SILENT = (Outcome.NO_ANSWER, "timeout")
GOOD = (Outcome.MEASURED, "")


def run(
    trials: Trials,
    devices: list[str],
    minutes: range,
    says: Callable[[str, str], tuple[Outcome, str]],
) -> dict[str, list[str]]:
    """Two looks a minute at each device; what each was asked with."""
    asked: dict[str, list[str]] = {device: [] for device in devices}
    for half in range(2 * minutes.start, 2 * minutes.stop):
        for device in devices:
            name = trials.choose(device, half * EVERY_MS // 2)
            asked[device].append(name)
            trials.learn(device, *says(device, name))
    return asked


def test_one_try_a_minute_until_it_fits_and_then_no_more() -> None:
    trials = Trials({"d": NAMES})
    asked = run(trials, ["d"], range(5), lambda _, name: GOOD if name == "third" else SILENT)
    assert asked["d"] == ["first"] * 2 + ["second"] * 2 + ["third"] * 6
    assert trials.fitting == {"d": "third"}


def test_few_samples_try_and_the_others_take_what_fits() -> None:
    devices = [f"d{number}" for number in range(20)]
    trials = Trials(dict.fromkeys(devices, NAMES))
    fit = dict.fromkeys(devices, "second")
    asked = run(
        trials, devices, range(4), lambda device, name: GOOD if fit[device] == name else WRONG
    )
    assert trials.fitting == fit
    tried = Counter(name for names in asked.values() for name in set(names))
    assert tried == {"first": 20, "second": 20}


def test_what_fits_nowhere_is_tried_by_few_at_a_time() -> None:
    devices = [f"d{number}" for number in range(20)]
    trials = Trials(dict.fromkeys(devices, NAMES))
    for minute in range(12):
        asked = run(trials, devices, range(minute, minute + 1), lambda _d, _n: WRONG)
        others = sum(set(names) != {"first"} for names in asked.values())
        assert others <= SAMPLES * (minute + 1)
    assert trials.fitting == {}


def test_what_fits_survives_silence_but_not_a_refusal() -> None:
    trials = Trials({"d": NAMES}, {"d": "second"})
    assert trials.choose("d", 0) == "second"
    for _ in range(DOUBT - 1):
        assert not trials.learn("d", *SILENT)
        assert trials.choose("d", 10 * EVERY_MS) == "second"
    assert not trials.learn("d", *GOOD)
    assert not trials.learn("d", Outcome.REFUSED, "authorizationError")
    assert not trials.learn("d", Outcome.COULD_NOT_LOOK, "no_socket")
    assert trials.learn("d", *WRONG)
    assert trials.choose("d", 20 * EVERY_MS) == "first"
    assert trials.learn("d", *GOOD)
    for _ in range(DOUBT):
        trials.learn("d", *SILENT)
    assert trials.choose("d", 30 * EVERY_MS) == "second"


def test_what_was_remembered_of_another_list_is_nothing() -> None:
    trials = Trials({"d": NAMES}, {"d": "gone", "e": "first"})
    assert trials.fitting == {}


def bare_settings(folder: Path) -> AgentSettings:
    agent = {"id": "a", "operator": "cmcc", "state_dir": str(folder), "inventory": "none"}
    return AgentSettings.model_validate({"agent": agent, "county": {"county": "140522"}})


@pytest.mark.peers
async def test_an_agent_finds_what_fits_and_remembers_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.trials.EVERY_MS", 0)
    right = Credential(id="right", community=SecretStr("public"))
    wrong = Credential(id="wrong", community=SecretStr("something"))
    with snmpd(tmp_path, "127.0.0.41") as peer:
        bare = Target(device="f", credential="right", address=at(peer.address), port=peer.port)
        inventory = Inventory(
            targets=(
                bare,
                bare.model_copy(
                    update={"device": "d", "credential": None, "credentials": ("wrong", "right")}
                ),
                bare.model_copy(update={"device": "e", "engine": EngineKind.PYSNMP}),
            ),
            credentials=(wrong, right),
        )
        found = fleet(bare_settings(tmp_path), inventory, {}).ways
        for known in (False, True):
            ways = Ways(SnmpEngine(), found, tmp_path)
            await ways.start()
            looks = {
                name: SnmpLook(name, peer.address, peer.port, access_of(right), QUERY, 0.3, 0)
                for name in "def"
            }
            looks["e"].timeout_s = looks["f"].timeout_s = 30.0
            for name in "ef":
                assert (await once(ways, looks[name])).outcome is Outcome.MEASURED
            if not known:
                result = await once(ways, looks["d"])
                assert (result.outcome, result.detail) == (Outcome.NO_ANSWER, "wrong")
            looks["d"].timeout_s = 30.0
            assert (await once(ways, looks["d"])).outcome is Outcome.MEASURED
            ways.close()
            assert json.loads((tmp_path / FILE).read_text()) == {"d": "right"}
    assert not {"public", "something"} & set((tmp_path / FILE).read_text().split('"'))


async def once(ways: Ways, look: SnmpLook) -> SnmpResult:
    future: asyncio.Future[SnmpResult] = asyncio.get_running_loop().create_future()
    ways.submit(look, future.set_result)
    return await future


def test_a_remembered_file_that_is_none_is_as_if_there_were_none(tmp_path: Path) -> None:
    inventory = Inventory(
        targets=(Target(device="d", address=at("127.0.0.1"), credentials=NAMES[:2]),),
        credentials=tuple(Credential(id=name) for name in NAMES[:2]),
    )
    found = fleet(bare_settings(tmp_path), inventory, {}).ways
    for text in ("", "[]", "{", '{"d": 7}'):
        (tmp_path / FILE).write_text(text)
        assert Ways(SnmpEngine(), found, tmp_path)._trials.fitting == {}
