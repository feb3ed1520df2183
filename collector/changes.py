"""What another configuration changes, in hashes and counts: for the journal (FAULTS F23)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from collector.county import County
from collector.rulechange import Part

MOST_NAMED: Final = 20
"""Ids named per change; the count has them all."""

Json = dict[str, Any]


def parts(was: County, now: County) -> tuple[Part, ...]:
    """What differs between two configurations."""
    a, b = was.bundle, now.bundle
    pairs: tuple[tuple[Part, object, object], ...] = (
        ("plan", a.plan, b.plan),
        ("policy", a.policy, b.policy),
        ("register", a.register_, b.register_),
        ("profiles", a.profiles, b.profiles),
    )
    found = tuple(name for name, mine, other in pairs if mine != other)
    return found or (() if was.hash == now.hash else ("settings",))


def changes(old: County, new: County) -> Json:
    """Parts by name: hashes that differ, rows added, removed, changed, moved to another site."""
    found: Json = {}
    for name in ("register", "policy", "plan"):
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            found[name] = {"was": was.hash, "hash": now.hash}
    for name in ("devices", "sites", "systems", "sources", "profiles"):
        rows = _rows(getattr(old, name), getattr(new, name))
        if name == "devices":
            kept = old.devices.keys() & new.devices.keys()
            moved = [d for d in kept if old.devices[d].site != new.devices[d].site]
            rows |= _named(moved=moved)
        if rows:
            found[name] = rows
    without = [o for o in new.operators if o in old.connected and o not in new.connected]
    found |= _named(operators_without_source=without)
    return found


def _rows(was: Mapping[str, object], now: Mapping[str, object]) -> Json:
    return _named(
        added=[one for one in now if one not in was],
        removed=[one for one in was if one not in now],
        changed=[one for one in was if one in now and was[one] != now[one]],
    )


def _named(**groups: list[str]) -> Json:
    """How many, and the first of them by name; nothing of an empty group."""
    return {
        word: {"count": len(ids), "ids": sorted(ids)[:MOST_NAMED]}
        for word, ids in groups.items()
        if ids
    }
