"""FAULTS F15 with a real process: a clock that is wrong, and one that jumps while it works."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.test_app import PATIENT_S, AgentProcess, Collector, settings
from tests.peers import mosquitto, snmpd
from transport.delivery import Verdict
from wire.observation import Outcome

pytestmark = pytest.mark.peers

HOUR_MS = 3_600_000
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


class Faked:
    """An agent whose wall clock is ``offset`` away from ours; its monotonic clock is true."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._file = folder / "faketime"
        self.set("+0")
        monkeypatch.setenv("LD_PRELOAD", str(LIBRARY))
        monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(self._file))
        monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
        monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")

    def set(self, offset: str) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(offset + "\n", encoding="ascii")
        new.replace(self._file)


@pytest.fixture
def scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Faked, AgentProcess, Collector]]:
    if LIBRARY is None:
        pytest.fail("libfaketime is missing: tests/system-packages")
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(mosquitto(tmp_path))
        hosts = [stack.enter_context(snmpd(tmp_path, "127.0.3.41"))]
        settings(tmp_path, broker.port, hosts, patience_s=PATIENT_S)
        collector = Collector(broker.port)
        stack.callback(collector.close)
        faked = Faked(tmp_path, monkeypatch)
        agent = AgentProcess(tmp_path)
        stack.callback(agent.kill)
        yield faked, agent, collector


def skew_ms(collector: Collector) -> int:
    """Of the last presence, as the collector measures it."""
    return collector.alives[-1].at_ms - time.time_ns() // 1_000_000


@pytest.mark.parametrize(("offset", "hours"), [("-2h", -2), ("+1y", 365 * 24)])
def test_a_wrong_clock_costs_neither_rounds_nor_rows(
    scene: tuple[Faked, AgentProcess, Collector], offset: str, hours: int
) -> None:
    faked, agent, collector = scene
    faked.set(offset)
    agent.start()
    collector.until(lambda: len(collector.rounds()) >= 3, "three rounds")
    assert abs(skew_ms(collector) - hours * HOUR_MS) < 60_000
    for one in collector.rounds():
        assert 0 <= one.ended_ms - one.started_ms < 60_000
    assert not collector.looks(Outcome.NO_ANSWER)
    assert agent.stop() == 0


def test_a_clock_that_jumps_back_and_a_year_ahead_loses_nothing(
    scene: tuple[Faked, AgentProcess, Collector],
) -> None:
    faked, agent, collector = scene
    agent.start()
    collector.until(lambda: len(collector.rounds()) >= 2, "two rounds")
    for offset in ("-2h", "+1y", "+0"):
        faked.set(offset)
        rounds, alives = len(collector.rounds()), len(collector.alives)
        collector.until(lambda n=rounds: len(collector.rounds()) >= n + 3, f"rounds at {offset}")
        collector.until(lambda n=alives: len(collector.alives) >= n + 2, f"presence at {offset}")
    assert agent.stop() == 0
    assert Verdict.OLD_EPOCH not in collector.verdicts
    assert not collector.looks(Outcome.NO_ANSWER)
    sessions = {one.session for one in collector.alives}
    assert len(sessions) == 1
    for look in collector.looks():
        assert look.since_ms <= look.at_ms
    assert os.environ["LD_PRELOAD"]
