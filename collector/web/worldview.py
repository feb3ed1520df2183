"""The World's rows as the pages' rows. Reads, changes nothing; one row at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from collector import consequence, inforce, offices, quiet, sight, words
from collector.assess import power_of
from collector.base import World
from collector.county import County
from collector.inhibit import flaps_behind
from collector.sight import as_of
from collector.state import AgentState, Blind, SiteWord, Status
from collector.state import DeviceState as Row
from collector.state import SiteState as SiteRow
from collector.tally import CellWord
from collector.web.alarmview import alarms
from collector.web.source import (
    EMPTY,
    CellState,
    DeviceState,
    ReadingState,
    Said,
    SiteState,
    SourceState,
    State,
    Static,
    Transition,
    Words,
)
from collector.would import would
from config.profile import Metric
from escalation.appoint import entered_facts
from escalation.facts import FACT
from escalation.load import load
from escalation.state import Attestation
from escalation.words import moment
from wire.notice import Bilingual, Verdict
from wire.reasons import REASONS, SNMP_SILENT

STATES = {
    Status.DOWN: State.DOWN,
    Status.HIDDEN: State.DOWN,
    Status.UNKNOWN: State.UNKNOWN,
    Status.SNMP_FAULT: State.ALARM,
    Status.ALARM: State.ALARM,
    Status.OK: State.OK,
    Status.NEW: State.NOT_COMMISSIONED,
}
SITES = {
    SiteWord.OUT: State.DOWN,
    SiteWord.AT_RISK: State.ALARM,
    SiteWord.UNKNOWN: State.UNKNOWN,
    SiteWord.OK: State.OK,
    SiteWord.NEW: State.NOT_COMMISSIONED,
}


def static(county: County, positions: dict[str, tuple[int, int]], name: str) -> Static:
    """What changes only with the configuration."""
    plan = county.plan
    judged = [*plan.scenarios, *plan.levels]
    said = Words(
        operators={one.id: one.name for one in plan.operators},
        scenarios={one.id: one.name for one in plan.scenarios},
        levels={one.id: one.name for one in plan.levels},
        roles={one.id: one.name for one in plan.roles},
        rules={rule.id: rule.says for one in judged for rule in one.rules},
        clauses={one.id: one.quote for one in plan.clauses},
        judgement={
            rule.id: rule.judgement for one in judged for rule in one.rules if rule.judgement
        },
        facts=entered_facts(plan),
        remarks=_remarks(county),
    )
    return Static(
        register=county.register,
        name=Bilingual(zh=name, en=name),
        words=said,
        positions=positions,
        config_hash=county.hash,
    )


def standing_remarks(world: World, now_ms: int) -> tuple[Bilingual, ...]:
    """What has to be known beside the picture: by which rules it is judged, who hears of it."""
    return (*inforce.remarks(world), *flooded(world, now_ms), *offices_away(world))


def flooded(world: World, now_ms: int) -> tuple[Bilingual, ...]:
    """More than people can take in (ISA-18.2: over ten in ten minutes)."""
    told = load(world.desk.sent, now_ms)
    if not told.flood:
        return ()
    said = Bilingual(
        zh=f"通知洪泛：10分钟内{told.now}条（ISA-18.2：10条为限）。",
        en=f"Notice flood: {told.now} in ten minutes (ISA-18.2: ten at most).",
    )
    return (said,)


def offices_away(world: World) -> tuple[Bilingual, ...]:
    """Office clients that do not hear us; that nobody has connected yet is no loss."""
    words = dict(offices.words(world))
    if set(words.values()) == {Blind.NEVER}:
        return (
            Bilingual(
                zh="尚无办公室客户端接入，通知暂存待送。",
                en="No office has connected yet: notices are kept for it.",
            ),
        )
    found = []
    for name, word in words.items():
        if word == Blind.NEVER:
            said = Bilingual(
                zh=f"办公室客户端 {name} 尚未接入。", en=f"Office {name} has not connected yet."
            )
        elif word:
            at = moment(offices.office(world, name).blind_ms)
            said = Bilingual(
                zh=f"办公室客户端 {name} 自{at.zh}起失联，通知是否有人看到不明。",
                en=f"Office {name} has been silent since {at.en}: whether anyone there sees "
                "notices is unknown.",
            )
        else:
            continue
        found.append(said)
    return tuple(found)


def _remarks(county: County) -> tuple[Bilingual, ...]:
    """The plan says when it was to be revised (7.2): shown, because nobody else reminds."""
    paper = county.plan.document
    if paper.revision_due is None:
        return ()
    return (
        Bilingual(
            zh=f"《{paper.title}》（{paper.number}）应于 {paper.revision_due} 前修订",
            en=f"{paper.number}: by its own words due for revision on {paper.revision_due}",
        ),
    )


def device(world: World, name: str) -> DeviceState:
    """A device as the pages show it."""
    row = world.state.devices.get(name)
    status = row.status if row else Status.NEW
    if status is Status.NEW and world.county.operator_of[name] not in world.county.connected:
        return DeviceState(State.NOT_CONNECTED, 0)
    if row is None or status in {Status.OK, Status.NEW}:
        mark = "maintenance" if name in world.covered else ""
        return DeviceState(STATES[status], row.since_ms if row else 0, quiet=mark)
    cause = row.hidden_by[0] if status is Status.HIDDEN and row.hidden_by else None
    return DeviceState(
        STATES[status],
        row.since_ms,
        why(world, name, row),
        cause,
        word=status.value,
        quiet=quiet.of_device(world, name, row),
    )


def why(world: World, name: str, row: Row) -> Bilingual:
    """The collector's Chinese sentence, and one in English beside it."""
    zh = words.device_cause(world, row)
    match row.status:
        case Status.DOWN:
            en = "does not answer"
        case Status.HIDDEN:
            known = world.county.devices
            names = ", ".join(known[one].name for one in row.hidden_by[:3] if one in known)
            en = f"cut off behind {names}"
        case Status.UNKNOWN:
            en = f"nobody sees it now: agent {', '.join(sorted(row.views)) or 'missing'}"
        case Status.SNMP_FAULT:
            reason = words.refusal(row)
            en = SNMP_SILENT.en if reason is None else f"refuses SNMP: {REASONS[reason].en}"
        case _:
            titles = dict.fromkeys(one.title.en for one in alarms(world, name))
            above = [world.county.devices[one].name for one in flaps_behind(row)[:3]]
            en = f"comes and goes with {', '.join(above)}; " if above else ""
            en = (en + ("alarm: " + ", ".join(titles) if titles else "")).removesuffix("; ")
    return Bilingual(zh=zh, en=en)


