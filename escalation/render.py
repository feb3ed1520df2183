"""The words of the notices that the machine sends by itself: Chinese first, English beside.

Three lines first: what happened, what is not known, what to do now; then the details.
"""

from __future__ import annotations

from collections.abc import Sequence

from escalation import dark, facts
from escalation.charter import NONE
from escalation.facts import View, both, level_name, scenario_name
from escalation.page import (
    GAP_WORDS,
    Rendered,
    case_line,
    details,
    finish,
    happened_line,
    judge_it,
    level_words,
    ordered_by,
    standing_words,
    within,
)
from escalation.situation import BlindSource
from escalation.state import Standing
from escalation.warning import IN_FORCE
from escalation.words import EMPTY, Both, join, lasting, sentence, sentences
from wire.notice import Verb


def incident(view: View, *, number: int, ack_s: int) -> Rendered:
    """An incident's first notice (``number`` 0) or a follow-up on it (续报)."""
    title = (
        Both("通信网络事件", "Network incident")
        if number == 0
        else Both(f"通信网络事件续报（第{number}次）", f"Network incident, follow-up {number}")
    )
    brief = facts.counts(view) or facts.effects(view)
    todo = [
        Both("请向相关企业核实原因和处置情况", "ask the operator concerned for cause and measures")
    ]
    if number == 0:
        todo.append(within(ack_s))
    if view.situation.verdict.warning == NONE:
        todo.append(
            Both("尚未达到预警情形，系统继续监测", "no scenario is reached; watching goes on")
        )
    return finish(
        Both(f"{title.zh}：{brief.zh}", f"{title.en}: {brief.en}"),
        happened_line(view),
        facts.unknowns(view),
        sentences(todo),
        [case_line(view), *details(view)],
    )


def warning_draft(view: View, *, before: str, ack_s: int) -> Rendered:
    """The scenario rose (or was reached): the draft of a warning."""
    charter, verdict = view.charter, view.situation.verdict
    scenario = dark.drafted(charter, verdict)
    name, old = scenario_name(charter, scenario), scenario_name(charter, before)
    coming = dark.expected(charter, verdict)
    raised = charter.scenario(before) is not None and before != scenario
    intro = (
        Both(f"尚未达到{name.zh}，预计将达到", f"{name.en} is not reached, but is expected to be")
        if coming
        else Both(f"由{old.zh}上升为{name.zh}", f"raised from {old.en} to {name.en}")
        if raised
        else Both(f"达到{name.zh}", f"{name.en} is reached")
    )
    issue = ordered_by(view, Verb.ISSUE)
    headquarters = both(charter.headquarters)
    literal = verdict.literal_warning or coming
    ahead = Both(
        "这是预测（观测到的仍以下文为准）：可提前处置、提前提请",
        "this is projected, what is observed stands below: act and propose ahead of it",
    )
    todo = [
        ahead if coming else EMPTY,
        EMPTY if literal else GAP_WORDS,
        judge_it(view, asked=not literal),
        within(ack_s),
        Both(f"预警由{headquarters.zh}发布（{issue}）", f"{headquarters.en} issues ({issue})"),
    ]
    soon = Both("（预计）", " (projected)") if coming else EMPTY
    return finish(
        Both(f"预警草案：{name.zh}{soon.zh}", f"Warning draft: {name.en}{soon.en}"),
        happened_line(view, intro),
        facts.unknowns(view),
        sentences(todo),
        [case_line(view), *details(view)],
    )


def level_draft(view: View, *, before: str, ack_s: int) -> Rendered:
    """The level rose, or the plan's own words now carry it."""
    charter, level = view.charter, view.situation.verdict.level
    literal = view.situation.verdict.literal_level
    name, old, term = level_name(charter, level), level_name(charter, before), charter.level(level)
    raised = charter.level(before) is not None and before != level
    intro = (
        Both(f"由{old.zh}上升为{name.zh}", f"raised from {old.en} to {name.en}")
        if raised
        else EMPTY
    )
    title = Both("启动建议", "Suggested start") if literal else Both("研判提示", "For judgement")
    todo = [level_words(view, level), judge_it(view, asked=not literal)]
    if term and term.starters:
        todo.append(
            Both(
                f"经{charter.headquarters.zh}确认后，由{term.starters.zh}启动",
                f"started by the {term.starters.en} once {charter.headquarters.en} has confirmed",
            )
        )
    todo.append(within(ack_s))
    return finish(
        Both(f"{title.zh}：{name.zh}", f"{title.en}: {name.en}"),
        happened_line(view, intro),
        facts.unknowns(view),
        sentences(todo),
        [case_line(view), *details(view, level=False)],
    )


