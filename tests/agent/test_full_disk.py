"""FAULTS F10: a really full disk. Looking, connecting and acknowledging go on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.io.uplink import STATE, Uplink
from agent.presence import Identity
from config.settings import AgentSettings
from transport.delivery import Acked
from transport.io.clock import Clock
from transport.io.outbox import Row

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system"),
]

WHO = Identity("a1", "1", 1000, "h", ("d1",), 1000)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Somebody else takes the rest of the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(handle, b"x" * 4096)
    except OSError:
        os.close(handle)


async def test_a_full_disk_ends_neither_connections_nor_acknowledgements(disk: Path) -> None:
    options = {"id": "a1", "operator": "cmcc", "state_dir": disk, "inventory": disk / "i.toml"}
    settings = AgentSettings.model_validate({"agent": options, "county": {"county": "140522"}})
    uplink = Uplink(settings, WHO, Clock())
    try:
        uplink._will()
        first = uplink._session
        noise = [Row(STATE, 1, b'"' + os.urandom(3000).hex().encode() + b'"') for _ in range(100)]
        assert uplink.append(noise, ())
        fill(disk / "junk")
        assert not uplink.append(noise, ())
        uplink._will()
        assert uplink._session > first
        hop = uplink.hops[STATE]
        epoch = uplink.outbox.lane(STATE).epoch
        hop.acknowledged(Acked(epoch, 70))
        assert (hop.pending, uplink.outbox.lane(STATE).acked) == (30, 0)
        hop.acknowledged(Acked(epoch, 100))
        assert hop.idle.is_set()
        (disk / "junk").unlink()
        hop._delete()
        assert uplink.outbox.lane(STATE).acked == 100
        assert uplink.append(noise, ())
    finally:
        uplink.close()