def seen(world: World, name: str) -> int | None:
    """The last fresh word about a device, its agents' rounds included."""
    row = world.state.devices.get(name)
    return (as_of(world, row, name) or None) if row else None


def site(world: World, name: str) -> SiteState:
    """A site as the pages show it; one that works while a device of it has an alarm is not ok."""
    row = world.state.sites.get(name, SiteRow(SiteWord.NEW, 0))
    known = world.county.sites[name]
    if row.word is SiteWord.NEW and known.operator not in world.county.connected:
        return SiteState(State.NOT_CONNECTED, 0)
    fact = world.tally.site_facts.get(name)
    cause = Bilingual(zh=fact.cause, en=SITE_EN.get(row.word, "")) if fact else EMPTY
    if row.word is SiteWord.OK:
        bad = [
            (one, held)
            for one in world.county.site_devices.get(name, ())
            if (held := world.state.devices.get(one)) is not None
            and STATES[held.status] in {State.ALARM, State.DOWN, State.UNKNOWN}
        ]
        if bad:
            first, held = min(bad, key=lambda one: list(Status).index(one[1].status))
            return SiteState(State.ALARM, held.since_ms, why(world, first, held))
    lost = world.tally.lost.get(name)
    return SiteState(
        SITES[row.word],
        row.since_ms,
        cause,
        at_risk=row.word is SiteWord.AT_RISK,
        power=power_of(world, name, lost) if lost else None,
    )


SITE_EN = {
    SiteWord.OUT: "a main device is out",
    SiteWord.AT_RISK: "at risk: power",
    SiteWord.UNKNOWN: "nobody sees a main device now",
}


