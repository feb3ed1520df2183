"""The ICMP engine against the kernel, firewalls, delay and its own limits."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent.io.icmp import IcmpEngine, IcmpOptions
from agent.query import IcmpLook, IcmpResult
from wire.observation import Outcome

ROOT = Path(__file__).parents[2]
WANGLOU = str(Path(sys.executable).with_name("wanglou"))
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces")


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[IcmpEngine]:
    engine = IcmpEngine()
    await engine.start()
    if engine._sockets.missing:
        pytest.skip("may not send ICMP")
    yield engine
    engine.close()


def in_namespace(script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in a network namespace of its own, with loopback up."""
    return subprocess.run(
        ["unshare", "-n", "sh", "-ec", f"ip link set lo up\n{script}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )


def lines(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """JSON lines by target."""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["target"]: line for line in found if "target" in line}


async def test_the_kernel_answers(engine: IcmpEngine) -> None:
    result = await engine.look(IcmpLook("d", "127.0.0.1", count=4, interval_s=0.005))
    assert (result.outcome, result.reason) == (Outcome.MEASURED, "")
    assert (result.sent, result.received, result.loss) == (4, 4, 0.0)
    assert result.median_ns is not None
    assert result.mean_ns is not None
    assert 0 < min(result.rtts_ns) <= result.median_ns <= max(result.rtts_ns)


async def test_ipv6(engine: IcmpEngine) -> None:
    result = await engine.look(IcmpLook("d", "::1", count=2, interval_s=0.001))
    assert (result.outcome, result.received) == (Outcome.MEASURED, 2)


@pytest.mark.parametrize("buffer", [4 * 1024 * 1024, 30_000])
async def test_no_living_host_is_lost_among_thousands(buffer: int) -> None:
    engine = IcmpEngine(IcmpOptions(packets_per_s=1_000_000, receive_buffer=buffer))
    await engine.start()
    looks = [IcmpLook("d", f"127.1.{n >> 8}.{n & 255}", count=1) for n in range(3000)]
    results = await asyncio.gather(*map(engine.look, looks))
    assert Counter(result.outcome for result in results) == {Outcome.MEASURED: 3000}
    assert engine.stats.in_flight == engine.stats.queued == 0
    engine.close()


async def test_others_echoes_do_not_wake_us(engine: IcmpEngine) -> None:
    other = IcmpEngine()
    await other.start()
    looks = [IcmpLook("d", f"127.2.0.{n}", count=3, interval_s=0.002) for n in range(1, 50)]
    results: list[IcmpResult] = []
    for one in await asyncio.gather(*(
        asyncio.gather(*map(each.look, looks)) for each in (engine, other)
    )):  # fmt: skip
        results += one
    other.close()
    assert Counter(result.received for result in results) == {3: 98}
    assert engine.stats.foreign == other.stats.foreign == 0


async def test_looks_at_one_address_follow_one_another(engine: IcmpEngine) -> None:
    look = IcmpLook("d", "127.0.0.1", count=2, interval_s=0.002)
    results = await asyncio.gather(*(engine.look(look) for _ in range(5)))
    assert [(result.sent, result.received) for result in results] == [(2, 2)] * 5


async def test_what_cannot_be_sent_is_our_own_fault(engine: IcmpEngine) -> None:
    for address, reason in (("x", "bad_address"), ("255.255.255.255", "not_permitted")):
        result = await engine.look(IcmpLook("d", address))
        assert (result.outcome, result.reason) == (Outcome.COULD_NOT_LOOK, reason)
        assert result.loss is None
    assert engine.stats.sent == 0


async def test_closing_ends_looks_under_way(engine: IcmpEngine) -> None:
    look = IcmpLook("d", "127.0.0.1", count=2, interval_s=30)
    waiting = [asyncio.ensure_future(engine.look(look)) for _ in range(2)]
    await asyncio.sleep(0)
    engine.close()
    for result in await asyncio.gather(*waiting):
        assert (result.outcome, result.reason) == (Outcome.COULD_NOT_LOOK, "closed")
    assert engine.stats.in_flight == 0


@needs_root
@pytest.mark.netns
def test_firewalls_drop_reject_and_forbid() -> None:
    done = in_namespace(
        "nft add table inet t\n"
        "nft add chain inet t i '{ type filter hook input priority 0; }'\n"
        "nft add chain inet t o '{ type filter hook output priority 0; }'\n"
        "nft add rule inet t i ip daddr 127.0.0.2 icmp type echo-request drop\n"
        "nft add rule inet t i ip daddr 127.0.0.3 icmp type echo-request"
        " reject with icmp type admin-prohibited\n"
        "nft add rule inet t i ip daddr 127.0.0.4 icmp type echo-request"
        " reject with icmp type host-unreachable\n"
        "nft add rule inet t i ip6 daddr ::1 icmpv6 type echo-request"
        " reject with icmpv6 type admin-prohibited\n"
        "nft add rule inet t o ip daddr 127.0.0.5 drop\n"
        f"{WANGLOU} ping 127.0.0.1-127.0.0.5 ::1 10.0.0.1"
        " --timeout 0.3 --interval 0.01 --count 2 --json || echo >&2 $?\n"
    )
    told = {target: (line["outcome"], line["reason"]) for target, line in lines(done).items()}
    assert told == {
        "127.0.0.1": ("measured", ""),
        "127.0.0.2": ("no_answer", "timeout"),
        "127.0.0.3": ("no_answer", "prohibited"),
        "127.0.0.4": ("no_answer", "host_unreachable"),
        "127.0.0.5": ("could_not_look", "not_permitted"),
        "::1": ("no_answer", "prohibited"),
        "10.0.0.1": ("could_not_look", "network_unreachable"),
    }
    assert lines(done)["127.0.0.3"]["errors"] == [
        {"kind": "prohibited", "router": "127.0.0.3", "count": 2}
    ]
    assert lines(done)["127.0.0.2"]["loss"] == 1.0
    assert lines(done)["10.0.0.1"]["loss"] is None
    assert done.stderr.split() == ["1"]


@needs_root
@pytest.mark.netns
@pytest.mark.parametrize("allowed", ["0 2147483647", "1 0"])
def test_without_privileges_a_ping_socket_or_a_plain_word(allowed: str) -> None:
    nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups"
    if not shutil.which("setpriv"):
        pytest.skip("needs setpriv")
    done = in_namespace(
        f"sysctl -qw net.ipv4.ping_group_range='{allowed}'\n"
        "nft add table inet t\n"
        "nft add chain inet t i '{ type filter hook input priority 0; }'\n"
        "nft add rule inet t i ip daddr 127.0.0.3 icmp type echo-request"
        " reject with icmp type host-unreachable\n"
        f"{nobody} {sys.executable} -m cli.main --help >/dev/null || exit 77\n"
        f"{nobody} {WANGLOU} ping 127.0.0.1 ::1 127.0.0.3 --count 2 --interval 0.01"
        " --timeout 0.3 --json || echo status $? >&2\n"
    )
    if done.returncode == 77:
        pytest.skip("an unprivileged user cannot read this tree")
    found = lines(done)
    if allowed == "1 0":
        assert {line["reason"] for line in found.values()} == {"no_permission"}
        assert done.stderr.count("没有发送 ICMP 的权限") == 1
    else:
        assert {line["outcome"] for name, line in found.items() if name != "127.0.0.3"} == {
            "measured"
        }
        assert found["127.0.0.3"]["reason"] == "host_unreachable"
        assert found["127.0.0.3"]["errors"] == [
            {"kind": "host_unreachable", "router": "127.0.0.3", "count": 2}
        ]
    assert "status 1" in done.stderr


@needs_root
@pytest.mark.netns
@pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="needs a TUN device")
@pytest.mark.parametrize("buffer", [4 * 1024 * 1024, 400_000])
def test_with_delay_no_living_host_is_lost_and_no_dead_one_found(buffer: int) -> None:
    script = ROOT / "tests" / "agent" / "tun_world.py"
    done = in_namespace(f"PYTHONPATH={ROOT} {sys.executable} {script} {buffer}")
    assert not done.stderr
    said = json.loads(done.stdout)
    assert said["outcomes"] == {
        "living measured": 1333,
        "dead no_answer timeout": 667,
        "behind no_answer ttl_exceeded": 50,
    }
    assert said["routers"] == ["10.9.255.254"]
    assert said["early_ns"] >= 20_000_000
