"""Threats from outside: entered by a person, or said by a feed (``escalation.cap``).

The same mechanism as facts: name, source, term, withdrawal, and an announcement when the term is
over (PLAN section 2: a projection may be a threat entered by the office or fed in). A threat is
never an observation: it enters the projection alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from escalation import facts
from escalation.authority import Outcome
from escalation.charter import Charter
from escalation.clerk import Clerk
from escalation.effects import Record
from escalation.facts import View
from escalation.feed import Read
from escalation.page import Rendered, case_line, finish
from escalation.situation import Threat
from escalation.state import DeskState
from escalation.words import EMPTY, Both, join, listed, moment, same, sentence, sentences
from wire.notice import Attested, Command

MOST: Final = 100
"""Threats that stand at one time, proposed ones included."""

MOST_OVER: Final = 500
MOST_NAMES: Final = 6


class Review(NamedTuple):
    """The threats that stand, those that have just expired, and the journal's lines."""

    live: tuple[Threat, ...]
    expired: tuple[Threat, ...]
    records: list[Record]


def judge(clerk: Clerk, now_ms: int, command: Command) -> Outcome:
    """What becomes of a permitted order to enter or withdraw a threat; changes nothing."""
    charter, state, word = clerk.charter, clerk.state, command.threat
    known = state.threats.get(command.target)
    if command.state == Attested.WITHDRAWN or word is None:
        return Outcome.ACCEPTED if known else Outcome.NOT_ATTESTED
    strange = (
        not charter.operators.keys() >= set(word.operators)
        or not charter.systems.keys() >= set(word.systems)
        or any(not within(charter, code) for code in word.towns)
    )
    if strange:
        return Outcome.UNKNOWN_TARGET
    if until(charter, now_ms, command) <= now_ms:
        return Outcome.TOO_LATE
    return Outcome.ACCEPTED if known or len(state.threats) < MOST else Outcome.NOT_POSSIBLE


def within(charter: Charter, code: str) -> list[str]:
    """The towns that a code names: a town's own, or that of the county (6 digits)."""
    return [town for town in charter.towns if town == code or (len(code) == 6 and town[:6] == code)]


def until(charter: Charter, now_ms: int, command: Command) -> int:
    """The end (ms) of the threat, counted from the signing but never from the future."""
    valid_s = charter.clocks.threat_s if command.valid_s is None else command.valid_s
    return min(command.at_ms, now_ms) + valid_s * 1000


def apply(clerk: Clerk, now_ms: int, command: Command) -> Record:
    """Keep the threat, or drop it; the journal's line."""
    threats, word = clerk.state.threats, command.threat
    if word is None or command.state is None:
        _forget(clerk.state, command.target, now_ms)
        return _record("withdrawn", threats.pop(command.target), by=command.account)
    before = threats.get(command.target)
    threat = threats[command.target] = Threat(
        id=command.target,
        what=word.what,
        source=command.source,
        account=command.account,
        degree=command.state,
        at_ms=now_ms,
        until_ms=until(clerk.charter, now_ms, command),
        from_ms=word.from_ms or 0,
        operators=word.operators,
        systems=word.systems,
        towns=tuple(
            dict.fromkeys(one for code in word.towns for one in within(clerk.charter, code))
        ),
        spread=word.spread,
        areas=before.areas if before else "",
    )
    return _record("entered", threat)


def fed(state: DeskState, now_ms: int, said: Read) -> list[Record]:
    """What a feed's message does; empty where it says nothing new. A person's own word stays."""
    records = []
    for name in said.gone:
        known = state.threats.get(name)
        _forget(state, name, now_ms)
        if known is not None:
            del state.threats[name]
            records.append(_record("cancelled", known))
    threat = said.threat
    if threat is None or threat.id in state.threats_over:
        return records
    known = state.threats.get(threat.id)
    if known == threat or (known is not None and known.account):
        return records
    if known is None and len(state.threats) >= MOST:
        return records
    state.threats[threat.id] = threat
    return [*records, _record("entered" if threat.entered else "proposed", threat)]


def _forget(state: DeskState, threat: str, now_ms: int) -> None:
    """This message is over, also if it comes again, or comes late."""
    state.threats_over[threat] = now_ms
    while len(state.threats_over) > MOST_OVER:
        del state.threats_over[next(iter(state.threats_over))]


def review(state: DeskState, now_ms: int) -> Review:
    """End what has expired; what stands."""
    gone = [one for one in state.threats.values() if now_ms >= one.until_ms]
    for one in gone:
        del state.threats[one.id]
    live = tuple(state.threats.values())
    told = tuple(one for one in gone if one.entered)
    return Review(live, told, [_record("expired", one) for one in gone])


