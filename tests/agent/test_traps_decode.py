"""Octets to traps: what each version says, and ten thousand that say nothing sensible."""

from __future__ import annotations

import json

import pytest

from agent import ber, traps
from agent.io.traps_decode import Decoder
from agent.io.traps_receiver import plain
from agent.traps import Bind, Trap
from config.traps import TrapAccess
from tests.agent.mutants import mutants
from tests.agent.trapper import LINK_DOWN, USER, V3, capture, linkdown

ENGINE = bytes.fromhex("80004fb805000102030405060708090a0b")
SOURCE = ("127.0.0.1", 1234)


def decoder(**given: object) -> Decoder:
    access = {"communities": ["public"], "user": [USER], **given}
    return Decoder(TrapAccess.model_validate_json(json.dumps(access)), ENGINE, 3)


@pytest.mark.parametrize(
    ("generic", "specific", "oid"),
    [
        (0, 0, "1.3.6.1.6.3.1.1.5.1"),
        (2, 0, LINK_DOWN),
        (5, 9, "1.3.6.1.6.3.1.1.5.6"),
        (6, 17, "1.3.6.1.4.1.9.0.17"),
        (99, 17, "1.3.6.1.4.1.9.0.99"),
    ],
)
def test_a_trap_of_version_1_has_an_oid_of_version_2(generic: int, specific: int, oid: str) -> None:
    assert traps.v2_oid("1.3.6.1.4.1.9", generic, specific) == oid


def test_an_inform_is_answered_with_its_own_bindings() -> None:
    heard = decoder().take(linkdown(pdu=0xA6), SOURCE)
    assert heard.trap is not None
    assert heard.trap.confirmed
    assert heard.replies == (linkdown(pdu=0xA2),)


def test_a_secret_in_the_bindings_is_not_kept() -> None:
    data = linkdown(more=((traps.TRAP_COMMUNITY, ber.encode(ber.OCTET_STRING, b"public")),))
    heard = decoder().take(data, SOURCE)
    assert heard.trap is not None
    assert all(one.oid != traps.TRAP_COMMUNITY for one in heard.trap.binds)


def test_nobody_in_particular_is_believed_without_communities() -> None:
    heard = decoder(communities=[]).take(linkdown(community=b"whatever"), SOURCE)
    assert (heard.refused, heard.trap is not None) == ("", True)


def test_same_and_repeated_are_two_things() -> None:
    trap = Trap("2c", True, 1, LINK_DOWN, 10, (Bind("1.3.6.1.2.1.2.2.1.1.1", "Integer", "1"),))  # noqa: FBT003  a row
    later = Trap("2c", True, 2, LINK_DOWN, 20, trap.binds)  # noqa: FBT003  a row
    assert traps.same(trap) == traps.same(later)
    assert traps.inform_key(trap, "a", 1) != traps.inform_key(later, "a", 1)
    assert traps.inform_key(trap, "a", 1) != traps.inform_key(trap, "b", 1)
    assert traps.unpacked(traps.packed(trap.binds)) == trap.binds


def test_an_address_as_the_inventory_has_it() -> None:
    assert [plain(one) for one in ("::ffff:10.0.0.1", "fe80::1%eth0", "10.0.0.1")] == [
        "10.0.0.1", "fe80::1", "10.0.0.1",
    ]  # fmt: skip


@pytest.mark.peers
def test_ten_thousand_mutants_of_all_versions_end_nothing() -> None:
    """Every one gets a verdict; the sound one is still understood behind them."""
    v1 = capture("snmptrap", ("-v1", "-c", "public"), ("1.3.6.1.4.1.9", "10.0.0.1", "6", "17", "5"))
    v3 = capture("snmptrap", ("-e", "0x8000000001020304aa", *V3), ("", LINK_DOWN))
    one = decoder()
    seeds = ((v1, 3000), (linkdown(), 3000), (linkdown(pdu=0xA6), 3000), (v3, 1000))
    for number, (seed, count) in enumerate(seeds):
        for data in mutants(seed, count, number):
            heard = one.take(data, SOURCE)
            assert heard.trap is not None or heard.refused or heard.replies
    for seed, _ in seeds:
        assert one.take(seed, SOURCE).trap is not None


def test_the_users_are_of_net_snmps_names() -> None:
    """All protocols that ours and Debian's both have make keys."""
    auths = ("MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512")
    privs = ("DES", "AES", "AES-192", "AES-256", "AES-192-C", "AES-256-C")
    for auth, priv in zip(auths, privs, strict=True):
        decoder(user=[{**USER, "auth": auth, "priv": priv}])
