"""Cross-checks of profiles: each by itself, several on one device, all at one collector (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from config.cells import unknown
from config.check import duplicates
from config.faults import Fault, Place, error, note
from config.policy import AlarmType
from config.positions import Loc
from config.profile import Hint, Metric, MetricType, Profile, Table

At = Callable[[Loc], Place]
"""A location in a TOML file: where it stands."""

ENTERPRISE_ARCS: Final = 7
"""1.3.6.1.4.1.N: whose sysObjectID it is; anything shorter fits every vendor."""


def check_profile(profile: Profile, at: At, causes: Mapping[str, str] | None) -> list[Fault]:
    """Every cross fault of one profile; ``causes`` are the policy's alarm types' X.733 causes."""
    metrics = list(_placed(profile))
    faults = duplicates([m.name for _, m in metrics], lambda i: at((*metrics[i][0], "name")))
    tables = [table.name for table in profile.tables]
    faults += duplicates(tables, lambda i: at(("tables", i, "name")))
    for loc, metric in metrics:
        faults += _metric(metric, lambda key, loc=loc: at((*loc, key)))  # type: ignore[misc]  # bound now
        if metric.alarm is not None:
            faults += _raised(metric, metric.alarm, loc, at, causes)
    for i, table in enumerate(profile.tables):
        faults += _columns(table, i, at)
    for i, oid in enumerate(profile.match.sysobjectid):
        if oid.count(".") + 1 < ENTERPRISE_ARCS:
            zh, en = "太短，任何厂商都符合", "is too short: fits any vendor"
            faults.append(error(at(("match", "sysobjectid", i)), zh, en))
    if not metrics:
        faults.append(error(at(()), "模板里什么也没有", "the profile asks for nothing"))
    return faults


def _placed(profile: Profile) -> Iterator[tuple[Loc, Metric]]:
    for i, metric in enumerate(profile.scalars):
        yield ("scalars", i), metric
    for i, table in enumerate(profile.tables):
        for j, metric in enumerate(table.columns):
            yield ("tables", i, "columns", j), metric


def _metric(metric: Metric, at: Callable[[str], Place]) -> list[Fault]:
    """What does not go together in one metric."""
    faults = []
    kind = metric.type
    if kind is MetricType.ENUM and not metric.enum:
        faults.append(error(at("type"), "enum 没有列出取值", "an enum without values"))
    if kind is not MetricType.ENUM and metric.enum:
        zh, en = "有取值名的量要设 type = enum", "values with names need type = enum"
        faults.append(error(at("enum"), zh, en))
    if len(set(metric.enum.values())) != len(metric.enum):
        faults.append(error(at("enum"), "两个名称是同一个值", "two names for one value"))
    if metric.scale == 0 or (kind in _UNSCALED and metric.scale != 1.0):
        zh, en = "这种量不能换算", "such a metric cannot be scaled"
        if metric.scale == 0:
            zh, en = "scale 不能为 0", "scale must not be 0"
        faults.append(error(at("scale"), zh, en))
    if kind is MetricType.TEXT and (metric.absent or metric.magnitude or metric.watched):
        zh, en = "文字没有 watched、absent、magnitude", "a text has no watched, absent, magnitude"
        faults.append(error(at("type"), zh, en))
    if metric.report_delta and not metric.watched:
        zh, en = "没有 watched，report_delta 不起作用", "has no effect without watched"
        faults.append(note(at("report_delta"), zh, en))
    return faults


_UNSCALED: Final = frozenset((MetricType.ENUM, MetricType.TEXT))


def _columns(table: Table, number: int, at: At) -> list[Fault]:
    """A column's OID has no instance behind it: ``….0`` is a scalar's."""
    return [
        error(
            at(("tables", number, "columns", j, "oid")),
            "以 .0 结尾的是标量，不是表的列",
            "ends in .0: that is a scalar, no table column",
        )
        for j, column in enumerate(table.columns)
        if column.oid.endswith(".0")
    ]


def _raised(
    metric: Metric, hint: Hint, loc: Loc, at: At, causes: Mapping[str, str] | None
) -> list[Fault]:
    """What is wrong with a metric's alarm."""
    spot = (*loc, "alarm")
    faults = _hint(hint, at(spot))
    if causes is not None and hint.alarm not in causes:
        said = unknown("告警类型", "alarm type", hint.alarm, causes)
        faults.append(Fault(at((*spot, "alarm")), said))
    elif causes is not None and hint.cause and hint.cause != causes[hint.alarm]:
        own = causes[hint.alarm] or "-"
        zh = f"策略中 {hint.alarm} 的原因是 {own}"
        faults.append(error(at((*spot, "cause")), zh, f"the policy says {own} for {hint.alarm}"))
    if metric.enum:
        nameless = sorted(set(hint.values) - set(metric.enum.values()))
        if nameless:
            words = ", ".join(map(str, nameless))
            zh, en = f"enum 中没有 {words}", f"not among the enum's values: {words}"
            faults.append(error(at((*spot, "values")), zh, en))
    if not metric.watched:
        zh, en = "有告警的量要设 watched = true", "a metric with an alarm must be watched"
        faults.append(error(at((*loc, "name")), zh, en))
    return faults