def _record(event: str, threat: Threat, *, by: str = "") -> Record:
    data = {
        "event": event,
        "id": threat.id,
        "what": threat.what,
        "source": threat.source,
        "by": by or threat.account,
        "degree": threat.degree,
        "operators": list(threat.operators),
        "systems": list(threat.systems),
        "towns": list(threat.towns),
        "spread": threat.spread,
        "at_ms": threat.at_ms,
        "from_ms": threat.from_ms,
        "until_ms": threat.until_ms,
    }
    return Record("threat", data)


# ── In words ─────────────────────────────────────────────────────────────────────────────────────


def words(view: View, threat: Threat) -> Both:
    """暴雨红色预警：可能影响润城镇、北留镇（部分业务），据县气象局，至11月24日 18:00有效."""
    names = [
        *(facts.operator_name(view, one) for one in threat.operators),
        *(facts.system_name(view, one) for one in threat.systems),
        *(same(view.charter.towns.get(one, one)) for one in threat.towns),
    ]
    hit, state = listed(names, MOST_NAMES), facts.STATES[threat.degree]
    begins = (
        Both(f"{moment(threat.from_ms).zh}起，", f"from {moment(threat.from_ms).en} ")
        if threat.from_ms > view.now_ms
        else EMPTY
    )
    end = moment(threat.until_ms)
    more = Both("，可能扩散", ", may spread") if threat.spread else EMPTY
    return Both(
        f"{threat.what}：{begins.zh}可能影响{hit.zh}（{state.zh}{more.zh}），"
        f"据{threat.source}，至{end.zh}有效",
        f"{threat.what}: {begins.en}may hit {hit.en} ({state.en}{more.en}), "
        f"by {threat.source}, until {end.en}",
    )


def answer(view: View, command: Command, who: Both, rest: Sequence[Both]) -> Rendered:
    """What a person entered; or that it was taken back."""
    if command.threat is None:
        title = Both(f"撤回外部威胁：{command.target}", f"threat withdrawn: {command.target}")
        done = title
        todo = Both("此后不再计入预测", "it counts in the projection no more")
    else:
        threat = view.threats.get(command.target)
        said = words(view, threat) if threat else same(command.threat.what)
        title = Both(f"外部威胁：{command.threat.what}", f"threat: {command.threat.what}")
        done = Both(f"登记外部威胁：{said.zh}", f"entered a threat: {said.en}")
        todo = Both(
            "已计入预测（不改变观测）；情况变化时请更新或撤回",
            "it counts in the projection, never as observed; update or withdraw it in time",
        )
    reason = Both(f"理由：{command.reason}", f"reason: {command.reason}")
    parts = [Both(f"{who.zh}{done.zh}", f"{who.en} {done.en}"), reason if command.reason else EMPTY]
    return finish(
        Both(f"决定：{title.zh}", f"Decision: {title.en}"),
        sentences(parts),
        facts.unknowns(view),
        sentence(todo),
        list(rest),
        footer=EMPTY,
    )


def lapsed(view: View, threats: Iterable[Threat]) -> Rendered:
    """Threats are over by their own term: out of the projection, and said so."""
    names = join([same(one.what) for one in threats], "、", ", ")
    return finish(
        Both(f"外部威胁到期：{names.zh}", f"Threat expired: {names.en}"),
        sentence(
            Both(
                f"{names.zh}已过有效期，不再计入预测",
                f"the term of {names.en} is over, it counts in the projection no more",
            )
        ),
        facts.unknowns(view),
        sentence(Both("仍有威胁的，请重新登记", "where it still threatens, please enter it anew")),
        [case_line(view)],
    )


def announced(view: View, threats: Sequence[Threat]) -> Rendered:
    """A feed of warnings says something new: counted by a rule, or waiting for a person."""
    names = listed([same(one.what) for one in threats], MOST_NAMES)
    waits = [one for one in threats if not one.entered]
    todo = (
        Both(
            "请研判：成立的，登记为外部威胁；不成立的，不采用",
            "please judge: enter it as a threat, or dismiss it",
        )
        if waits
        else Both("已按规则计入预测，请研判", "counted in the projection by rule; please judge")
    )
    return finish(
        Both(f"外部预警：{names.zh}", f"Warning from outside: {names.en}"),
        sentences([words(view, one) for one in threats[:MOST_NAMES]]),
        facts.unknowns(view),
        sentence(todo),
        [case_line(view)],
    )
