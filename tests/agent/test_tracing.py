"""Traces as evidence: rate-limited, one at a time, told beside the looks."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agent.io.trace import TraceFault, follow
from agent.io.tracing import Tracing, event
from agent.trace import Hop, Trace
from tests.agent.trapper import until
from transport.io.clock import Clock
from wire.codec import unpack
from wire.observation import Event, EventSource

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces")
WANGLOU = str(Path(sys.executable).with_name("wanglou"))

AGENT = """
[agent]
id = "a1"
operator = "cmcc"
state_dir = "state"
inventory = "inventory.toml"
interval_s = 1.0
icmp_timeout_s = 0.2
icmp_count = 1
trace_per_minute = 6
[county]
county = "140522"
"""


async def test_one_at_a_time_and_so_many_a_minute() -> None:
    told: list[Event] = []
    tracing = Tracing(6, Clock(), told.append)
    for number in range(5):
        tracing.silent(f"d{number}", "127.0.0.1")
    assert tracing._task is not None
    await tracing._task
    tracing.silent("d9", "127.0.0.1")
    await tracing.close()
    assert [(one.device, one.source, one.kind) for one in told] == [
        ("d0", EventSource.TRACE, "reached @ 1")
    ]


async def test_none_unless_allowed() -> None:
    tracing = Tracing(0, Clock(), lambda _: None)
    tracing.silent("d1", "127.0.0.1")
    assert tracing._task is None
    await tracing.close()


def test_where_a_path_ends_is_its_kind() -> None:
    ended = Trace("10.0.0.9", (Hop(1, "10.0.0.1", "prohibited", 2, (1_500_000,)),), "prohibited")
    assert (event("d1", ended, 5).kind, event("d1", ended, 5).text) == (
        "prohibited @ 1",
        "1 10.0.0.1 1.5 ms",
    )
    assert event("d1", Trace("10.0.0.9", (), "silent"), 5).kind == "silent"


def test_an_address_that_is_none() -> None:
    with pytest.raises(TraceFault):
        follow("10.0.0.999")


@needs_root
@pytest.mark.netns
def test_a_device_that_falls_silent_is_traced(tmp_path: Path) -> None:
    """Of an agent in a namespace whose only device stops answering; its outbox has the event."""
    (tmp_path / "agent.toml").write_text(AGENT)
    (tmp_path / "inventory.toml").write_text('[[target]]\ndevice = "d1"\naddress = "127.0.0.2"\n')
    script = (
        "ip link set lo up\n"
        "nft add table inet t\nnft add chain inet t i '{ type filter hook input priority 0; }'\n"
        f"echo on > {tmp_path}/on\nexec {WANGLOU} agent run --config {tmp_path}/agent.toml\n"
    )
    process = subprocess.Popen(
        ["unshare", "-n", "sh", "-ec", script], stderr=subprocess.DEVNULL, cwd=tmp_path
    )
    try:
        until(lambda: b'"measured"' in _said(tmp_path / "state"), "a first look")
        subprocess.run(
            ["nsenter", "-n", "-t", str(process.pid), "nft", "add", "rule", "inet", "t", "i",
             "ip", "daddr", "127.0.0.2", "icmp", "type", "echo-request", "drop"],
            check=True,
        )  # fmt: skip
        until(lambda: b'"event"' in _said(tmp_path / "state"), "the event")
    finally:
        process.terminate()
        process.wait(60)


def _said(state: Path) -> bytes:
    """All rows of the state lane that wait for a collector."""
    try:
        with closing(sqlite3.connect(f"file:{state}/agent.db?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT body FROM outbox_row WHERE kind = 'state'").fetchall()
    except sqlite3.OperationalError:  # not made yet
        return b""
    return b"".join(unpack(body) for (body,) in rows)
