"""Whether we have an uplink: what witnesses prove, and the routing tables."""

from __future__ import annotations

import pytest

from agent.witness import MOST, Witnesses, gateways4, gateways6

GATE, OTHER = "192.0.2.1", "198.51.100.9"


def test_a_witness_that_never_answered_proves_nothing() -> None:
    witnesses = Witnesses([GATE])
    assert not witnesses.heard({GATE: False})
    assert not witnesses.blind


@pytest.mark.parametrize(("collector", "blind"), [(True, False), (False, True), (None, True)])
def test_all_silent_that_answered_before_and_no_collector_is_no_uplink(
    collector: bool | None,  # noqa: FBT001  a row's first column
    blind: bool,  # noqa: FBT001  a row's last column
) -> None:
    witnesses = Witnesses([GATE, OTHER])
    assert not witnesses.heard({GATE: True, OTHER: False})
    assert witnesses.heard({GATE: False, OTHER: False})
    witnesses.decide(collector=collector)
    assert witnesses.blind is blind
    assert not witnesses.heard({GATE: False, OTHER: True})
    assert not witnesses.blind


def test_what_we_could_not_ask_is_no_silence() -> None:
    witnesses = Witnesses([GATE])
    witnesses.heard({GATE: True})
    assert not witnesses.heard({})


def test_other_witnesses_keep_only_what_they_proved() -> None:
    witnesses = Witnesses([GATE, GATE, OTHER])
    assert witnesses.addresses == (GATE, OTHER)
    witnesses.heard({GATE: True, OTHER: True})
    witnesses.replace([OTHER])
    assert witnesses.proven == {OTHER}
    witnesses.replace(f"10.0.0.{number}" for number in range(20))
    assert len(witnesses.addresses) == MOST


HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"


def test_gateways_of_ipv4_default_routes_first() -> None:
    table = (
        HEAD + "eth1\t0000000A\tFE01000A\t0003\t0\t0\t0\t000000FF\t0\t0\t0\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "eth2\t0000000B\t010200C0\t0003\t0\t0\t0\t000000FF\t0\t0\t0\n"
    )
    assert gateways4(table) == [GATE, "10.0.1.254"]


def test_gateways_of_ipv6_with_scope() -> None:
    zero, link = "0" * 32, "fe80" + "0" * 27 + "1"
    table = (
        f"fd{zero[2:]} 40 {zero} 00 {zero} 00000100 00000001 00000000 00000001     eth0\n"
        f"{zero} 00 {zero} 00 {link} 00000400 00000003 00000000 00000003     eth0\n"
        f"{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n"
    )
    assert gateways6(table) == ["fe80::1%eth0"]


@pytest.mark.parametrize(
    "table", ["", "x", HEAD, HEAD + "eth0\tzz\tyy\t0003\n", HEAD + "e\t0\tFFFFFFFFFF\t0003\n"]
)
def test_what_is_no_table_has_no_gateway(table: str) -> None:
    assert gateways4(table) == []
    assert gateways6(table) == []
