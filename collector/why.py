"""Why a network, a site or a device is judged as it is: from the judgement down to the readings.

Reads the World, changes nothing. Lists are cut with a count of what is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from collector import quiet, words
from collector.base import World
from collector.condition import judge_value, threshold
from collector.figures import hold_words, operator_figures
from collector.sight import as_of, sees
from collector.state import (
    Alarm,
    Blind,
    DeviceState,
    LookState,
    NetworkState,
    SiteState,
    SiteWord,
    Status,
)
from collector.tally import CellWord, Count
from config.profile import Hint
from escalation import facts
from escalation.words import Both, moment
from wire.notice import Bilingual
from wire.observation import Outcome
from wire.why import Kind, Why

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


def operator(world: World, name: str, state: str, now_ms: int, *, brief: bool = False) -> Why:
    """An operator's network; ``state`` is the one that is judged with (a person's, perhaps).

    ``brief``: only what holds or is under way.
    """
    row = world.state.operators.get(name, NetworkState())
    count = world.tally.operators.get(name, Count())
    said, zh = facts.STATES[state], world.county.operator_names[name]
    detail = text(
        f"{zh}：{said.zh}（{count.sites}个站点，中断{count.out}个，状态不明{count.unknown}个）",
        f"{english(world, name)}: {said.en} ({count.sites} sites, {count.out} out, "
        f"{count.unknown} unknown)",
    )
    return Why(
        kind=Kind.OPERATOR,
        id=name,
        text=detail,
        state=state,
        holds=state in {"partial", "full"},
        since_ms=row.since_ms or None,
        parts=(
            *(one for one in _shares(world, name, row, now_ms) if one.since_ms or not brief),
            *_blind(world, name),
            *_towns(world, name),
            *_out(world, name, now_ms, brief=brief),
        ),
    )


def english(world: World, operator: str) -> str:
    named = (one.name.en for one in world.county.plan.operators if one.id == operator)
    return next(named, operator)


def _shares(world: World, name: str, row: NetworkState, now_ms: int) -> Iterator[Why]:
    """Each rule: those that hold, then those under way, then the others."""
    found = []
    for figure in operator_figures(world, name):
        hold = row.rules.get(figure.rule)
        how = hold_words(hold, now_ms)
        active = hold is not None and hold.active
        waiting = hold is not None and hold.due_ms is not None
        node = Why(
            kind=Kind.SHARE,
            id=figure.rule,
            text=text(f"{figure.text.zh}：{how.zh}", f"{figure.text.en}: {how.en}"),
            state=hold.phase.value if hold else "clear",
            holds=active,
            value=figure.value,
            limit=figure.limit,
            since_ms=hold.since_ms if hold and (active or waiting) else None,
            until_ms=hold.due_ms if hold else None,
        )
        found.append((not active, not waiting, node))
    found.sort(key=lambda one: one[:2])
    return (node for _, _, node in found)


def _blind(world: World, operator: str) -> Iterator[Why]:
    """Its agents that are not to be counted on now."""
    phone = world.county.noc_phones.get(operator)
    for agent in sorted(world.county.agents_of.get(operator, ())):
        row = world.state.agents.get(agent)
        if row is not None and row.blind is not Blind.SEES:
            said, since = words.BLIND[row.blind], moment(row.blind_ms)
            ring = Both(f"，请电话核实 {phone}", f"; ring {phone}") if phone else Both("", "")
            yield Why(
                kind=Kind.SOURCE,
                id=agent,
                text=text(
                    f"采集代理{agent}{said}，自{since.zh}起{ring.zh}",
                    f"agent {agent} is {row.blind.value} since {since.en}{ring.en}",
                ),
                state=row.blind.value,
                since_ms=row.blind_ms or None,
            )


def _towns(world: World, operator: str) -> tuple[Why, ...]:
    """The towns in which it is affected, or at risk."""
    found = [
        (cell, word)
        for cell, word in sorted(world.tally.cell_words.items())
        if cell[0] == operator and (word.affected or word.at_risk)
    ]
    return some(found, lambda one: _town(world, *one))


def _town(world: World, cell: tuple[str, str], word: CellWord) -> Why:
    count = world.tally.cells.get(cell, Count())
    limit = world.county.policy.cell.share_out
    value = count.weight_out / count.weight if count.weight else 0.0
    name = world.county.town_names.get(cell[1], cell[1])
    said = Both("受影响", "affected") if word.affected else Both("有风险", "at risk")
    figures = f"{count.out}/{count.sites}"
    return Why(
        kind=Kind.TOWN,
        id=cell[1],
        text=text(
            f"{name}{said.zh}：站点中断{figures}，占{value * 100:.4g}%，阈值 ≥{limit * 100:g}%",
            f"{name} {said.en}: {figures} sites out, {value * 100:.4g}%, limit ≥{limit * 100:g}%",
        ),
        state="affected" if word.affected else "at_risk",
        holds=word.affected,
        value=value,
        limit=limit,
    )


def _out(world: World, operator: str, now_ms: int, *, brief: bool) -> tuple[Why, ...]:
    """Its sites that are not in order, key units and worst first."""
    rank = {"out": 0, "at_risk": 1, "unknown": 2}
    shown = rank.keys() - {"unknown"} if brief else rank.keys()
    facts_ = world.tally.site_facts.values()
    found = sorted(
        (fact for fact in facts_ if fact.operator == operator and fact.state in shown),
        key=lambda fact: (not fact.key_unit, rank[fact.state], fact.since_ms, fact.site),
    )
    return some(found, lambda fact: site(world, fact.site, now_ms, brief=brief))


def system(world: World, name: str, state: str, now_ms: int, *, brief: bool = False) -> Why:
    """An information system and the devices that it stands on."""
    known = world.county.systems[name]
    row = world.state.systems.get(name, NetworkState())
    devices = [one for one in known.devices if one in world.county.devices]
    down = [one for one in devices if _status(world, one) in {Status.DOWN, Status.HIDDEN}]
    said = facts.STATES[state]
    rules = [
        Why(
            kind=Kind.SHARE,
            id=rule,
            text=text(f"{said_rule.zh}：{how.zh}", f"{said_rule.en}: {how.en}"),
            state=hold.phase.value,
            holds=hold.active,
            since_ms=hold.since_ms or None,
            until_ms=hold.due_ms,
        )
        for rule, hold in sorted(row.rules.items())
        for how in (hold_words(hold, now_ms),)
        for said_rule in (facts.STATES.get(rule, Both(rule, rule)),)
    ]
    order = down if brief and down else [*down, *(one for one in devices if one not in down)]
    return Why(
        kind=Kind.SYSTEM,
        id=name,
        text=text(
            f"{known.name}：{said.zh}（{len(devices)}台设备，中断{len(down)}台）",
            f"{known.name}: {said.en} ({len(devices)} devices, {len(down)} down)",
        ),
        state=state,
        holds=state in {"partial", "full"},
        since_ms=row.since_ms or None,
        parts=(*rules, *some(order, lambda one: device(world, one, now_ms))),
    )


def _status(world: World, name: str) -> Status:
    row = world.state.devices.get(name)
    return row.status if row else Status.NEW


def site(world: World, name: str, now_ms: int, *, brief: bool = False) -> Why:
    """A site, and its devices: those that are not in order first."""
    known = world.county.sites[name]
    row = world.state.sites.get(name, SiteState(SiteWord.NEW, 0))
    said = SITES[row.word]
    key = ("【重点单位】", "[key unit] ") if known.key_unit else ("", "")
    since = moment(row.since_ms) if row.since_ms else Both("", "")
    well = {Status.OK, Status.NEW} if brief else set()
    devices = sorted(
        (d for d in world.county.site_devices.get(name, ()) if _status(world, d) not in well),
        key=lambda one: list(Status).index(_status(world, one)),
    )
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
        parts=some(devices, lambda one: device(world, one, now_ms)),
    )


def device(world: World, name: str, now_ms: int) -> Why:
    """A device: who hides it, its alarms with their thresholds and holds, the looks behind them."""
    known = world.county.devices[name]
    row = world.state.devices.get(name) or DeviceState()
    said, cause = DEVICES[row.status], words.device_cause(world, name, row)
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
            *some(_standing(world, row), lambda one: _alarm(world, row, *one, now_ms)),
            *_views(world, name, row),
        ),
    )


def _above(world: World, row: DeviceState) -> Iterator[Why]:
    """The devices behind which it cannot be reached."""
    for name in row.hidden_by:
        if name in world.county.devices:
            known = world.county.devices[name]
            said = text(f"上级设备{known.name}中断", f"device {known.name} before it is down")
            yield Why(kind=Kind.DEVICE, id=name, text=said, state=_status(world, name).value)


def _standing(world: World, row: DeviceState) -> list[tuple[str, Alarm]]:
    """Alarms that are raised, under way or flapping; raised ones first."""
    found = [
        (key, one)
        for key, one in row.alarms.items()
        if key.partition("|")[0] in world.county.types
        and (one.active or one.due_ms is not None or one.bad)
    ]
    return sorted(found, key=lambda one: (not one[1].active, one[1].since_ms, one[0]))


def _alarm(world: World, row: DeviceState, key: str, alarm: Alarm, now_ms: int) -> Why:
    type_id, _, qualifier = key.partition("|")
    kind, how = world.county.types[type_id], hold_words(alarm, now_ms)
    delays = world.county.delays(type_id)
    where = f"（{words.quoted(qualifier)}）" if qualifier else ""
    hold = text(
        f"告警「{kind.name_zh}」{where}：{how.zh}（持续{delays.raise_ms // 1000}秒告警，"
        f"{delays.clear_ms // 1000}秒解除）",
        f"alarm {kind.name_en}{where}: {how.en} (raised after {delays.raise_ms // 1000} s, "
        f"cleared after {delays.clear_ms // 1000} s)",
    )
    return Why(
        kind=Kind.ALARM,
        id=key,
        text=hold,
        state=alarm.phase.value,
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
