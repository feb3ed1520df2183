"""The words that answer people: what became of an order, what waits for a person.

Three lines first, as in every notice; who was refused reads why and what to do about it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from escalation import facts, stated, threat, worded
from escalation.authority import UNVERIFIED, Outcome
from escalation.charter import NONE
from escalation.facts import View, both, level_name, scenario_name
from escalation.page import (
    STATES,
    Rendered,
    case_line,
    details,
    finish,
    judge_it,
    ordered_by,
    standing_words,
)
from escalation.state import Awaiting, Standing
from escalation.warning import IN_FORCE, OPEN
from escalation.words import EMPTY, Both, join, lasting, moment, sentence, sentences
from wire.notice import STATING, Attested, Command, Verb

TOPICS: Final = {
    "incident": Both("事件通知", "incident notice"),
    "warning": Both("预警草案", "warning draft"),
    "level": Both("响应提示", "response prompt"),
}


ORDERS: Final = {
    Verb.ACK: Both("确认收到", "acknowledged"),
    Verb.PROPOSE: Both("提请", "proposed"),
    Verb.ISSUE: Both("发布", "issued"),
    Verb.WITHDRAW: Both("撤回", "withdrew"),
    Verb.LIFT: Both("解除", "lifted"),
    Verb.ADOPT: Both("改按现行规则研判", "moved to the rules in force"),
    Verb.ATTEST: Both("登记电话核实", "attested"),
    Verb.FACT: Both("登记研判事项", "entered the fact"),
    Verb.ALARM: Both("处理告警或维护窗口", "said of alarms or a window"),
    Verb.THREAT: Both("登记外部威胁", "entered the threat"),
}
REFUSALS: Final = {
    Outcome.WRONG_COUNTY: Both(
        "指令属于其他县或演练，不在此处执行", "it belongs to another county or drill"
    ),
    Outcome.UNKNOWN_ACCOUNT: Both("登记册中没有此账号", "the register has no such account"),
    Outcome.WRONG_KEY: Both("签名密钥不是该账号的密钥", "it was not signed with the account's key"),
    Outcome.NOT_VALID: Both("该账号今日不在有效期内", "the account is not valid today"),
    Outcome.NO_ROLE: Both("该账号的角色无权下达此指令", "no role of the account may order this"),
    Outcome.SAME_ACCOUNT: Both(
        "提请与发布须由不同账号办理", "the same account may not both propose and issue"
    ),
    Outcome.UNKNOWN_TARGET: Both(
        "没有此编号的预警、通知、企业、信息系统、乡镇或研判事项",
        "there is no such warning, notice, operator, information system, town or fact",
    ),
    Outcome.CLOSED: Both("该预警已结束", "that warning is closed"),
    Outcome.NOT_POSSIBLE: Both("预警当前状态下不能办理", "not possible in the warning's state"),
    Outcome.UNKNOWN_KEY: Both(
        "此处不信任该密钥（未登记或已吊销）", "that key is not trusted here (never was, or revoked)"
    ),
    Outcome.BAD_SIGNATURE: Both("签名与内容不符", "the signature does not fit what was signed"),
    Outcome.NOTHING_NEW: Both(
        "内容与上次相同，无需重复办理", "it would change nothing: this was already done"
    ),
    Outcome.MEASURED: Both(
        "其状态正在监测之中，电话核实只代替状态不明",
        "its state is being measured; what is attested stands in for unknown alone",
    ),
    Outcome.TOO_LATE: Both("送达时有效期已过", "its term was over when it arrived"),
    Outcome.NOT_ATTESTED: Both("没有生效的登记可撤回", "nothing stated is in force"),
    Outcome.NO_SUCH_VALUE: Both("该事项没有这样的取值", "that fact has no such value"),
    Outcome.KEY_UNIT: Both(
        "涉及重点单位，不得静默（6.3）", "it is of a key unit, which is never silenced (6.3)"
    ),
    Outcome.TOO_LONG: Both("超过参数规定的时限", "longer, or further ahead, than the policy lets"),
    Outcome.TOO_MUCH: Both("遮蔽范围超过参数规定的上限", "it would hide more than the policy lets"),
    Outcome.TAKEN: Both("该编号已有维护窗口", "a window of that id stands already"),
    Outcome.BEFORE_LOSS: Both(
        "下达于汇聚端存储受损之前，是否已办理无从核实",
        "it was given before the county's store lost something: it may have been carried out",
    ),
}
NEWEST: Final = Both(
    "已按现行规则研判，没有更新的规则版本",
    "it is judged by the rules in force already; there are no newer ones",
)
NO_SUCH_ALARM: Final = Both(
    "没有此编号的告警、设备、站点、企业或维护窗口，或没有可清理的",
    "there is no such alarm, device, site, operator or window, or nothing to purge",
)
WITHDRAWALS: Final = {
    Verb.ATTEST: Both("撤回电话核实", "withdraw what was attested of"),
    Verb.FACT: Both("撤回研判事项", "withdraw the fact"),
    Verb.THREAT: Both("撤回外部威胁", "withdraw the threat"),
}
REMEDIES: Final = {
    Outcome.UNKNOWN_KEY: Both(
        "请核对所用密钥并登记；如非本单位人员所为，请立即报告",
        "check the key and have it registered; if none of you did this, report it at once",
    ),
    Outcome.BAD_SIGNATURE: Both(
        "请重新签署；如非本单位人员所为，请立即报告",
        "sign it again; if none of you did this, report it at once",
    ),
    Outcome.WRONG_COUNTY: Both("请核对县和演练编号", "check county and tree"),
    Outcome.UNKNOWN_ACCOUNT: Both(
        "请核对账号，或在登记册中登记", "check the account, or register it"
    ),
    Outcome.WRONG_KEY: Both(
        "请用本人密钥重新签署；如密钥遗失，请更换并登记",
        "sign with your own key, or have it replaced",
    ),
    Outcome.NOT_VALID: Both("请由在任人员办理，或更新登记册", "let somebody in office order it"),
    Outcome.MEASURED: Both(
        "以测得状态为准；与电话不符的，请与企业核对监测",
        "what is measured stands; if the telephone says otherwise, have the monitoring checked",
    ),
    Outcome.TOO_LATE: Both("请再次电话核实后登记", "telephone again, then enter it"),
    Outcome.NOT_ATTESTED: Both("无需处置", "nothing"),
    Outcome.KEY_UNIT: Both(
        "重点单位的告警请逐条处理、确认或备注", "acknowledge or note key units' alarms one by one"
    ),
    Outcome.TOO_LONG: Both("请缩短时限，到期后重新登记", "make it shorter and enter it anew later"),
    Outcome.TOO_MUCH: Both("请分批登记", "enter smaller ones, one after the other"),
    Outcome.TAKEN: Both("请换一个编号", "give it another id"),
    Outcome.NO_SUCH_VALUE: Both("请按预案规定的取值登记", "enter a value that the plan has"),
    Outcome.BEFORE_LOSS: Both(
        "请核对现状后重新下达；如刚刚下达，请核对本机时钟",
        "look at how things stand and give it again; if it is new, check this computer's clock",
    ),
}
STILL_NOTHING: Final = Both("未观测到中断", "no outage observed")
CLOSE: Final = {
    state: Both("解除预警", "have it lifted")
    if state in IN_FORCE
    else Both("撤回草案并记明原因", "withdraw the draft with the reason")
    for state in OPEN
}


def decision(
    view: View,
    *,
    command: Command,
    outcome: Outcome,
    adopted: Standing | None,
    key: str = "",
    why: Both | None = None,
) -> Rendered:
    """What became of an order, and what follows from it.

    ``key`` where nobody knows whose it is; ``why`` it was refused, where more is known of it.
    """
    who = _who(view, command)
    if outcome in UNVERIFIED:
        who = Both(
            f"以账号 {command.account} 名义、用密钥 {key} 签署",
            f"in the name of account {command.account}, signed with key {key}",
        )
    if outcome is not Outcome.ACCEPTED:
        return _refused(view, command, outcome, who, why)
    if command.verb is Verb.THREAT:
        return threat.answer(view, command, who, [case_line(view), _stamp_line(command)])
    if command.verb in STATING:
        return stated.answer(view, command, who, [case_line(view), _stamp_line(command)])
    if command.word is not None:
        return worded.answer(view, command, who, [case_line(view), _stamp_line(command)])
    done = ORDERS[command.verb]
    what = standing_words(view, adopted) if adopted else EMPTY
    of = Both(f"（{what.zh}）", f" ({what.en})") if what else EMPTY
    seen = [
        Both(
            f"{who.zh}{done.zh} {command.target}{of.zh}",
            f"{who.en} {done.en} {command.target}{of.en}",
        )
    ]
    if command.reason:
        seen.append(Both(f"理由：{command.reason}", f"reason: {command.reason}"))
    if command.verb in (Verb.LIFT, Verb.WITHDRAW) and facts.counts(view):
        rest = facts.counts(view)
        seen.append(
            Both(
                f"作出决定时仍有：{rest.zh}，已一并记录",
                f"when this was decided there were still {rest.en}; recorded with it",
            )
        )
    return finish(
        Both(f"决定：{done.zh} {command.target}", f"Decision: {done.en} {command.target}"),
        sentences(seen),
        facts.unknowns(view),
        sentence(AFTER[command.verb](view)),
        [case_line(view), _stamp_line(command)],
        footer=EMPTY,
    )


def _refused(
    view: View, command: Command, outcome: Outcome, who: Both, said: Both | None
) -> Rendered:
    order, why = _ordered(command), said or REFUSALS[outcome]
    if outcome is Outcome.NOTHING_NEW and command.verb is Verb.ADOPT:
        why = NEWEST
    if said is None and outcome is Outcome.UNKNOWN_TARGET and command.word is not None:
        why = NO_SUCH_ALARM
    aside = command.word is not None or command.verb in STATING  # not of the warning itself
    state = STATES[view.case.state] if view.case else Both("无未结预警", "no open warning")
    roles = _roles_for(view, command.verb)
    remedy = REMEDIES.get(
        outcome,
        Both(
            f"可办理的角色：{roles.zh}；当前：{state.zh}",
            f"roles that may order it: {roles.en}; now: {state.en}",
        ),
    )
    return finish(
        Both(
            f"指令未执行：{order.zh} {command.target}",
            f"Order refused: {order.en} {command.target}",
        ),
        sentences(
            [
                Both(
                    f"{who.zh}的指令“{order.zh} {command.target}”未执行：{why.zh}",
                    f"{who.en}: the order to {order.en} {command.target} was refused: {why.en}",
                )
            ]
        ),
        facts.unknowns(view),
        sentence(remedy),
        [*([case_line(view)] if aside else []), _stamp_line(command)],
        footer=EMPTY,
    )


def _ordered(command: Command) -> Both:
    """What was asked for, in the words of the order: a withdrawal is not called an entry."""
    if command.word is not None:
        return worded.ASKED[command.word.verb]
    if command.state == Attested.WITHDRAWN and command.verb in WITHDRAWALS:
        return WITHDRAWALS[command.verb]
    return Both(ORDERS[command.verb].zh, str(command.verb))


def _who(view: View, command: Command) -> Both:
    person = view.charter.member(command.account)
    if person is None:
        return Both(f"账号 {command.account} ", f"account {command.account}")
    roles = [view.charter.roles.get(role) for role in person.roles]
    names = join([both(role) for role in roles if role], "、", ", ")
    title = f"{person.organ} {names.zh}".strip()
    return Both(f"{person.name}（{title}）", f"{person.name} ({names.en or person.organ})")


def _roles_for(view: View, verb: Verb) -> Both:
    names = [view.charter.roles.get(role) for role in sorted(view.charter.verbs.get(verb, ()))]
    return join([both(name) for name in names if name], "、", ", ")


def _stamp_line(command: Command) -> Both:
    at = moment(command.at_ms)
    return Both(f"指令 {command.id}，签署于{at.zh}", f"Order {command.id}, signed {at.en}")


def _after_ack(_: View) -> Both:
    return Both("请继续研判", "go on judging")


def _after_propose(view: View) -> Both:
    headquarters, number = both(view.charter.headquarters), ordered_by(view, Verb.ISSUE)
    return Both(
        f"请电话报告{headquarters.zh}，等待其决定是否发布（{number}）",
        f"report to {headquarters.en} by telephone and wait for its decision ({number})",
    )


def _after_issue(view: View) -> Both:
    number = ordered_by(view, Verb.ISSUE)
    return Both(
        f"请按预案（{number}）通知相关重点单位和人员，并逐一确认收到；系统未向其他单位发送",
        f"notify key units and people by the plan ({number}) and have each confirm; "
        "the system has told nobody else",
    )


def _after_close(_: View) -> Both:
    return Both(
        "情况再次变化或加重时，系统将重新提示", "if it returns or grows worse you will be told anew"
    )


def _after_adopt(_: View) -> Both:
    return Both(
        "请核对按现行规则得出的情形和级别",
        "look at the scenario and level that the rules in force make of it",
    )


AFTER: Final[dict[Verb, Callable[[View], Both]]] = {
    Verb.ACK: _after_ack,
    Verb.PROPOSE: _after_propose,
    Verb.ISSUE: _after_issue,
    Verb.WITHDRAW: _after_close,
    Verb.LIFT: _after_close,
    Verb.ADOPT: _after_adopt,
}


def reminder(
    view: View, items: Sequence[Awaiting], *, ident: str, number: int, again_ms: int
) -> Rendered:
    """Everything that nobody has acknowledged, the most urgent first; ``number`` counts them."""
    name = _waiting_name(view, items[0])
    first = Both(name.zh.strip(), name.en)
    head = (
        Both(f"{first.zh}未确认", f"{first.en} unacknowledged")
        if len(items) == 1
        else Both(
            f"{first.zh}等{len(items)}件未确认",
            f"{first.en} and {len(items) - 1} more unacknowledged",
        )
    )
    now = facts.counts(view) or facts.effects(view) or STILL_NOTHING
    again = moment(again_ms)
    covers = Both(
        f"确认本通知 {ident} 即全部确认；仍无人确认的，{again.zh}再次催办",
        f"acknowledging this notice {ident} acknowledges all of them; "
        f"if nobody does, the next reminder comes at {again.en}",
    )
    return finish(
        Both(f"催办（第{number}次）：{head.zh}", f"Reminder {number}: {head.en}"),
        sentences(
            [
                _waiting(view, items),
                Both(f"当前：{now.zh}", f"now: {now.en}"),
            ]
        ),
        facts.unknowns(view),
        sentences([_answer_it(view, items), covers]),
        [case_line(view)],
    )


def _waiting_name(view: View, item: Awaiting) -> Both:
    topic = TOPICS[item.topic]
    if item.of == NONE:
        return Both(f"{topic.zh} ", topic.en)
    named = level_name if item.topic == "level" else scenario_name
    name = named(view.charter, item.of)
    return Both(f"{topic.zh}（{name.zh}）", f"{topic.en} ({name.en})")


def _waiting(view: View, items: Sequence[Awaiting]) -> Both:
    """Every notice by name and id, and for how long the oldest has waited."""
    names = [(_waiting_name(view, item), item.notice) for item in items]
    span = lasting(view.now_ms - min(item.since_ms for item in items))
    said = join(
        [Both(f"{name.zh}{ident}", f"{name.en} {ident}") for name, ident in names], "、", ", "
    )
    return Both(
        f"{said.zh} 已{span.zh}无人确认", f"{said.en}: nobody has acknowledged for {span.en}"
    )


def _answer_it(view: View, items: Sequence[Awaiting]) -> Both:
    """What the waiting notices want of the office now."""
    if all(item.topic == "incident" for item in items) or view.case is None:
        return Both(
            "请立即向相关企业核实原因和处置情况", "ask the operator for cause and measures at once"
        )
    if not view.known.nothing:
        return judge_it(view)
    return Both(
        f"异常已消除：请核实后{CLOSE[view.case.state].zh}",
        f"the trouble is over: verify, then {CLOSE[view.case.state].en}",
    )


def expiry(view: View, *, expires_ms: int) -> Rendered:
    """An issued warning nears its end of life, or is past it: overdue, never gone (PLAN 5)."""
    over = view.now_ms >= expires_ms
    at, case = moment(expires_ms), view.case.id if view.case else ""
    state = (
        Both(
            f"预警 {case} 有效期已于{at.zh}届满，仍按有效对待",
            f"warning {case} was due for renewal at {at.en}; it still stands",
        )
        if over
        else Both(f"预警 {case} 有效期至{at.zh}", f"warning {case} is due for renewal at {at.en}")
    )
    return finish(
        Both(f"预警续期：{case}", f"Warning renewal: {case}"),
        sentence(state),
        facts.unknowns(view),
        sentence(
            Both("请研判：再次发布以续期，或解除", "please judge: issue again to renew, or lift")
        ),
        [case_line(view), *details(view)],
    )
