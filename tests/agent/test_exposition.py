"""The agent's figures as Prometheus reads them, and the page that serves them."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from agent.exposition import CONTENT_TYPE, LaneNow, LinkNow, Snapshot, page
from agent.io.metrics_page import LIMIT_S, MetricsPage
from agent.metrics import Histogram, Metrics
from config.settings import MetricsSettings
from tests.peers import free_port
from transport.io import log as logs

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([a-z]+)="((?:[^"\\\n]|\\[\\"n])*)"\})? (\S+)')
FULL = Snapshot(
    version='1.0 "odd" \\ one\n',
    metrics=Metrics(looks=7, answers=5, timeouts=1, refused=1, packets_sent=9, send_errors=2),
    devices=3,
    silent=1,
    lanes=(LaneNow("state", 2, 640, 1.5), LaneNow("sample", 0, 0, 0.0)),
    link=LinkNow(connected=True, connections=1, acks=4),
    cpu_s=1.25,
    rss=50_000_000,
    reloads={"taken": 1, "refused": 0},
    unasked={"stray": 1},
    traps={"received": 8, "folded": 3},
)


def parsed(text: str) -> dict[tuple[str, str], float]:
    """Values by name and label, each line read strictly (exposition format 0.0.4)."""
    found: dict[tuple[str, str], float] = {}
    known: set[str] = set()
    for line in text.splitlines():
        if line.startswith("#"):
            _, word, name, _ = line.split(" ", 3)
            assert word in {"HELP", "TYPE"}
            assert not any(key[0] == name for key in found)
            known.add(name)
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        name, label, value, number = match.groups()
        assert known & {name, re.sub("_(bucket|sum|count)$", "", name)}
        key = (name, f"{label}={value}" if label else "")
        assert key not in found
        found[key] = float(number)
    return found


def promtool(text: str) -> str:
    """What Prometheus' own tool has to object."""
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return f"{done.returncode} {done.stdout}{done.stderr}"


def test_prometheus_has_nothing_to_object() -> None:
    metrics = FULL.metrics
    metrics.lateness.add(7, 5)
    metrics.waits.add(99_999)
    assert promtool(page(FULL)) == "0 "
    assert promtool(page(Snapshot(version="1", metrics=Metrics()))) == "0 "


def test_every_figure_stands_where_it_belongs() -> None:
    found = parsed(page(FULL))
    assert found["wanglou_agent_outcomes_total", "outcome=measured"] == 5
    assert found["wanglou_agent_outbox_age_seconds", "lane=state"] == 1.5
    assert found["wanglou_agent_traps_total", "kind=folded"] == 3
    assert found["wanglou_agent_link_up", ""] == 1
    assert found["wanglou_agent_send_errors_total", ""] == 2
    assert found["process_cpu_seconds_total", ""] == 1.25
    labels = {label.partition("=")[0] for _, label in found if label}
    assert labels == {"version", "outcome", "direction", "lane", "kind", "result", "le"}


@bounds(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 60_000)), st.text(max_size=20))
def test_histograms_and_labels_are_well_formed(values: list[float], version: str) -> None:
    metrics = Metrics(lateness=Histogram())
    for value in values:
        metrics.lateness.add(value)
    text = page(Snapshot(version=version.replace("\r", ""), metrics=metrics))
    lines = [line for line in text.split("\n") if "lateness_seconds_bucket" in line]
    counts = [int(line.rsplit(" ", 1)[1]) for line in lines]
    assert counts == sorted(counts)
    assert counts[-1] == len(values)
    assert f"lateness_seconds_count {len(values)}\n" in text


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    options = MetricsSettings(port=free_port())
    served = MetricsPage(options, lambda: page(FULL), logs.get("test"))
    await served.start()
    try:
        yield options.port
    finally:
        served.close()


async def said(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), 60)
    except ConnectionError:  # closed before all was read
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /metrics HTTP/1.1", b"200 OK"),
        (b"GET /metrics?x=1 HTTP/1.0", b"200 OK"),
        (b"HEAD /metrics HTTP/1.1", b"200 OK"),
        (b"GET / HTTP/1.1", b"404 Not Found"),
        (b"GET /metrics/../etc HTTP/1.1", b"404 Not Found"),
        (b"POST /metrics HTTP/1.1", b"405 Method Not Allowed"),
        (b"\x16\x03\x01\xff\x00", b"400 Bad Request"),
        (b"GET /metrics", b"400 Bad Request"),
    ],
)
async def test_one_page_and_nothing_else(request_line: bytes, status: bytes) -> None:
    async with served() as port:
        answer = await said(port, request_line + b"\r\nHost: x\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status)
    assert b"\r\nConnection: close" in head
    wanted = status == b"200 OK" and request_line.startswith(b"GET")
    assert (b"wanglou_agent_looks_total 7" in body) is wanted


async def test_the_content_type_is_the_formats() -> None:
    async with served() as port:
        answer = await said(port, b"GET /metrics HTTP/1.1\r\n\r\n")
    assert f"Content-Type: {CONTENT_TYPE}\r\n".encode() in answer


async def test_who_says_too_much_or_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.io.metrics_page.LIMIT_S", 0.2)
    assert LIMIT_S > 1
    async with served() as port:
        assert await said(port, b"GET /" + b"x" * 100_000) == b""
        assert await said(port, b"") == b""
        answers: list[Any] = await asyncio.gather(
            *(said(port, b"GET /metrics HTTP/1.1\r\n\r\n") for _ in range(30))
        )
    assert all(answer.startswith(b"HTTP/1.1 ") for answer in answers)


async def test_a_port_that_is_taken_ends_nothing() -> None:
    async with served() as port:
        second = MetricsPage(MetricsSettings(port=port), str, logs.get("test"))
        await second.start()
        second.close()
    none = MetricsPage(None, str, logs.get("test"))
    await none.start()
    none.close()