def lowering(view: View, *, before: Standing, hold_s: int) -> Rendered:
    """The worse has been impossible for the hold: lifting or lowering is suggested, not done."""
    charter, now = view.charter, view.known
    span = lasting(hold_s * 1000)
    held = Both(f"已持续{span.zh}以上", f"for {span.en} and more")
    if now.nothing:
        title = Both("建议解除", "Lifting suggested")
        seen = Both(
            f"所监测的网络和重要信息系统已恢复，{held.zh}", f"what is watched is back, {held.en}"
        )
        todo = _lift(view)
    else:
        title = Both("建议下调", "Lowering suggested")
        old, new = standing_words(view, before), standing_words(view, now)
        seen = Both(f"由{old.zh}降至{new.zh}，{held.zh}", f"from {old.en} to {new.en}, {held.en}")
        headquarters = both(charter.headquarters)
        todo = Both(
            f"请研判：认可的，提请{headquarters.zh}调整；系统不会自动下调",
            f"please judge: if you agree, propose it to {headquarters.en}; nothing lowers itself",
        )
    rest = facts.counts(view)
    left = Both(f"仍有：{rest.zh}", f"still: {rest.en}") if rest else EMPTY
    case = view.case.id if view.case else ""
    return finish(
        Both(f"{title.zh}：预警 {case}", f"{title.en}: warning {case}"),
        sentences([seen, left]),
        facts.unknowns(view),
        sentence(todo),
        [case_line(view), *details(view)],
    )


def _lift(view: View) -> Both:
    number = ordered_by(view, Verb.LIFT)
    if view.case is not None and view.case.state in IN_FORCE:
        headquarters = both(view.charter.headquarters)
        return Both(
            f"请核实处置是否结束；属实的，由{headquarters.zh}宣布解除（{number}）。系统不会自动解除",
            f"verify that handling is over; then {headquarters.en} lifts ({number}). "
            "Nothing lifts itself",
        )
    return Both(
        "预警尚未发布：请核实后撤回或解除草案，并记明原因。系统不会自动撤销",
        "the warning was never issued: verify, then withdraw or lift the draft with the reason. "
        "Nothing is dropped by itself",
    )


def recovering(view: View, *, better: int, hold_s: int) -> Rendered:
    """Part or all of what was told is back: shown at once, without any suggestion."""
    rest = facts.counts(view) or facts.effects(view)
    span = lasting(hold_s * 1000)
    if rest:
        title = Both("部分恢复", "Partly recovered")
        seen = Both(
            f"较上次通知恢复{better}项（站点、设备、网络合计）；仍有：{rest.zh}",
            f"{better} back since the last notice (sites, devices, networks); still: {rest.en}",
        )
        todo = Both("请继续跟踪处置", "follow the handling")
    else:
        title = Both("全部恢复，观察中", "All recovered, under observation")
        seen = Both("此前通知的异常均已恢复", "everything told before is back")
        todo = (
            Both("请向相关企业核实原因", "ask the operator for the cause")
            if view.case is None
            else Both(
                f"请向相关企业核实；持续{span.zh}无异常后，系统再提示解除，不会自动解除",
                f"verify with the operator; after {span.en} without trouble lifting will be "
                "suggested, nothing lifts itself",
            )
        )
    return finish(
        join([title, rest], "：", ": "),
        sentences([seen, facts.duration(view)]),
        facts.unknowns(view),
        sentence(todo),
        [case_line(view), *details(view)],
    )


def health(view: View, *, fell: Sequence[BlindSource], back: Sequence[str]) -> Rendered:
    """Sources fell silent or are back; what cannot be excluded meanwhile (PLAN section 2)."""
    silent = join(facts.blind(view, source) for source in fell)
    returned = "、".join(back)
    ended = (
        Both(f"监测已恢复：采集代理 {returned}", f"monitoring is back: agent {returned}")
        if back
        else EMPTY
    )
    if fell:
        subject = Both("监测中断，请电话核实", "Monitoring interrupted, please verify by telephone")
        calls = join((facts.noc(view, source) for source in fell), "；", "; ")
        todo = sentences(
            [
                Both(f"请电话核实：{calls.zh}", f"please verify by telephone: {calls.en}"),
                Both(
                    "失去监测不等于中断，系统不据此提请",
                    "blindness is no outage; it proposes nothing",
                ),
            ]
        )
    else:
        subject = Both("监测恢复", "Monitoring is back")
        rest = view.situation.blind
        todo = sentence(
            Both("请继续核实仍中断的来源", "go on verifying what is still silent")
            if rest
            else Both("无需处置", "nothing")
        )
    return finish(
        subject,
        sentences([silent, ended]),
        facts.unknowns(view, told=[source.agent for source in fell]),
        todo,
        [case_line(view)],
    )
