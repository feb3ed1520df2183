"""Why an operator or a system is judged as it is: its rules in figures, its towns and sites.

Reads the World, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from collector import words
from collector.base import World
from collector.explanation import Kind, Why
from collector.figures import hold_words, operator_figures
from collector.state import Blind, NetworkState, Status
from collector.tally import CellWord, Count
from collector.why import device, english, site, some, status, text
from escalation import facts
from escalation.words import Both, moment
from wire.notice import SiteFact

LOOKED: Final = 500
"""Sites of one operator that are looked through for causes; a county may have thousands out."""

RANK: Final = {"out": 0, "at_risk": 1, "unknown": 2}
NONE: Final = Both("", "")


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
    said = _hit(word)
    figures = f"{count.out}/{count.sites}"
    return Why(
        kind=Kind.TOWN,
        id=cell[1],
        text=text(
            f"{name}{said.zh}：站点中断{figures}，占{value * 100:.4g}%，阈值 ≥{limit * 100:g}%",
            f"{name} {said.en}: {figures} sites out, {value * 100:.4g}%, limit ≥{limit * 100:g}%",
        ),
        state="affected" if word.affected else "at_risk" if word.at_risk else "none",
        holds=word.affected,
        value=value,
        limit=limit,
    )


def _hit(word: CellWord) -> Both:
    if word.affected:
        return Both("受影响", "affected")
    return Both("有风险", "at risk") if word.at_risk else Both("未受影响", "not affected")


def town(world: World, code: str, now_ms: int) -> Why:
    """A town: each operator's sites there beside the limit, and those that are not in order."""
    name, tally = world.county.town_names[code], world.tally
    own = [
        (operator, code)
        for operator in world.county.operators
        if tally.cells.get((operator, code), Count()).sites
    ]
    words_ = [(cell, tally.cell_words.get(cell, CellWord())) for cell in own]
    words_.sort(key=lambda one: (not one[1].affected, not one[1].at_risk))
    counts = [tally.cells[cell] for cell in own]
    hit = sum(word.affected for _, word in words_)
    out, sites = sum(one.out for one in counts), sum(one.sites for one in counts)
    bad = [fact for fact in tally.site_facts.values() if fact.town == code]
    return Why(
        kind=Kind.TOWN,
        id=code,
        text=text(
            f"{name}：受影响企业{hit}/{len(own)}家，站点中断{out}/{sites}",
            f"{name}: {hit} of {len(own)} operators affected, {out} of {sites} sites out",
        ),
        state="affected" if hit else "at_risk" if any(w.at_risk for _, w in words_) else "none",
        holds=bool(hit),
        value=float(hit),
        parts=(
            *(_cell(world, cell, word) for cell, word in words_),
            *_listed(world, bad, now_ms, brief=False),
        ),
    )


def _cell(world: World, cell: tuple[str, str], word: CellWord) -> Why:
    """An operator in a town, by the operator's name."""
    node, operator = _town(world, cell, word), cell[0]
    zh, en = world.county.operator_names[operator], english(world, operator)
    said = text(f"{zh}：{node.text.zh}", f"{en}: {node.text.en}")
    return node.model_copy(update={"id": operator, "text": said})


def _out(world: World, operator: str, now_ms: int, *, brief: bool) -> tuple[Why, ...]:
    """Its sites that are not in order."""
    mine = [
        fact
        for fact in world.tally.site_facts.values()
        if fact.operator == operator and not (brief and fact.state == "unknown")
    ]
    return _listed(world, mine, now_ms, brief=brief)


def _listed(world: World, mine: list[SiteFact], now_ms: int, *, brief: bool) -> tuple[Why, ...]:
    """Sites that are not in order: key units, those with a cause of their own, worst first.

    ``brief``: what is only cut off behind others is counted, where a cause is shown.
    """
    found = sorted(
        _few(mine),
        key=lambda fact: (
            not fact.key_unit,
            _behind_others(world, fact.site),
            RANK[fact.state],
            fact.since_ms,
            fact.site,
        ),
    )
    causes = [fact for fact in found if not _behind_others(world, fact.site)]
    shown = causes if brief and causes else found
    nodes = some(shown, lambda fact: site(world, fact.site, now_ms, brief=brief))
    cut = len(mine) - len(shown)
    if not cut:
        return nodes
    behind = Both("被上级设备断开", ", cut off behind others") if len(mine) == len(found) else NONE
    said = text(f"另有{cut}个站点{behind.zh}", f"and {cut} more sites{behind.en}")
    return (*nodes, Why(kind=Kind.MORE, text=said, value=float(cut)))


def _few(facts_: list[SiteFact]) -> list[SiteFact]:
    """All of them, or the key units and as many others as can be looked at in a moment."""
    if len(facts_) <= LOOKED:
        return facts_
    rest = (fact for fact in facts_ if not fact.key_unit)
    return [*(fact for fact in facts_ if fact.key_unit), *islice(rest, LOOKED)][: 2 * LOOKED]


def _behind_others(world: World, name: str) -> bool:
    """Whether all that is wrong at a site is that others cut it off."""
    states = {status(world, one) for one in world.county.site_devices.get(name, ())}
    return Status.HIDDEN in states and states <= {Status.HIDDEN, Status.OK, Status.NEW}


def system(world: World, name: str, state: str, now_ms: int, *, brief: bool = False) -> Why:
    """An information system and the devices that it stands on."""
    known = world.county.systems[name]
    row = world.state.systems.get(name, NetworkState())
    devices = [one for one in known.devices if one in world.county.devices]
    down = [one for one in devices if status(world, one) in {Status.DOWN, Status.HIDDEN}]
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
        parts=(*rules, *some(order, lambda one: device(world, one, now_ms, brief=brief))),
    )
