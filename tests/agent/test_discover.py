"""What a sweep proposes: profiles, names, parents, and marks against a present inventory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.discover import (
    Found,
    Mark,
    Neighbour,
    closer_query,
    fits,
    identified,
    identity_query,
    looked_closer,
    propose,
)
from agent.memory import Shared
from agent.query import Access, Query, SnmpLook, SnmpResult
from agent.recording import Replay, look_at, parse
from config.inventory import SnmpVersion, Target
from config.io.load import load_profiles

PROFILES = list(load_profiles().values())
IF_NAME = "1.3.6.1.2.1.31.1.1.1.1"
UPTIME = "1.3.6.1.2.1.1.3.0"
ROUTER = Found("192.0.2.1", 161, icmp=True, credential="ro", name="core-1", chassis=b"\2\0\0\0\0\1",
               object_id="1.3.6.1.4.1.32473.1", has=frozenset((UPTIME, IF_NAME)))  # fmt: skip
SWITCH = replace(
    ROUTER, address="192.0.2.2", name="sw-1", chassis=b"\2\0\0\0\0\2",
    neighbours=(Neighbour(b"\2\0\0\0\0\1", "ge-0/0/7", "core-1"),),
)  # fmt: skip
UPS = replace(
    ROUTER, address="192.0.2.3", name="sw-1", chassis=b"", object_id="1.3.6.1.2.1.33.250.1",
    has=frozenset((UPTIME,)), neighbours=(Neighbour(b"\2\0\0\0\0\2", "p3", "other"),
                                          Neighbour(b"\2\0\0\0\0\x09", "p1", "stranger")),
)  # fmt: skip
DEAD = Found("192.0.2.4", 161)
ECHO = Found("192.0.2.5", 161, icmp=True)


def target(found: Found, device: str, *profiles: str, credential: str | None = "ro") -> Target:
    return Target.model_validate(
        {"device": device, "address": found.address, "credential": credential,
         "profiles": profiles}, strict=False,
    )  # fmt: skip


def test_rows_of_what_answered_with_profiles_and_evidence() -> None:
    rows = propose([ROUTER, SWITCH, UPS, DEAD, ECHO], PROFILES)
    assert [(row.mark, row.target.device, row.target.profiles) for row in rows] == [
        (Mark.NEW, "core-1", ("generic", "interfaces")),
        (Mark.NEW, "sw-1", ("generic", "interfaces")),
        (Mark.NEW, "sw-1-192-0-2-3", ("generic", "ups")),
        (Mark.NEW, "dev-192-0-2-5", ()),
    ]
    assert "ups: sysObjectID 1.3.6.1.2.1.33.250.1" in rows[2].evidence
    assert f"interfaces: 有 has {IF_NAME}" in rows[0].evidence
    assert rows[3].target.credential is None
    assert rows[3].target.icmp
    assert rows[3].evidence == ["ICMP"]
    assert all(not row.parents for row in rows)


def test_parents_are_one_step_nearer_to_a_root_with_the_evidence() -> None:
    for root in ("192.0.2.1", "core-1"):
        router, switch, ups = propose([ROUTER, SWITCH, UPS], PROFILES, roots=[root])
        assert router.parents == []
        assert switch.parents == ["core-1"]
        assert "LLDP: sw-1 ↔ core-1 ge-0/0/7" in switch.evidence
        assert ups.parents == ["sw-1"]
        assert ups.neighbours == ["sw-1 p3", "stranger p1"]
    (_, switch, _) = propose([ROUTER, SWITCH, UPS], PROFILES, roots=["nowhere"])
    assert switch.parents == []
    # Seen from the other end alone the line is the same.
    bare = replace(SWITCH, neighbours=())
    seen = replace(ROUTER, neighbours=(Neighbour(SWITCH.chassis, "e1", "sw-1"),))
    assert propose([seen, bare], PROFILES, roots=["core-1"])[1].parents == ["core-1"]


def test_a_parent_that_the_register_lacks_is_marked_and_none_is_struck_out() -> None:
    known = [
        target(SWITCH, "sw-1", "generic", "interfaces"),
        target(ROUTER, "core-1", "generic", "interfaces"),
    ]

    def marks(parents: dict[str, tuple[str, ...]]) -> tuple[Mark, list[str]]:
        rows = propose([ROUTER, SWITCH], PROFILES, known, ["core-1"], parents)
        assert rows[0].differs == []
        return rows[1].mark, rows[1].differs

    assert marks({})[1] == []
    assert marks({"sw-1": ("core-1", "radio")})[1] == []
    mark, differs = marks({"sw-1": ("radio",), "core-1": ()})
    assert (mark, differs) == (Mark.CHANGED, ["上级 parents: radio → radio core-1"])
    assert marks({"sw-1": ()})[1] == ["上级 parents: - → core-1"]


@pytest.mark.parametrize(
    ("found", "old", "mark", "differs"),
    [
        (ROUTER, target(ROUTER, "r", "generic", "interfaces"), Mark.SAME, []),
        (ROUTER, target(ROUTER, "r", "interfaces", "generic"), Mark.SAME, []),
        (ROUTER, target(ROUTER, "r", "generic", "interfaces", "own"), Mark.SAME, []),
        (ROUTER, target(ROUTER, "r", "generic", "ups"), Mark.CHANGED,
         ["profiles: generic ups → generic interfaces"]),
        (ROUTER, target(ROUTER, "r", "generic", "interfaces", credential="old"), Mark.CHANGED,
         ["credential: old → ro"]),
        (ECHO, target(ECHO, "r", "generic"), Mark.CHANGED, ["SNMP 没有应答 is not answered"]),
        (ECHO, target(ECHO, "r", credential=None), Mark.SAME, []),
        (DEAD, target(DEAD, "r", "generic"), Mark.GONE, []),
    ],
)  # fmt: skip
def test_a_row_of_which_the_inventory_knows(
    found: Found, old: Target, mark: Mark, differs: list[str]
) -> None:
    (row,) = propose([found], PROFILES, [old])
    assert (row.mark, row.target.device, row.differs) == (mark, "r", differs)
    if mark is not Mark.CHANGED:
        assert row.target == old


def test_a_name_that_is_taken_or_no_id() -> None:
    old = target(replace(ROUTER, address="192.0.2.99"), "core-1", "generic")
    (row,) = propose([ROUTER], PROFILES, [old])
    assert row.target.device == "core-1-192-0-2-1"
    (row,) = propose([replace(ROUTER, name="阳城 核心/1")], PROFILES)
    assert row.target.device == "1"
    (row,) = propose([replace(ROUTER, name="望楼")], PROFILES)
    assert row.target.device == "dev-192-0-2-1"
    (row,) = propose([replace(ROUTER, name="x" * 255, address="2001:db8::1")], PROFILES)
    assert len(row.target.device) == 48


def test_a_prefix_is_not_a_longer_number() -> None:
    ups = next(profile for profile in PROFILES if profile.id == "ups")
    assert fits(ups, replace(DEAD, object_id="1.3.6.1.2.1.33"))
    assert not fits(ups, replace(DEAD, object_id="1.3.6.1.2.1.330.1"))


def test_what_is_asked_and_read() -> None:
    recorded = parse(
        b"1.0.8802.1.1.2.1.3.2.0|4x|020000000002\n"
        b"1.0.8802.1.1.2.1.4.1.1.5.0.3.1|4x|020000000001\n"
        b"1.0.8802.1.1.2.1.4.1.1.7.0.3.1|4|ge-0/0/7\n"
        b"1.0.8802.1.1.2.1.4.1.1.9.0.3.1|4|core-1\n"
        b"1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.32473.5\n1.3.6.1.2.1.1.3.0|67|1\n"
        b"1.3.6.1.2.1.1.5.0|4|sw-1\n1.3.6.1.2.1.31.1.1.1.1.1|4|e1\n"
        b"1.3.6.1.2.1.31.1.1.1.1.2|4|e2\n",
        "x",
    )

    def asked(query: Query) -> SnmpResult:
        look = SnmpLook("d", "", 0, Access(SnmpVersion.V2C), query)
        return look_at(look, Replay(recorded), Shared())

    found = identified(Found("192.0.2.2", 161), "ro", asked(identity_query()))
    found = looked_closer(found, PROFILES, asked(closer_query(PROFILES)))
    assert (found.credential, found.name, found.object_id) == ("ro", "sw-1", "1.3.6.1.4.1.32473.5")
    assert found.has == {UPTIME, IF_NAME}
    assert found.chassis == b"\2\0\0\0\0\2"
    assert found.neighbours == (Neighbour(b"\2\0\0\0\0\1", "ge-0/0/7", "core-1"),)
