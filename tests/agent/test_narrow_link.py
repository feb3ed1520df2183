"""A narrow link (FAULTS F8) and a silent cut (F6) between real processes in namespaces.

Here the order is asserted; the figures of F8 are ``bench/state_first.py``'s.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.agent.narrow import Narrow

pytestmark = [
    pytest.mark.peers,
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs network namespaces"),
]


def test_on_a_narrow_link_the_present_overtakes_six_hours(tmp_path: Path) -> None:
    with Narrow(tmp_path, devices=200, rate="256kbit") as narrow:
        narrow.start()
        assert narrow.until("ready", "send")["rows"] == 600
        known = 0
        while known < 200 + 4:  # the abnormal ones by each method, then the rest
            row = narrow.until("row", "hear")
            assert row["lane"] == "state"
            known += row["known"]
        narrow.until("row", "hear", lane="history")


def test_a_silent_cut_is_seen_and_what_was_left_goes_on(tmp_path: Path) -> None:
    with Narrow(tmp_path, devices=50) as narrow:
        narrow.start()
        narrow.until("row", "hear", lane="history")
        narrow.cut()
        lost = narrow.until("lost", "send")
        assert lost["reason"]
        narrow.mend()
        narrow.until("row", "hear")
