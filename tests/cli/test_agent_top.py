"""``wanglou agent top`` and the figures' page, beside a real agent with real devices."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from cli.agent_top import COLUMNS, HEAD_LINES, figures, ranked, screen
from tests.agent.test_app import (
    WANGLOU,
    AgentProcess,
    Collector,
    Scene,
    settings,
)
from tests.agent.test_exposition import parsed, promtool
from tests.peers import free_port, mosquitto, snmpd

LIMIT_S = 60.0


def trouble(device: str, **given: Any) -> dict[str, Any]:
    return {"device": device, "reason": "", **{name: 0 for name, _, _ in COLUMNS}, **given}


SAID: dict[str, Any] = {
    "agent": "a" * 16,
    "version": "1",
    "mono_ms": 10_000,
    "window_s": 3599,
    "devices": 100_000,
    "silent": 12_345,
    "missed": 1000,
    "blind": True,
    "looks": 123_456_789,
    "packets_sent": 1,
    "packets_received": 1,
    "in_flight": 1234,
    "queued": 0,
    "kernel_drops": 0,
    "late_p99_ms": None,
    "cpu_s": 12_345.6,
    "rss": 150_000_000,
    "connected": False,
    "outbox_rows": 3,
    "outbox_age_s": 4.0,
    "beyond": 0,
    "worst": [
        trouble("陵川县崇文镇机房核心交换机-01", timeouts=120, falls=7, reason="host_unreachable"),
        trouble(
            "a-device-with-a-very-long-name", longest_ms=59_999, partial=99_999, reason="tooBig"
        ),
        trouble("[bold]odd[/]", floods=9_999_999, refused=100_000, reason="[red]x"),
    ],
}


def shown(most: int = 100, width: int = 80) -> list[str]:
    console = Console(width=width, highlight=False)
    with console.capture() as page:
        console.print(screen(SAID, None, "all", most))
    return page.get().splitlines()


def test_a_page_fits_80_columns_and_24_lines() -> None:
    assert all(cell_len(line) <= 80 for line in shown())
    text = "\n".join(shown())
    assert "[bold]odd[/]" in text
    assert "[red]x" in text
    assert "…" in text
    many = {**SAID, "worst": [trouble(f"d{number}", timeouts=1) for number in range(100)]}
    console = Console(width=80, height=24, highlight=False)
    with console.capture() as page:
        console.print(screen(many, SAID, "all", 24 - HEAD_LINES))
    lines = page.get().splitlines()
    assert len(lines) < 24
    assert lines[-1].startswith("还有 and 85")


def test_rates_are_between_two_answers() -> None:
    later = {**SAID, "mono_ms": 12_000, "looks": SAID["looks"] + 500, "cpu_s": SAID["cpu_s"] + 0.5}
    text = "\n".join(figures(later, SAID))
    assert "looks 250/s" in text
    assert "CPU 25.0%" in text
    assert "looks 123456789 " in "\n".join(figures(SAID, None))


def test_the_order_is_by_trouble_or_by_what_is_asked() -> None:
    names = [one["device"][:5] for one in ranked(SAID["worst"], "all")]
    assert names == ["[bold", "a-dev", "陵川县崇文"]
    assert [one["device"][:5] for one in ranked(SAID["worst"], "longest")] == ["a-dev"]
    assert [one["device"][:5] for one in ranked(SAID["worst"], "falls")] == ["陵川县崇文"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [WANGLOU, "agent", "top", *words], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(mosquitto(tmp_path))
        hosts = [stack.enter_context(snmpd(tmp_path, f"127.0.5.{number}")) for number in (1, 2)]
        settings(tmp_path, broker.port, hosts, patience_s=3.0)
        agent = AgentProcess(tmp_path)
        collector = Collector(broker.port)
        stack.callback(collector.close)
        stack.callback(agent.kill)
        yield Scene(broker, hosts, agent, collector)


def until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + LIMIT_S
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.2)
    return found


@pytest.mark.peers
def test_a_device_in_trouble_is_named_and_the_page_names_none(scene: Scene) -> None:
    config = scene.agent.folder / "agent.toml"
    port = free_port()
    with config.open("a", encoding="utf-8") as file:
        file.write(f"\n[metrics]\nport = {port}\n")
    assert run("--config", str(config), "--once").returncode == 1
    scene.agent.start()
    scene.hosts[1].kill()

    def worst() -> Any:
        done = run("--config", str(config), "--json")
        if done.returncode:  # it is not asked for long, and may be kept from answering
            return None
        found = {one["device"]: one for one in json.loads(done.stdout)["worst"]}
        return found if found.get("d2", {}).get("timeouts") and "d1" in found else None

    found = until(worst)
    assert found["d2"]["falls"] <= 1
    assert found["d2"]["reason"] in {"port_unreachable", "timeout"}
    assert found["d1"]["timeouts"] == 0
    page = run("--config", str(config), "--once", "--by", "timeouts").stdout
    assert page.splitlines()[-1].startswith("d2 ")
    assert all(cell_len(line) <= 80 for line in page.splitlines())

    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60).read().decode()
    assert promtool(text) == "0 "
    figures = parsed(text)
    assert figures["wanglou_agent_devices", ""] == 2
    assert figures["wanglou_agent_outcomes_total", "outcome=measured"] > 0
    assert figures["wanglou_agent_outcomes_total", "outcome=no_answer"] > 0
    assert figures["wanglou_agent_lateness_seconds_count", ""] > 0
    assert figures["wanglou_agent_link_up", ""] == 1
    assert figures["process_resident_memory_bytes", ""] > 1e6
    secrets = [*found, scene.hosts[0].community, "127.0.", "cmcc", "140522"]
    assert not [word for word in secrets if word in text.replace("wanglou_agent_", "")]
    socket = scene.agent.folder / "state" / "agent.sock"
    assert socket.stat().st_mode & 0o777 == 0o600
    assert scene.agent.stop() == 0
    assert not socket.exists()
    assert run("--config", str(config), "--json").returncode == 1
