"""Whatever the bytes of a file, a loader loads it or raises ConfigError, and nothing else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.faults import ConfigError
from config.io.load import (
    load_agent_settings,
    load_collector_settings,
    load_inventory,
    load_office_settings,
    load_plan,
    load_policy,
    load_profiles,
    load_register,
)
from config.io.plan import SHIPPED
from config.io.survey import survey

GOOD = Path(__file__).parent / "good"
PLAN = load_plan()

LOADERS: dict[str, Callable[[Path], object]] = {
    "agent.toml": load_agent_settings,
    "collector.toml": load_collector_settings,
    "office.toml": load_office_settings,
    "inventory.toml": load_inventory,
    "targets.csv": lambda path: load_inventory(path.parent / "inventory.toml"),
    "secret/ro": lambda path: load_inventory(path.parent.parent / "inventory.toml"),
    "policy.toml": load_policy,
    "profiles/extra.toml": lambda path: load_profiles(path.parent),
    "plan.toml": load_plan,
    "county.xlsx": lambda path: load_register(path, plan=PLAN),
} | {
    f"{folder}/{file.name}": lambda path: load_register(path.parent, plan=PLAN)
    for folder in ("register", "register-zh")
    for file in (GOOD / folder).iterdir()
}

edits = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 12),
        st.one_of(
            st.binary(max_size=6),
            st.sampled_from(
                [b'"', b"\n", b",", b"\x00", b"=", b"[[", b"]", b"'''", b"nan", b"1e999", b"9" * 30]
            ),
            st.text(max_size=4).map(lambda text: text.encode("utf-8", "replace")),
        ),
    ),
    min_size=1,
    max_size=4,
)


@cache
def workbook() -> bytes:
    book = openpyxl.Workbook()
    for file in (GOOD / "register").glob("*.csv"):
        sheet = book.create_sheet(file.stem)
        for line in file.read_text(encoding="utf-8").splitlines():
            sheet.append(line.split(","))
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def original(name: str) -> bytes:
    if name == "county.xlsx":
        return workbook()
    return SHIPPED.read_bytes() if name == "plan.toml" else (GOOD / name).read_bytes()


@pytest.fixture(scope="module")
def county() -> Path:
    folder = Path(tempfile.mkdtemp()) / "county"
    shutil.copytree(GOOD, folder)
    return folder


@given(st.sampled_from(sorted(LOADERS)), edits)
@settings(max_examples=200, deadline=None)
def test_a_loader_raises_nothing_but_config_error(
    county: Path, name: str, edits: list[tuple[float, int, bytes]]
) -> None:
    raw = original(name)
    for share, length, new in edits:
        at = int(share * len(raw))
        raw = raw[:at] + new + raw[at + length :]
    file = county / name
    file.write_bytes(raw)
    with suppress(ConfigError):
        LOADERS[name](file)
    survey([file])
    if name in {"plan.toml", "county.xlsx"}:
        file.unlink()
    else:
        file.write_bytes(original(name))
