"""AGENT.md's inventory is one, and its table of reasons names what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.inventory import AuthProtocol, PrivProtocol
from config.io.inventory import read_inventory
from wire.reasons import REASONS

MANUAL = Path(__file__).parents[2] / "docs" / "AGENT.md"


def test_the_manuals_inventory_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = MANUAL.read_text(encoding="utf-8").partition("## SNMP versions and credentials")[2]
    (example, several, *_) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    path = tmp_path / "inventory.toml"
    old = '[[credential]]\nid = "watch-old"\nversion = "3"\nuser = "watch"\n\n'
    path.write_text(f"{example}\n{old}{several}", encoding="utf-8")
    (tmp_path / "secret").mkdir()
    for name in ("ro", "auth"):
        (tmp_path / "secret" / name).write_text("long enough\n")
    monkeypatch.setenv("NOC_PRIV", "long enough")
    read = read_inventory(path)
    assert [str(fault) for fault in read.faults] == []
    assert read.inventory is not None
    assert [one.id for one in read.inventory.credentials] == ["ro", "watch", "watch-old"]
    for kind in (AuthProtocol, PrivProtocol):
        for one in kind:
            assert re.search(rf"# .*\b{one}\b", example)


def test_the_manuals_reasons_have_words() -> None:
    told = re.findall(r"^\| (`.*?) \|", MANUAL.read_text(encoding="utf-8"), re.MULTILINE)
    names = [name for row in told for name in re.findall(r"`(\w+)`", row) if row.startswith("`")]
    assert {"wrongDigests", "silentToUser"} < set(names)
    assert set(names) & set(REASONS) >= {"unknownUserNames", "emptyView", "wrongPrivacyKey"}
