"""What another configuration changes, in hashes and counts: for the journal (FAULTS F23)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel

from collector.county import County
from collector.rulechange import Part

MOST_NAMED: Final = 20
"""Ids named per change; the count has them all."""

MOST_SAID: Final = 40
"""Characters of an edited value that are shown."""

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


def edits(was: County, now: County) -> Iterator[str]:
    """What was edited in policy and profiles, a line a value: ``policy.cell.share_out: 0.2 → 0.5``.

    Lists of things with an id or a name are compared by it, others as a whole.
    """
    yield from _edits("policy", _plain(was.policy), _plain(now.policy))
    a, b = _plain(tuple(was.bundle.profiles)), _plain(tuple(now.bundle.profiles))
    yield from _edits("profiles", a, b)


def _edits(path: str, was: Any, now: Any) -> Iterator[str]:
    if was == now:
        return
    if isinstance(was, dict) != isinstance(now, dict):
        was, now = ({} if one == () else one for one in (was, now))
    if not (isinstance(was, dict) and isinstance(now, dict)):
        yield f"{path}: {_short(was)} → {_short(now)}"
        return
    for key in (*was, *(key for key in now if key not in was)):
        yield from _edits(f"{path}.{key}", was.get(key), now.get(key))


def _plain(value: Any) -> Any:
    """``value`` as dictionaries, those of lists by their members' id or name."""
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, tuple):
        names = [getattr(one, "id", None) or getattr(one, "name", None) for one in value]
        if value and all(isinstance(name, str) for name in names) and len({*names}) == len(names):
            return {name: _plain(one) for name, one in zip(names, value, strict=True)}
    return value


def _short(value: object) -> str:
    if value is None:
        return "–"
    said = "…" if isinstance(value, dict) else str(value)
    return said if len(said) <= MOST_SAID else f"{said[: MOST_SAID - 1]}…"


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
