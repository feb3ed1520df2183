"""The plan file: TOML in, sound plan out."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from config.faults import refuse
from config.io.shipped import DATA, hashed
from config.io.toml import Document, build, read_document
from config.plan import Plan
from config.plancheck import plan_faults

SHIPPED: Final = DATA / "plan-2022-52.toml"


def load_plan(path: Path | None = None) -> Plan:
    """The plan in ``path``, or the shipped one. Raises ConfigError with every fault."""
    return read_plan(path)[0]


def read_plan(path: Path | None = None) -> tuple[Plan, Document]:
    """The plan and its document, which knows the line of every key. Raises ConfigError."""
    document = read_document(path or SHIPPED)
    plan = build(Plan, document)
    refuse(plan_faults(plan, document.place))
    return hashed(plan), document