def source(world: World, agent: str, row: AgentState) -> SourceState:
    """An enrolled agent: its last word, and since when it is not to be counted on."""
    return SourceState(
        agent,
        world.county.sources[agent].operator,
        row.heard_ms if row.blind is not Blind.NEVER else None,
        row.blind_ms if row.blind is not Blind.SEES else None,
    )


def operators(world: World) -> dict[str, CellState]:
    return {
        name: CellState(
            row.impact,
            row.since_ms or None,
            attested=attested(world, name),
            would=would(world, name),
        )
        for name, row in world.state.operators.items()
    }


def systems(world: World) -> dict[str, CellState]:
    return {
        name: CellState(row.impact, row.since_ms or None, attested=attested(world, name))
        for name, row in world.state.systems.items()
    }


def attested(world: World, name: str) -> Said | None:
    """What a person's word stands in for now; None where it is measured, or nobody said."""
    row = world.desk.attested.get(name)
    return _said_by(row) if row and row.superseded_ms is None else None


def entered(world: World) -> dict[str, Said]:
    """The facts that people entered, by id."""
    return {
        key.removeprefix(FACT): _said_by(row)
        for key, row in world.desk.attested.items()
        if key.startswith(FACT)
    }


def _said_by(row: Attestation) -> Said:
    return Said(row.state, row.source, row.account, row.at_ms, row.until_ms)


def cells(world: World) -> dict[tuple[str, str], CellState]:
    return {cell: _cell(word) for cell, word in world.tally.cell_words.items()}


def _cell(word: CellWord) -> CellState:
    return CellState("partial" if word.affected else "none", affected=word.affected)


def verdict(world: World) -> Verdict | None:
    return world.situation.verdict if world.situation else None


def metrics(county: County) -> dict[str, Metric]:
    """The profiles' metrics by name."""
    return {
        metric.name: metric
        for profile in county.bundle.profiles
        for metric in (
            *profile.scalars,
            *(column for table in profile.tables for column in table.columns),
        )
    }


def both_ways(world: World, device: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The devices that took this one down, and those that it takes down; without itself."""
    causes = consequence.taken_down_by(world, device)
    lost = consequence.takes_down(world, device).devices
    return (
        tuple(one.id for one in causes if one.id != device),
        tuple(one for one in lost if one != device),
    )


def points(world: World, device: str) -> dict[str, bool | None]:
    """What several vantage points say of it; nothing where there is one."""
    row = world.state.devices.get(device)
    return sight.points(world, device, row) if row is not None and len(row.views) > 1 else {}


def events(world: World, device: str) -> Iterator[Transition]:
    """Traps and traces of a device as moments of its history."""
    row = world.state.devices.get(device)
    if row is not None:
        state = STATES[row.status]
        for one in row.events:
            yield Transition(one.at_ms, state, state, words.event(one))


def readings(world: World, name: str, known: dict[str, Metric]) -> tuple[ReadingState, ...]:
    """A device's watched readings, those that raise an alarm first."""
    row = world.state.devices.get(name)
    if row is None:
        return ()
    found = []
    for key, held in row.readings.items():
        metric, _, instance = key.partition("|")
        about = known.get(metric)
        names = {number: word for word, number in about.enum.items()} if about else {}
        word = names.get(int(held.value)) if held.value is not None and names else None
        raised = next(
            (
                hint.alarm
                for hint in world.county.hints.get(metric, ())
                if (alarm := row.alarms.get(f"{hint.alarm}|{instance}")) and alarm.active
            ),
            None,
        )
        found.append(
            ReadingState(
                metric=metric,
                instance=instance,
                value=held.value,
                unit=about.unit if about else "",
                at_ms=held.at_ms,
                text=f"{word} ({held.value:g})" if word and held.value is not None else "",
                alarm=raised,
            )
        )
    found.sort(key=lambda one: (one.alarm is None, one.metric, natural(one.instance)))
    return tuple(found)


def natural(text: str) -> list[tuple[int, str]]:
    """GE0/0/2 before GE0/0/10."""
    parts = re.split(r"(\d+)", text)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
