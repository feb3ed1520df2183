"""What a configuration file is, told by its content (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from config.faults import did_you_mean


class What(StrEnum):
    PLAN = "plan"
    POLICY = "policy"
    COLLECTOR = "collector"
    REGISTER = "register"
    AGENT = "agent"
    INVENTORY = "inventory"
    OFFICE = "office"
    PROFILE = "profile"
    TABLE = "table"


SHOWN: Final[Mapping[What, str]] = {
    What.PLAN: "预案 plan",
    What.POLICY: "参数 policy",
    What.COLLECTOR: "汇聚端设置 collector settings",
    What.REGISTER: "登记册 register",
    What.AGENT: "采集代理设置 agent settings",
    What.INVENTORY: "采集清单 inventory",
    What.OFFICE: "办公室端设置 office settings",
    What.PROFILE: "采集模板 profile",
    What.TABLE: "表 table",
}

MARKS: Final[Mapping[What, frozenset[str]]] = {
    What.AGENT: frozenset({"agent"}),
    What.COLLECTOR: frozenset({"collector"}),
    What.OFFICE: frozenset({"office"}),
    What.PLAN: frozenset({"document", "scenarios", "levels", "clauses", "organs"}),
    What.POLICY: frozenset({"site", "cell", "operator", "flap", "alarms"}),
    What.PROFILE: frozenset({"scalars", "tables", "title"}),
    What.INVENTORY: frozenset({"targets", "target", "credential"}),
}
"""Top keys that only this kind of file has."""


def recognise(data: Mapping[str, Any]) -> What | None:
    """The kind of a TOML file with these top keys, or None."""
    hits = {what: len(marks & data.keys()) for what, marks in MARKS.items()}
    best = max(hits, key=lambda what: hits[what])
    if hits[best]:
        return best
    return What.REGISTER if isinstance(data.get("county"), str) else None


def nearest(data: Mapping[str, Any]) -> tuple[str, str]:
    """A top key that looks like a misspelt mark, and the hint that says so; empty if none."""
    marks = sorted(mark for marks in MARKS.values() for mark in marks)
    hints = ((key, did_you_mean(key, marks, 0.75)) for key in data)
    return next(((key, hint) for key, hint in hints if hint), ("", ""))
