from __future__ import annotations

import os
from pathlib import Path

import pytest

from config.faults import ConfigError
from config.io.apart import apart
from config.io.load import load_inventory

TABLE = "device,address,port,credential,profiles\na,10.0.0.1,161,c,generic\nb,10.0.0.2,,c,generic\n"
FILE = 'targets = "t.csv"\n[[credential]]\nid = "c"\nversion = "2c"\ncommunity = "hidden"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "t.csv").write_text(TABLE)
    path = tmp_path / "inventory.toml"
    path.write_text(FILE)
    path.chmod(0o600)
    return path


def test_what_a_child_loads_is_what_we_would_load(path: Path) -> None:
    found = apart(lambda: load_inventory(path))
    assert found == load_inventory(path)
    assert found.credentials[0].community.get_secret_value() == "hidden"


def test_faults_are_raised_here(path: Path) -> None:
    path.write_text(FILE.replace("t.csv", "none.csv"))
    with pytest.raises(ConfigError, match=r"none\.csv"):
        apart(lambda: load_inventory(path))


def test_a_child_that_dies_costs_only_its_time() -> None:
    ours = os.getpid()

    def load() -> int:
        if os.getpid() != ours:
            os._exit(0)
        return 7

    assert apart(load) == 7
