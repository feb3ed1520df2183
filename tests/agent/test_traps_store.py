"""The trap store: folding, informs known again, what is pending, and a bounded file."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.io import traps_store
from agent.io.traps_decode import Decoder
from agent.io.traps_receiver import Receiver, listen
from agent.io.traps_store import Arrived, TrapStore
from agent.traps import Bind, Trap
from config.traps import TrapAccess
from tests.agent.trapper import linkdown, until
from transport.io.clock import Clock


def trap(number: int = 1, *, confirmed: bool = False) -> Trap:
    bind = Bind("1.3.6.1.2.1.2.2.1.1.1", "Integer", str(number))
    return Trap("2c", confirmed, number, "1.3.6.1.6.3.1.1.5.3", 1, (bind,))


def came(number: int = 1, *, at_ms: int = 0, confirmed: bool = False) -> Arrived:
    return Arrived(trap(number, confirmed=confirmed), "10.0.0.1", 162, at_ms)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TrapStore]:
    one = TrapStore.open(tmp_path)
    yield one
    one.close()


def test_equal_ones_count_in_one_row_for_a_while(store: TrapStore) -> None:
    store.append([came(at_ms=at) for at in (0, 1, 9_999, 10_000)], {})
    assert [(row.from_ms, row.at_ms, row.count) for row in store.newest(9)] == [
        (10_000, 10_000, 1),
        (0, 9_999, 3),
    ]
    assert store.tally() == {"stored": 2, "folded": 2}


def test_a_storm_of_different_ones_gets_few_rows_and_loses_no_count(store: TrapStore) -> None:
    store.append([came(number) for number in range(1000)], {})
    rows = store.newest(1000)
    assert len(rows) == traps_store.STORM
    assert sum(row.count for row in rows) == 1000


def test_informs_are_never_folded_with_different_ones(store: TrapStore) -> None:
    store.append([came(number, confirmed=True) for number in range(100)], {})
    assert len(store.newest(1000)) == 100


def test_a_repeated_inform_is_known_again_also_by_the_next_process(
    store: TrapStore, tmp_path: Path
) -> None:
    store.append([came(confirmed=True)], {})
    store.close()
    again = TrapStore.open(tmp_path)
    again.append([came(confirmed=True, at_ms=5)], {})
    assert [row.count for row in again.newest(9)] == [1]
    assert again.tally() == {"repeated": 1, "stored": 1}
    again.close()


def test_pending_is_what_counts_more_than_was_taken(store: TrapStore) -> None:
    store.append([came(1), came(2)], {})
    first, second = store.pending(9)
    store.take([(first.id, 1, "d1")])
    assert store.pending(9) == [second]
    store.append([came(1, at_ms=5)], {})
    assert store.pending(9) == [replace(first, count=2, taken=1, at_ms=5, device="d1"), second]


def test_taken_rows_make_room_and_pending_ones_stay(tmp_path: Path) -> None:
    store = TrapStore.open(tmp_path)
    store._rows_most = 100
    store.append([came(number, at_ms=number * 20_000) for number in range(900)], {})
    store.take([(row.id, row.count, "d1") for row in store.pending(890)])
    store.append([came(5000 + number, at_ms=10**8) for number in range(1000)], {})
    assert len(store.newest(10_000)) <= 100 + traps_store.STORM
    assert len([row for row in store.pending(10_000) if row.at_ms < 10**8]) == 10
    assert store.tally()["pruned"] > 700
    store.close()


def test_a_full_file_gives_up_what_was_taken(tmp_path: Path) -> None:
    store = TrapStore.open(tmp_path)
    store.append([came(number, at_ms=number * 20_000) for number in range(200)], {})
    store.take([(row.id, row.count, "d1") for row in store.pending(1000)])
    store.make_room(1)
    assert len(store.newest(1000)) == 100
    store.close()


class Failing(TrapStore):
    """A store whose disk fails."""

    def append(self, arrived: Sequence[Arrived], tally: Mapping[str, int]) -> None:
        raise sqlite3.OperationalError(f"disk I/O error: {len(arrived)} {len(tally)}")


def test_nothing_is_answered_that_is_not_on_disk(tmp_path: Path) -> None:
    """An inform; the disk fails: silence. The disk is back: the repeat is answered, stored once."""
    failing = Failing.open(tmp_path)
    decoder = Decoder(TrapAccess(), b"12345", 1)
    with listen("127.0.0.1", 0) as sock, _sender(sock.getsockname()) as sender:
        bad = Receiver(sock, failing, decoder, Clock())
        sender.send(linkdown(pdu=0xA6))
        until(bad.read, "the inform")
        with pytest.raises(sqlite3.OperationalError):
            bad.step()
        with pytest.raises(BlockingIOError):
            sender.recv(9999)
        good = Receiver(sock, TrapStore(failing.db), decoder, Clock())
        for _ in range(2):
            sender.send(linkdown(pdu=0xA6))
            until(good.read, "the repeat")
            good.step()
            sender.settimeout(60)
            assert sender.recv(9999) == linkdown(pdu=0xA2)
        assert [row.count for row in TrapStore(failing.db).newest(9)] == [1]
    failing.close()


def _sender(address: tuple[str, int]) -> socket.socket:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect(address)
    sender.setblocking(False)  # noqa: FBT003  the standard library's signature
    return sender
