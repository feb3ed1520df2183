"""``wanglou trace`` through namespaces: routers that answer, forbid, or say nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.trace import Hop, Trace, line, trimmed

WANGLOU = str(Path(sys.executable).with_name("wanglou"))
ROOT = Path(__file__).parents[2]

PATH = """
ip link set lo up
ip netns add r$$ ; ip netns add h$$
trap 'ip netns del r'$$'; ip netns del h'$$ EXIT
ip link add wa type veth peer name wb netns r$$
ip -n r$$ link add wc type veth peer name wd netns h$$
ip addr add 10.1.0.1/24 dev wa; ip addr add fd01::1/64 dev wa nodad; ip link set wa up
ip -n r$$ addr add 10.1.0.2/24 dev wb; ip -n r$$ addr add fd01::2/64 dev wb nodad
ip -n r$$ addr add 10.2.0.1/24 dev wc; ip -n r$$ addr add fd02::1/64 dev wc nodad
ip -n h$$ addr add 10.2.0.2/24 dev wd; ip -n h$$ addr add fd02::2/64 dev wd nodad
for end in wb wc lo; do ip -n r$$ link set $end up; done
ip -n h$$ link set wd up
ip netns exec r$$ sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip netns exec r$$ sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
ip route add 10.2.0.0/24 via 10.1.0.2; ip route add fd02::/64 via fd01::2
ip -n h$$ route add 10.1.0.0/24 via 10.2.0.1; ip -n h$$ route add fd01::/64 via fd02::1
ip netns exec r$$ nft add table inet t
ip netns exec r$$ nft add chain inet t f '{ type filter hook forward priority 0; }'
"""


def along(script: str) -> subprocess.CompletedProcess[str]:
    """Run in a namespace from which a router (10.1.0.2) leads to a host (10.2.0.2)."""
    return subprocess.run(
        ["unshare", "-n", "bash", "-ec", f"{PATH}\n{script}"],
        capture_output=True, text=True, check=False, timeout=120, cwd=ROOT,
    )  # fmt: skip


def told(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.stdout, done.stderr
    return [json.loads(one) for one in done.stdout.splitlines()]


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces")


@needs_root
@pytest.mark.netns
def test_a_path_is_followed_to_its_end() -> None:
    trace = f"{WANGLOU} trace --json --timeout 0.3"
    done = along(
        f"{WANGLOU} trace --json --timeout 10 10.2.0.2 || true\n"
        f"{WANGLOU} trace --json --timeout 10 fd02::2 || true\n"
        "ip netns exec r$$ nft add rule inet t f ip daddr 10.2.0.2 drop\n"
        f"{trace} 10.2.0.2 || true\n{trace} 10.2.0.77 || true\n"
        "ip netns exec r$$ nft flush chain inet t f\n"
        "ip netns exec r$$ nft add rule inet t f reject with icmpx type admin-prohibited\n"
        f"{trace} 10.2.0.2 || true\n{trace} fd02::2 || true\n"
    )
    v4, v6, dropped, nobody, forbidden, forbidden_v6 = told(done)
    assert [hop["router"] for hop in v4["hops"]] == ["10.1.0.2", "10.2.0.2"]
    assert [hop["said"] for hop in v4["hops"]] == ["ttl_exceeded", "reached"]
    assert [hop["router"] for hop in v6["hops"]] == ["fd01::2", "fd02::2"]
    assert (v4["end"], v6["end"]) == ("reached", "reached")
    assert (dropped["end"], [hop["router"] for hop in dropped["hops"]]) == ("silent", ["10.1.0.2"])
    assert nobody["end"] in {"silent", "host_unreachable"}
    assert (forbidden["end"], forbidden["hops"][-1]["router"]) == ("prohibited", "10.1.0.2")
    assert forbidden_v6["end"] == "prohibited"


@needs_root
@pytest.mark.netns
def test_errors_of_routers_stand_in_the_evidence_of_echoes() -> None:
    """An echo whose hop limit ends on the way, and one that a router forbids: who said it."""
    done = along(
        "ip netns exec r$$ nft add rule inet t f ip daddr 10.2.0.2 reject with icmp type"
        " admin-prohibited\n"
        f"{WANGLOU} ping 10.2.0.2 --count 2 --interval 0.01 --timeout 0.5 --json || true\n"
        "ip netns exec r$$ nft flush chain inet t f\n"
        "sysctl -qw net.ipv4.ip_default_ttl=1\n"
        f"{WANGLOU} ping 10.2.0.2 --count 2 --interval 0.01 --timeout 0.5 --json || true\n"
        "sysctl -qw net.ipv4.ip_default_ttl=64 net.ipv4.ping_group_range='0 2147483647'\n"
        "setpriv --bounding-set -net_raw --inh-caps -net_raw "
        f"{WANGLOU} ping 10.2.0.2 --count 3 --interval 0.01 --timeout 0.5 --json || true\n"
    )
    forbidden, expired, unprivileged = told(done)
    assert (forbidden["reason"], forbidden["errors"]) == (
        "prohibited",
        [{"kind": "prohibited", "router": "10.1.0.2", "count": 2}],
    )
    assert (expired["reason"], expired["errors"]) == (
        "ttl_exceeded",
        [{"kind": "ttl_exceeded", "router": "10.1.0.2", "count": 2}],
    )
    assert (unprivileged["outcome"], unprivileged["received"]) == ("measured", 3)
    assert unprivileged["rtt_us"]["jitter"] is not None


def test_a_trace_in_one_line() -> None:
    near, mute = Hop(1, "10.0.0.1", "ttl_exceeded", 2, (1_000_000, 2_000_000)), Hop(2, sent=2)
    assert trimmed("10.9.9.9", [near, mute, mute]) == Trace("10.9.9.9", (near,), "silent")
    assert trimmed("10.9.9.9", [mute]).last is None
    far = Hop(3, "10.9.9.9", "reached", 2, (3_000_000,))
    whole = trimmed("10.9.9.9", [near, mute, far])
    assert whole.reached
    assert line(whole) == "1 10.0.0.1 1.0 ms; 2 *; 3 10.9.9.9 3.0 ms"
    assert len(line(trimmed("x", [Hop(n, "10.20.30.40", "ttl_exceeded") for n in range(64)]))) < 501