def _hint(hint: Hint, place: Place) -> list[Fault]:
    given = [bool(hint.values), hint.above is not None, hint.below is not None]
    if sum(given) != 1:
        zh, en = "values、above、below 应恰好写一个", "give exactly one of values, above, below"
        return [error(place, zh, en)]
    return clearing(hint, place)


def clearing(rule: Hint | AlarmType, place: Place) -> list[Fault]:
    """An alarm must not end at a value at which it is raised; better at one beyond it."""
    if rule.clear is None:
        if not rule.above and not rule.below:
            return []  # none, or 0: a count, which is or is not
        zh, en = "没有 clear（回差），在门限上会反复告警", "no clear: no hysteresis, it may flap"
        return [note(place, zh, en)]
    if rule.above is None and rule.below is None:
        return [error(place, "clear 要与 above 或 below 一起写", "clear goes with above or below")]
    if rule.above is not None and rule.clear > rule.above:
        return [error(place, "clear 不能大于 above", "clear must not be over above")]
    if rule.below is not None and rule.clear < rule.below:
        return [error(place, "clear 不能小于 below", "clear must not be under below")]
    return []


# -- several profiles ------------------------------------------------------------------------------


def clashes(profiles: Sequence[Profile]) -> list[tuple[str, str]]:
    """Why these profiles cannot be asked of one device: sentences, Chinese and English.

    One name is one reading there, so it must be read in the same way by each that has it.
    """
    found = []
    first: dict[str, tuple[Profile, Metric]] = {}
    for profile in profiles:
        for metric in profile.metrics():
            other, known = first.setdefault(metric.name, (profile, metric))
            if other is not profile and _read(known) != _read(metric):
                zh = f"模板 {other.id} 和 {profile.id} 的量 {metric.name} 读法不同，不能同用"
                en = (
                    f"profiles {other.id} and {profile.id} read {metric.name} differently: "
                    "not both on one device"
                )
                found.append((zh, en))
    return found


def _read(metric: Metric) -> object:
    """What a reading is made from."""
    free = {"object", "alarm", "watched", "report_delta"}
    return metric.model_dump(exclude=free)


def meanings(named: Iterable[tuple[Profile, At]]) -> list[Fault]:
    """Names that mean two things in a set of profiles.

    The collector knows readings by their names alone: unit, kind, values and alarm of a name are
    the same in every profile that has it.
    """
    faults = []
    first: dict[str, tuple[Profile, Metric]] = {}
    for profile, at in named:
        for loc, metric in _placed(profile):
            other, known = first.setdefault(metric.name, (profile, metric))
            if other is not profile and _meant(known) != _meant(metric):
                keys = [k for k, v in _meant(metric).items() if v != _meant(known)[k]]
                words = ", ".join(keys)
                zh = f"模板 {other.id} 也有“{metric.name}”，但 {words} 不同：请另取名"
                en = f'"{metric.name}" of the profile {other.id} differs in {words}: rename'
                faults.append(error(at((*loc, "name")), zh, en))
    return faults


def _meant(metric: Metric) -> dict[str, object]:
    return {
        "type": metric.type,
        "unit": metric.unit,
        "enum": metric.enum,
        "alarm": metric.alarm,
    }
