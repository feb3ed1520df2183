from __future__ import annotations

import json
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from transport.io.outbox import (
    RETIRED,
    SCHEMA,
    Outbox,
    OutboxFull,
    Quota,
    Row,
    Thinned,
    append_in,
    lane_info,
)
from transport.io.sqlite import StoreDamaged, StoreTooNew, open_db, transaction

NOW_S = 1_700_000_000
QUOTAS = {"state": Quota(1_000_000), "sample": Quota(200_000, thin=True)}


def row(number: int, size: int = 10) -> Row:
    return Row("sample", 1000 + number, json.dumps([number, "x" * size]).encode(), rows=number)


def noise(number: int, size: int) -> Row:
    """A body that does not compress away."""
    text = b64encode(Random(number).randbytes(size)).decode()
    return Row("sample", 1000 + number, json.dumps(text).encode(), rows=3)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox.open(tmp_path / "agent.db", now_s=lambda: NOW_S, quotas=QUOTAS)
    yield box
    box.close()


def test_rows_come_back_in_order_with_tokens_and_are_deleted(box: Outbox) -> None:
    box.append({"state": [row(n) for n in range(1, 6)], "sample": [row(9)]})
    assert box.lane("state").highest == 5
    found = box.rows("state", 2, most=3, size=10_000)
    assert [(stored.seq, json.loads(stored.body)[0]) for stored in found] == [
        (2, 2),
        (3, 3),
        (4, 4),
    ]
    assert box.token("state", 2) == found[0].token
    box.acknowledge("state", 4, store=7)
    info = box.lane("state")
    assert (info.acked, info.highest, info.store) == (4, 5, 7)
    assert box.token("state", 4) is None
    box.acknowledge("state", 5, store=7)
    assert box.lane("state").bytes == 0
    assert box.lane("sample").highest == 1


def test_large_bodies_are_kept_deflated_and_come_back_whole(box: Outbox) -> None:
    box.append({"state": [row(1, 100_000)]})
    assert box.lane("state").bytes < 2000
    assert len(box.rows("state", 1, most=1, size=1)[0].body) > 100_000


def test_a_size_limit_still_gives_one_row(box: Outbox) -> None:
    box.append({"state": [row(n) for n in range(5)]})
    assert len(box.rows("state", 1, most=5, size=1)) == 1


def test_everything_is_still_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    first = Outbox.open(path, now_s=lambda: NOW_S, quotas=QUOTAS)
    first.append({"state": [row(1), row(2)]})
    counter = first.next_counter("session")
    first.close()
    second = Outbox.open(path, now_s=lambda: NOW_S + 5, quotas=QUOTAS)
    assert second.lane("state").epoch == NOW_S
    assert len(second.rows("state", 1, most=9, size=999)) == 2
    assert second.next_counter("session") == max(counter + 1, NOW_S + 5)
    second.close()


def test_at_the_quota_the_oldest_samples_become_gap_records(box: Outbox) -> None:
    thinned: list[Thinned] = []
    for number in range(1, 31):
        thinned += box.append({"sample": [noise(number, 20_000)]})
    assert sum(one.rows for one in thinned) > 0
    assert box.lane("sample").bytes <= QUOTAS["sample"].bytes
    rows = box.rows("sample", 1, most=99, size=10**9)
    bodies = [json.loads(stored.body) for stored in rows]
    assert [stored.seq for stored in rows] == list(range(1, 31))
    gaps = [body for body in bodies if isinstance(body, dict)]
    assert gaps[0] == {"kind": "gap", "from_ms": 1001, "to_ms": 1001, "rows": 3, "reason": "quota"}
    assert bodies[: len(gaps)] == gaps  # the oldest, and only the oldest
    assert sum(one.samples for one in thinned) == 3 * len(gaps)


def test_a_thinned_row_keeps_its_token(box: Outbox) -> None:
    box.append({"sample": [noise(1, 20_000)]})
    token = box.token("sample", 1)
    for number in range(2, 31):
        box.append({"sample": [noise(number, 20_000)]})
    assert box.token("sample", 1) == token


def test_state_over_its_quota_takes_from_the_samples(box: Outbox) -> None:
    for number in range(8):
        box.append({"sample": [noise(number, 20_000)]})
    before = box.lane("sample").bytes
    for number in range(120):
        box.append({"state": [noise(number, 20_000)]})
    assert box.lane("state").bytes > QUOTAS["state"].bytes
    assert box.lane("sample").bytes < before


def test_a_full_file_refuses_whole_appends_and_acknowledgements_work(tmp_path: Path) -> None:
    quotas = {"state": Quota(10**9)}
    box = Outbox.open(tmp_path / "agent.db", now_s=lambda: NOW_S, quotas=quotas)
    box.db.execute("PRAGMA max_page_count=100")
    two = [noise(1, 20_000), noise(2, 20_000)]

    def fill() -> None:
        for _ in range(1000):
            box.append({"state": two})

    with pytest.raises(OutboxFull):
        fill()
    written = box.lane("state").highest
    assert written % 2 == 0
    box.acknowledge("state", written, store=1)
    box.append({"state": [noise(1, 20_000)]})
    box.close()


