"""Quotas by bytes and by age, the reserve, and the state lane of three days (FAULTS F10)."""

from __future__ import annotations

import json
import os
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from agent.lanes import state_bodies
from config.settings import AgentOptions
from transport.io.outbox import Outbox, OutboxFull, Quota, Row, Thinned
from wire.observation import Look, Method, Outcome, Round, StateItem

NOW_S = 1_700_000_000
DAY_MS = 86_400_000
SECRETS = Random(5)


def noise(at_ms: int, size: int = 3000) -> Row:
    text = b64encode(SECRETS.randbytes(size)).decode()
    return Row("sample", at_ms, json.dumps(text).encode(), rows=3)


def opened(folder: Path, **quotas: Quota) -> Outbox:
    return Outbox.open(folder / "agent.db", now_s=lambda: NOW_S, quotas=quotas)


def gaps(box: Outbox) -> list[dict[str, object]]:
    rows = [json.loads(row.body) for row in box.rows("sample", 1, most=99_999, size=10**9)]
    return [row for row in rows if isinstance(row, dict)]


def test_a_lane_of_gap_records_alone_does_not_grow_past_its_quota(tmp_path: Path) -> None:
    box = opened(tmp_path, sample=Quota(60_000, thin=True))
    written = 0
    for number in range(1200):
        box.append({"sample": [noise(1000 + number)]})
        written += 3
        assert box.lane("sample").bytes <= 64_000
    kept = box.lane("sample").highest - len(gaps(box))
    assert box.lane("sample").highest < 600
    counted = sum(int(str(gap["rows"])) for gap in gaps(box))
    assert counted + 3 * kept == written  # every sample is there or counted
    assert gaps(box)[-1]["to_ms"] == 1000 + 1199
    box.close()


def test_thinning_does_not_look_at_gap_records_again(tmp_path: Path) -> None:
    box = opened(tmp_path, sample=Quota(60_000, thin=True))
    for number in range(100):
        box.append({"sample": [noise(number)]})
    cursor = box._thinned["sample"]
    box.append({"sample": [noise(100) for _ in range(3)]})
    assert box._thinned["sample"] > cursor
    box.close()


def test_old_samples_become_gap_records_and_a_jumping_clock_expires_none(tmp_path: Path) -> None:
    box = opened(tmp_path, sample=Quota(10**8, thin=True, age_s=86_400))
    thinned: list[Thinned] = []
    for hour in range(72):
        thinned += box.append({"sample": [noise(hour * 3_600_000)]})
    assert {one.reason for one in thinned} == {"age"}
    before = len(gaps(box))
    assert 46 <= before <= 48
    for second in range(100):  # a year ahead for 100 s, then back
        box.append({"sample": [noise(365 * DAY_MS + second * 1000)]})
    box.append({"sample": [noise(72 * 3_600_000)]})
    assert len(gaps(box)) <= before + 3  # an hour at most
    box.close()


def changes(at_ms: int, random: Random, devices: int) -> list[StateItem]:
    """What half a minute brings: every device changes twice an hour, and the round's marker."""
    items: list[StateItem] = [
        Look(
            device=f"cmcc-dev-{random.randrange(devices):05d}",
            method=Method.SNMP,
            outcome=random.choice((Outcome.MEASURED, Outcome.NO_ANSWER)),
            since_ms=at_ms,
            at_ms=at_ms,
            rtt_us=random.randrange(400, 90_000),
        )
        for _ in range(devices * 2 // 120)
    ]
    marker = Round(
        number=at_ms, interval_ms=30_000, started_ms=at_ms, ended_ms=at_ms + 900, looked=devices
    )
    return [*items, marker]


def test_three_days_of_the_state_lane_fit_its_default_quota(tmp_path: Path) -> None:
    """At a tenth: 1,000 devices, a tenth of the quota, one row for two items as flushes make."""
    quota = AgentOptions.model_fields["state_quota_bytes"].default // 10
    box = opened(tmp_path, state=Quota(quota), sample=Quota(10**7, thin=True))
    box.db.execute("PRAGMA synchronous=OFF")  # 70,000 rows for their size alone
    random = Random(72)
    for half_minute in range(0, 72 * 120, 20):
        rows = []
        for number in range(half_minute, half_minute + 20):
            items = changes(NOW_S * 1000 + number * 30_000, random, 1000)
            for at in range(0, len(items), 2):
                ((body, count),) = state_bodies(items[at : at + 2])
                rows.append(Row("state", number, body, count))
        assert box.append({"state": rows}) == ()
    assert box.lane("state").bytes <= quota
    assert box.lane("state").highest > 70_000
    box.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.netns
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_the_reserve_takes_state_when_others_have_filled_the_disk(disk: Path) -> None:
    quotas = {"state": Quota(100_000_000), "sample": Quota(100_000_000, thin=True)}
    box = Outbox.open(disk / "agent.db", now_s=lambda: NOW_S, quotas=quotas)
    assert (disk / "agent.db.reserve").stat().st_size == 200_000_000 // 64
    box.append({"sample": [noise(1)]})
    junk = os.open(disk / "junk", os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="space"):  # noqa: PT012  until it is full
        while True:
            os.write(junk, b"x" * 4096)
    os.close(junk)
    sample = [noise(2) for _ in range(300)]
    with pytest.raises(OutboxFull):
        box.append({"sample": sample, "state": [noise(2)]})
    assert (disk / "agent.db.reserve").exists()  # samples do not get it
    for number in range(20):
        box.append({"state": [noise(number) for _ in range(5)]})
    assert box.lane("state").highest == 100
    assert not (disk / "agent.db.reserve").exists()
    box.acknowledge("state", 100, store=1)
    (disk / "junk").unlink()
    box._mark(force=True)
    assert (disk / "agent.db.reserve").exists()
    box.close()
