"""Why a word on alarms or windows was refused, by the names that stood in it. Pure.

An outcome alone leaves the person to guess which of forty alarms was meant, and how it is spelt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import islice
from typing import Final

from collector.base import World
from collector.maintenance import exists
from collector.shelf import key_unit
from escalation.authority import Outcome
from escalation.words import Both, join
from wire.alarm import AlarmAction, AlarmVerb
from wire.maintenance import Kind, target_of

MOST_NAMED: Final = 3
MOST_COMPARED: Final = 500
"""Names that begin alike, among which near ones are looked for; more would hold up the turn."""


def reason(world: World, action: AlarmAction, outcome: Outcome) -> Both | None:
    """The sentence for what was refused; None where the outcome's own words say all."""
    if outcome is Outcome.KEY_UNIT:
        return _key_units(world, action)
    if outcome is not Outcome.UNKNOWN_TARGET:
        return None
    said = list(islice(_unknown(world, action), MOST_NAMED))
    return join(said, "；", "; ") if said else None


def _unknown(world: World, action: AlarmAction) -> Iterator[Both]:
    county = world.county
    for name in action.alarms:
        device, _, alarm = name.partition("|")
        kind = alarm.partition("|")[0]
        if device not in county.devices:
            names = ((one.id, one.name) for one in county.register.devices)
            yield _no_such("设备", "device", device, _near(device, names))
        elif kind not in county.types:
            names = ((one.id, one.name_zh) for one in county.types.values())
            whole = [f"{device}|{one}" for one in _near(kind, names) or list(county.types)[:1]]
            yield _no_such("告警类型", "type of alarm", kind or name, whole)
    if action.verb is AlarmVerb.MAINTAIN and action.window is not None:
        yield from (
            _no_target(world, one) for one in action.window.targets if not exists(world, one)
        )


def _no_target(world: World, text: str) -> Both:
    register, target = world.county.register, target_of(text)
    match target.kind:
        case Kind.DEVICE:
            return _no_such(
                "设备", "device", target.id,
                _near(target.id, ((one.id, one.name) for one in register.devices)),
            )  # fmt: skip
        case Kind.SITE:
            return _no_such(
                "站点", "site", target.id,
                _near(target.id, ((one.id, one.name) for one in register.sites)),
            )  # fmt: skip
        case Kind.OPERATOR if target.id not in world.county.operators:
            names = world.county.operator_names.items()
            return _no_such("企业", "operator", target.id, _near(target.id, names))
        case Kind.OPERATOR:
            towns = world.county.town_names.items()
            return _no_such("乡镇", "town", target.town, _near(target.town, towns))


def _no_such(zh: str, en: str, name: str, near: Iterable[str]) -> Both:
    found = "、".join(near)
    like = Both(f"，是不是 {found}", f" (did you mean {found})") if found else Both("", "")
    return Both(f"没有{zh} {name}{like.zh}", f"there is no {en} {name}{like.en}")


def _near(word: str, known: Iterable[tuple[str, str]]) -> list[str]:
    """Ids of what has that very name, else those spelt nearly so, nearest first."""
    rows = list(known)
    named = [ident for ident, name in rows if name == word]
    if named:
        return named[:MOST_NAMED]
    for length in (4, 3, 2, 1):
        head = word[:length].casefold()
        alike = [ident for ident, _ in rows if ident.casefold().startswith(head)]
        if alike and len(word) >= length:
            found = get_close_matches(word, alike[:MOST_COMPARED], MOST_NAMED, 0.5)
            if found:
                return found
    few = [ident for ident, _ in rows[: MOST_COMPARED + 1]]
    return get_close_matches(word, few, MOST_NAMED) if len(few) <= MOST_COMPARED else []


def _key_units(world: World, action: AlarmAction) -> Both:
    """Which of it is of a key unit."""
    county = world.county
    found = {name.partition("|")[0] for name in action.alarms}
    hit = sorted(one for one in found if key_unit(world, one))
    named = "、".join(
        f"{one}（{county.sites[county.devices[one].site].name}）" for one in hit[:MOST_NAMED]
    )
    if action.window is not None:
        what = "、".join(action.window.targets[:MOST_NAMED])
        return Both(
            f"{what} 全属重点单位，预案不允许静默（6.3），维护窗口不会遮蔽任何设备",
            f"{what}: all of it is of key units, which the plan does not let be silenced (6.3); "
            "the window would cover nothing",
        )
    return Both(
        f"{named} 属重点单位，预案不允许搁置（6.3）；未搁置任何告警",
        f"{named}: of a key unit, which the plan does not let be shelved (6.3): nothing was",
    )
