"""The farm answers as an agent would, and pollers measure all of it."""

from __future__ import annotations

import pytest

from agent import ber, snmp
from agent.snmp import Varbind
from bench import farm, work
from bench.peers import Peer, address, interleaved
from bench.peers import farm as running
from tests.peers import free_port


def ask(mib: work.Mib, pdu: int, *oids: str, many: int = 0, variant: int = 0) -> list[Varbind]:
    asked = snmp.encode_message(
        snmp.V2C, b"public", pdu, 7, 0, many, [Varbind(ber.oid_content(oid)) for oid in oids]
    )
    reply = mib.reply(snmp.decode_message(asked), 61.0, variant)
    return snmp.decode_message(reply.message(b"\0\0\0\7")).varbinds()


def test_get_gives_every_scalar_and_says_what_there_is_not() -> None:
    bound = ask(work.work(), snmp.GET, *work.SCALARS, "1.3.6.1.9")
    assert [ber.oid_text(one.oid) for one in bound] == [*work.SCALARS, "1.3.6.1.9"]
    assert [one.tag for one in bound].count(ber.NO_SUCH_OBJECT) == 1
    assert bound[-1].tag == ber.NO_SUCH_OBJECT


def test_getbulk_walks_all_columns_side_by_side_and_one_alone() -> None:
    mib = work.work()
    whole = ask(mib, snmp.GETBULK, *work.COLUMNS, many=work.ROWS + 1)
    assert len(whole) == (work.ROWS + 1) * len(work.COLUMNS)
    for place, column in enumerate(work.COLUMNS):
        found = [ber.oid_text(one.oid) for one in whole[place :: len(work.COLUMNS)]]
        inside = [f"{column}.{row}" for row in range(1, work.ROWS + 1)]
        assert found[:-1] == inside
        assert not found[-1].startswith(f"{column}.")
        alone = ask(mib, snmp.GETBULK, column, many=work.ROWS + 1)
        assert [ber.oid_text(one.oid) for one in alone] == found


def test_behind_the_last_object_is_the_end() -> None:
    last = ".".join(map(str, work.work().rows[-1].arcs))
    assert ask(work.work(), snmp.GETNEXT, last)[0].tag == ber.END_OF_MIB_VIEW


def test_a_moving_device_counts_and_some_interfaces_go_down() -> None:
    counter, link = "1.3.6.1.2.1.31.1.1.1.6.1", "1.3.6.1.2.1.2.2.1.8.1"
    first, second = (ask(work.device(), snmp.GET, counter, variant=kind) for kind in (2, 3))
    assert first[0].value != second[0].value
    assert [ask(work.device(), snmp.GET, link, variant=kind)[0].value for kind in (0, 1)] == [1, 2]


@pytest.mark.parametrize("request_id", [1, 200, 70_000, 2**24, 2**31 - 1])
def test_request_ids_of_any_width_are_found(request_id: int) -> None:
    data = snmp.encode_message(snmp.V2C, b"public", snmp.GET, request_id, 0, 0, [])
    at, size = farm.id_of(data)
    assert int.from_bytes(data[at : at + size], "big") == request_id


@pytest.mark.peers
def test_pollers_measure_every_device_in_turn() -> None:
    port = free_port()
    peers = [Peer("ours", "ours", 8), Peer("pysnmp", "pysnmp_v1arch", 2)]
    addresses = [address(number) for number in range(8)]
    with running(port):
        for job in work.jobs(port).values():
            found = interleaved(peers, job, addresses, rounds=2)
            assert {name: [one.count for one in rows] for name, rows in found.items()} == {
                "ours": [8, 8],
                "pysnmp": [2, 2],
            }
