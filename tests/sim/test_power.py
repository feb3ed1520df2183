"""A hundred power cuts: nothing acknowledged is lost, no file is damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.sim import power
from transport.io import sqlite


@pytest.mark.parametrize("kind", power.LIVES)
def test_power_cuts_lose_nothing_that_was_acknowledged(tmp_path: Path, kind: str) -> None:
    assert power.cut(kind, tmp_path, 34, seed=1) > 34


def test_a_store_that_does_not_sync_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same cuts with ``synchronous=OFF``: otherwise this would be no test of anything."""
    prepare = sqlite._prepare

    def careless(db: sqlite3.Connection, *given: Any) -> None:
        prepare(db, *given)
        db.execute("PRAGMA synchronous=OFF")

    monkeypatch.setattr(sqlite, "_prepare", careless)
    with pytest.raises((power.Lost, sqlite3.DatabaseError)):
        power.cut("journal", tmp_path, 34, seed=1)
