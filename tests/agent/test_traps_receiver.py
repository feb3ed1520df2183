"""The receiver's process against Debian's snmptrap and snmpinform: on disk first, then answered."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from agent import traps
from tests.agent.trapper import LINK_DOWN, V3, Receiver, linkdown, receiver, until

pytestmark = pytest.mark.peers


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Receiver]:
    with receiver(tmp_path) as one:
        yield one


def test_versions_1_2c_and_3_say_the_same(here: Receiver) -> None:
    here.trap()
    here.trap(
        "1.3.6.1.4.1.8072", "127.0.9.9", "2", "0", "4242", "1.3.6.1.2.1.2.2.1.1.7", "i", "7",
        version=("-v1", "-c", "public"),
    )  # fmt: skip
    here.trap("", LINK_DOWN, version=("-e", "0x8000000001020304aa", *V3))
    rows = until(lambda: len(here.rows()) >= 3 and here.rows(), "three traps")
    assert {row.version for row in rows} == {"1", "2c", "3"}
    assert {row.oid for row in rows} == {LINK_DOWN}
    assert {row.refused for row in rows} == {""}
    (one,) = [row for row in rows if row.version == "1"]
    assert (one.agent, one.uptime) == ("127.0.9.9", 4242)
    assert "ifIndex.7=7" in traps.text(traps.unpacked(one.binds))
    assert "public" not in "".join(row.binds for row in rows)


@pytest.mark.parametrize("version", [("-v2c", "-c", "public"), V3], ids=["2c", "3"])
def test_an_inform_is_answered_and_stored_once(here: Receiver, version: tuple[str, ...]) -> None:
    assert here.inform(version) == 0
    (row,) = here.rows()
    assert (row.confirmed, row.oid, row.count) == (True, LINK_DOWN, 1)


def test_who_does_not_prove_himself_is_kept_and_not_answered(here: Receiver) -> None:
    assert here.inform(("-v2c", "-c", "guess"), tries=2) != 0
    wrong = tuple("wrong-secret" if one == "auth-secret-1" else one for one in V3)
    assert here.inform(wrong, tries=2) != 0
    here.trap(version=("-e", "0x8000000001020304aa", *wrong))
    here.trap(version=("-e", "0x8000000001020304aa", "-v3", "-l", "noAuthNoPriv", "-u", "trapper"))
    tally = until(
        lambda: here.tally().get("refused_not_believed", 0) >= 2 and here.tally(), "refusals"
    )
    assert tally["refused_community"] >= 1
    assert {row.refused for row in here.rows()} == {"community"}


def test_without_the_disk_no_answer_and_the_repeat_is_stored_once(here: Receiver) -> None:
    """The receiver is stopped before its commit; the sender repeats, and one row stands."""
    assert here.process is not None
    asker = subprocess.Popen(
        ["snmpinform", "-v2c", "-c", "public", "-t", "1", "-r", "30", f"127.0.0.1:{here.port}",
         "", LINK_DOWN],
        env={**os.environ, "MIBS": ""}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    here.process.send_signal(signal.SIGSTOP)
    here.kill(signal.SIGKILL)
    assert asker.poll() is None or asker.returncode == 0
    here.start()
    assert asker.wait(60) == 0
    assert sum(row.count for row in here.rows()) == 1


def test_our_engine_id_stays_and_its_boots_rise(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        with receiver(tmp_path) as one:
            assert one.inform(V3) == 0
            seen.append(one.engine())
    (first, second) = seen
    assert first[0] == second[0]
    assert first[1] < second[1]


def test_a_storm_is_counted_and_folded(here: Receiver) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", here.port))
        message = linkdown()
        for number in range(5000):
            sender.send(message)
            if number % 200 == 199:  # as fast as is read, so that the kernel has to drop none
                until(partial(_more_than, here, number - 200), "the last ones")
    tally = until(lambda: here.heard() >= 5000 and here.tally(), "all of them")
    lost = tally.get("kernel_drops", 0) + tally.get("given_up", 0)
    assert sum(row.count for row in here.rows()) + lost == 5000
    assert len(here.rows()) < 50


def _more_than(here: Receiver, count: int) -> bool:
    return here.heard() > count