def test_a_full_file_gives_up_samples_for_state(tmp_path: Path) -> None:
    quotas = {"state": Quota(10**9), "sample": Quota(10**9, thin=True)}
    box = Outbox.open(tmp_path / "agent.db", now_s=lambda: NOW_S, quotas=quotas)
    box.db.execute("PRAGMA max_page_count=200")
    for number in range(28):
        box.append({"sample": [noise(number, 20_000)]})
    for number in range(20):
        box.append({"state": [noise(number, 20_000)]})
    assert box.lane("state").highest == 20
    box.close()


def test_renumbering_keeps_the_pending_rows_in_order(box: Outbox) -> None:
    box.append({"state": [row(n) for n in range(1, 8)]})
    box.acknowledge("state", 4, store=1)
    info = box.renumber("state", above=NOW_S + 50, store=2)
    assert (info.epoch, info.acked, info.highest, info.store) == (NOW_S + 51, 0, 3, 2)
    assert [json.loads(s.body)[0] for s in box.rows("state", 1, most=9, size=999)] == [5, 6, 7]
    box.append({"state": [row(8)]})
    assert box.rows("state", 4, most=1, size=1)[0].seq == 4


def test_a_damaged_file_is_set_aside_and_a_newer_epoch_begins(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    box = Outbox.open(path, now_s=lambda: NOW_S, quotas=QUOTAS)
    box.append({"state": [row(n, 5000) for n in range(50)]})
    box.close()
    path.write_bytes(b"not a database at all" * 100)
    later = Outbox.open(path, now_s=lambda: NOW_S + 9, quotas=QUOTAS)
    assert later.set_aside is not None
    assert later.set_aside.exists()
    assert later.lane("state").epoch == NOW_S + 9
    later.close()


def test_damage_inside_is_found_at_opening(tmp_path: Path) -> None:
    path = tmp_path / "agent.db"
    box = Outbox.open(path, now_s=lambda: NOW_S, quotas=QUOTAS)
    box.append({"state": [noise(n, 3000) for n in range(50)]})
    box.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    box.close()
    raw = bytearray(path.read_bytes())
    raw[4096 * 5 : 4096 * 7] = b"\xff" * 8192
    path.write_bytes(raw)
    with pytest.raises(StoreDamaged, match="damaged"):
        open_db(path, [SCHEMA])
    later = Outbox.open(path, now_s=lambda: NOW_S + 9, quotas=QUOTAS)
    assert later.set_aside is not None
    later.close()


def test_rows_written_in_a_foreign_transaction_share_its_fate(tmp_path: Path) -> None:
    db = open_db(tmp_path / "county.db", [SCHEMA, RETIRED, "CREATE TABLE journal (line TEXT);"]).db

    def fail() -> None:
        with transaction(db):
            append_in(db, "notice.office1", [row(1)], epoch_floor=NOW_S)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with pytest.raises(KeyError):
        lane_info(db, "notice.office1")
    with transaction(db):
        db.execute("INSERT INTO journal VALUES ('two')")
        at = append_in(db, "notice.office1", [row(1), row(2)], epoch_floor=NOW_S)
    assert at == (NOW_S, 2)
    box = Outbox(db, now_s=lambda: NOW_S)
    assert len(box.rows("notice.office1", 1, most=9, size=999)) == 2
    db.close()


def test_migrations_run_once_and_a_newer_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    one = "CREATE TABLE a (x);"
    two = "CREATE TABLE b (y); -- with a comment; and a semicolon\nINSERT INTO b VALUES ('p;q');"
    open_db(path, [one]).db.close()
    opened = open_db(path, [one, two])
    assert opened.db.execute("SELECT y FROM b").fetchall() == [("p;q",)]
    assert opened.db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert opened.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    opened.db.close()
    with pytest.raises(StoreTooNew, match="newer wanglou"):
        open_db(path, [one])


def test_a_migration_that_fails_leaves_the_version_before(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with pytest.raises(sqlite3.OperationalError):
        open_db(path, ["CREATE TABLE a (x);", "CREATE TABLE b (y);\nBROKEN;"])
    db = open_db(path, ["CREATE TABLE a (x);"]).db
    assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("a",)]
    db.close()


def test_a_body_that_fits_no_payload_is_the_callers_mistake(box: Outbox) -> None:
    with pytest.raises(ValueError, match="split it"):
        box.append({"state": [row(1, 5_000_000)]})


def test_the_file_is_for_its_owner_alone(box: Outbox, tmp_path: Path) -> None:
    assert box.lane("state").highest == 0
    assert (tmp_path / "agent.db").stat().st_mode & 0o777 == 0o600


def test_a_newer_file_whose_migrations_only_add_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    one, two = "CREATE TABLE a (x);", "ALTER TABLE a ADD COLUMN y TEXT NOT NULL DEFAULT '';"
    open_db(path, [one, two], additive=True).db.close()
    db = open_db(path, [one], additive=True).db
    db.execute("INSERT INTO a (x) VALUES (1)")
    assert db.execute("PRAGMA user_version").fetchone() == (2,)
    db.close()
