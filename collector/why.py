"""Why a network, a site or a device is judged as it is: from the judgement down to the readings.

Reads the World, changes nothing. Lists are cut with a count of what is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from collector import quiet, words
from collector.base import World
from collector.condition import judge_value, threshold
from collector.explanation import Kind, Why
from collector.figures import hold_words
from collector.hold import WAITING
from collector.sight import as_of, in_sight, sees
from collector.state import (
    Alarm,
    DeviceState,
    LookState,
    SiteState,
    SiteWord,
    Status,
)
from config.profile import Hint
from escalation.words import Both, moment
from wire.notice import Bilingual
from wire.observation import Outcome

T = TypeVar("T")
MOST: Final = 5
"""Children of one sort that are shown."""

SITES: Final = {
    SiteWord.OUT: Both("中断", "out"),
    SiteWord.AT_RISK: Both("有中断风险", "at risk"),
    SiteWord.UNKNOWN: Both("状态不明", "unknown"),
    SiteWord.OK: Both("正常", "in order"),
    SiteWord.NEW: Both("待入网", "not commissioned"),
}
DEVICES: Final = {
    Status.DOWN: Both("不可达", "does not answer"),
    Status.HIDDEN: Both("被上级设备断开", "cut off behind another"),
    Status.UNKNOWN: Both("状态不明", "unknown"),
    Status.SNMP_FAULT: Both("SNMP故障", "SNMP fault"),
    Status.ALARM: Both("有告警", "has an alarm"),
    Status.OK: Both("正常", "in order"),
    Status.NEW: Both("待入网", "not commissioned"),
}
NOTHING: Final = Both("", "")
OUT_OF_SIGHT: Final = Both(
    "，现在看不见，是否仍在不明", "; out of sight: whether it goes on is unknown"
)
QUIET: Final = {
    quiet.TRIAL: Both("（试运行，不通知）", " (in trial: nobody is told)"),
    quiet.MAINTENANCE: Both("（维护窗口内，不通知）", " (in maintenance: nobody is told)"),
    quiet.SHELVED: Both("（已搁置，不通知）", " (shelved: nobody is told)"),
}
OUTCOMES: Final = {
    Outcome.MEASURED: Both("有应答", "answered"),
    Outcome.NO_ANSWER: Both("无应答", "no answer"),
    Outcome.REFUSED: Both("拒绝", "refused"),
    Outcome.COULD_NOT_LOOK: Both("未能查看", "could not look"),
}


def text(zh: str, en: str) -> Bilingual:
    return Bilingual(zh=zh, en=en)


def some(items: Sequence[T], make: Callable[[T], Why]) -> tuple[Why, ...]:
    """A node for each of the first few, and how many more there are."""
    shown = [make(item) for item in items[:MOST]]
    more = len(items) - len(shown)
    if more:
        said = text(f"另有{more}项", f"and {more} more")
        shown.append(Why(kind=Kind.MORE, text=said, value=float(more)))
    return tuple(shown)


def english(world: World, operator: str) -> str:
    named = (one.name.en for one in world.county.plan.operators if one.id == operator)
    return next(named, operator)


def status(world: World, name: str) -> Status:
    row = world.state.devices.get(name)
    return row.status if row else Status.NEW


def site(world: World, name: str, now_ms: int, *, brief: bool = False) -> Why:
    """A site, and its devices: those that are not in order first."""
    known = world.county.sites[name]
    row = world.state.sites.get(name, SiteState(SiteWord.NEW, 0))
    said = SITES[row.word]
    key = ("【重点单位】", "[key unit] ") if known.key_unit else ("", "")
    since = moment(row.since_ms) if row.since_ms else Both("", "")
    devices = sorted(
        world.county.site_devices.get(name, ()),
        key=lambda one: list(Status).index(status(world, one)),
    )
    if brief:
        devices = [d for d in devices if status(world, d) not in {Status.OK, Status.NEW}]
        devices = [d for d in devices if _tells(world, d)] or devices
    return Why(
        kind=Kind.SITE,
        id=name,
        text=text(
            f"{key[0]}站点{known.name}：{said.zh}" + (f"，自{since.zh}起" if since else ""),
            f"{key[1]}site {known.name}: {said.en}" + (f", since {since.en}" if since else ""),
        ),
        state=row.word.value,
        holds=row.word in {SiteWord.OUT, SiteWord.AT_RISK},
        since_ms=row.since_ms or None,
        parts=some(devices, lambda one: device(world, one, now_ms, brief=brief)),
    )


def _tells(world: World, name: str) -> bool:
    """Whether a device shows by itself what is wrong: it is not only cut off or out of sight."""
    row = world.state.devices.get(name) or DeviceState()
    if row.status is Status.HIDDEN:
        return False
    return row.status is not Status.UNKNOWN or any(one.active for one in row.alarms.values())


def device(world: World, name: str, now_ms: int, *, brief: bool = False) -> Why:
    """A device: who hides it, its alarms with their thresholds and holds, the looks behind them."""
    known = world.county.devices[name]
    row = world.state.devices.get(name) or DeviceState()
    said, cause = DEVICES[row.status], words.device_cause(world, row)
    hush = QUIET.get(world.tally.quiet_devices.get(name, ""), NOTHING)
    main = ("", "") if known.main else ("（不影响站点）", " (not its site's main one)")
    return Why(
        kind=Kind.DEVICE,
        id=name,
        text=text(
            f"设备{known.name}{main[0]}：{cause or said.zh}{hush.zh}",
            f"device {known.name}{main[1]}: {said.en}{hush.en}",
        ),
        state=row.status.value,
        holds=row.status not in {Status.OK, Status.NEW},
        since_ms=row.since_ms or None,
        parts=(
            *_above(world, row),
            *([] if brief and row.hidden_by else _evidence(world, name, row, now_ms)),
        ),
    )


def _evidence(world: World, name: str, row: DeviceState, now_ms: int) -> Iterator[Why]:
    """Its alarms, and what its agents saw."""
    yield from some(_standing(world, row), lambda one: _alarm(world, name, *one, now_ms))
    yield from _views(world, name, row)


def _above(world: World, row: DeviceState) -> Iterator[Why]:
    """The devices behind which it cannot be reached."""
    for name in row.hidden_by:
        if name in world.county.devices:
            known = world.county.devices[name]
            said = text(f"上级设备{known.name}中断", f"device {known.name} before it is down")
            yield Why(kind=Kind.DEVICE, id=name, text=said, state=status(world, name).value)


def _standing(world: World, row: DeviceState) -> list[tuple[str, Alarm]]:
    """Alarms that are raised, under way or flapping; raised ones first."""
    found = [
        (key, one)
        for key, one in row.alarms.items()
        if key.partition("|")[0] in world.county.types
        and (one.active or one.due_ms is not None or one.bad)
    ]
    return sorted(found, key=lambda one: (not one[1].active, one[1].since_ms, one[0]))


def _alarm(world: World, name: str, key: str, alarm: Alarm, now_ms: int) -> Why:
    row = world.state.devices[name]
    type_id, _, qualifier = key.partition("|")
    seen = in_sight(world, name, row, type_id, qualifier)
    held = alarm.phase in WAITING and alarm.due_ms is None  # and says so itself
    gone = NOTHING if seen or held else OUT_OF_SIGHT
    kind, how = world.county.types[type_id], hold_words(alarm, now_ms)
    delays = world.county.delays(type_id)
    where = f"（{words.quoted(qualifier)}）" if qualifier else ""
    hold = text(
        f"告警「{kind.name_zh}」{where}：{how.zh}{gone.zh}（持续{delays.raise_ms // 1000}秒告警，"
        f"{delays.clear_ms // 1000}秒解除）",
        f"alarm {kind.name_en}{where}: {how.en}{gone.en} "
        f"(raised after {delays.raise_ms // 1000} s, cleared after {delays.clear_ms // 1000} s)",
    )
    return Why(
        kind=Kind.ALARM,
        id=key,
        text=hold,
        state=alarm.phase.value if seen else Status.UNKNOWN.value,
        holds=alarm.active,
        since_ms=alarm.since_ms or None,
        until_ms=alarm.due_ms,
        parts=tuple(_behind(world, row, type_id, qualifier)),
    )


def _behind(world: World, row: DeviceState, type_id: str, qualifier: str) -> Iterator[Why]:
    """The watched values that can raise the alarm, against their thresholds."""
    for metric, hints in world.county.hints.items():
        held = row.readings.get(f"{metric}|{qualifier}")
        if held is None or held.value is None:
            continue
        for hint in hints:
            if hint.alarm == type_id:
                yield _reading(metric, held.value, held.arrived_ms, threshold(world, hint))


def _reading(metric: str, value: float, at_ms: int, hint: Hint) -> Why:
    limit = hint.above if hint.above is not None else hint.below
    if hint.values or limit is None:
        said = [f"{one:g}" for one in hint.values]
        bound = Both("告警值 " + "、".join(said), "alarm on " + ", ".join(said))
    else:
        sign = ">" if hint.above is not None else "<"
        clear = Both("", "")
        if hint.clear is not None:
            clear = Both(f"，解除值 {hint.clear:g}", f", clears at {hint.clear:g}")
        bound = Both(f"阈值 {sign}{limit:g}{clear.zh}", f"limit {sign}{limit:g}{clear.en}")
    at = moment(at_ms)
    return Why(
        kind=Kind.LOOK,
        id=metric,
        text=text(
            f"读数 {metric} = {value:g}（{at.zh}收到），{bound.zh}",
            f"reading {metric} = {value:g} (received {at.en}), {bound.en}",
        ),
        state="reading",
        holds=judge_value(hint, value) is not False,
        value=float(value),
        limit=limit,
        since_ms=at_ms,
    )


def _views(world: World, name: str, row: DeviceState) -> Iterator[Why]:
    """What each agent saw, and whether it is to be counted on."""
    for agent, view in sorted(row.views.items()):
        counts = sees(world, agent, name, view)
        fresh = moment(as_of(world, row, name) or view.word_ms)
        said = ("", "") if counts else ("，现在看不见", ", does not see it now")
        looks = tuple(_looks(view.looks.items()))
        yield Why(
            kind=Kind.SOURCE,
            id=agent,
            text=text(
                f"采集代理{agent}：最近消息{fresh.zh}{said[0]}",
                f"agent {agent}: last word {fresh.en}{said[1]}",
            ),
            state="sees" if counts else "blind",
            holds=counts,
            since_ms=view.word_ms or None,
            parts=looks,
        )


def _looks(looks: Iterable[tuple[str, LookState]]) -> Iterator[Why]:
    for method, look in sorted(looks):
        said, since = OUTCOMES[look.outcome], moment(look.since_ms)
        reason = f"（{words.quoted(look.reason)}）" if look.reason else ""
        yield Why(
            kind=Kind.LOOK,
            id=str(method),
            text=text(
                f"{str(method).upper()}：{said.zh}{reason}，自{since.zh}起",
                f"{str(method).upper()}: {said.en}{reason}, since {since.en}",
            ),
            state=look.outcome.value,
            holds=look.outcome is not Outcome.MEASURED,
            since_ms=look.since_ms,
        )
