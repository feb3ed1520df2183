"""The answer to an office's word on alarms or maintenance windows (verb ``alarm``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from escalation import facts
from escalation.facts import View
from escalation.page import Rendered, finish
from escalation.words import EMPTY, Both, moment, sentence, sentences
from wire.alarm import AlarmAction, AlarmVerb
from wire.notice import Command

DEEDS: Final = {
    AlarmVerb.ACK: Both("确认{}条告警", "acknowledged {} alarms"),
    AlarmVerb.UNACK: Both("取消确认{}条告警", "took back the acknowledgement of {} alarms"),
    AlarmVerb.NOTE: Both("备注{}条告警", "made a note on {} alarms"),
    AlarmVerb.ASSIGN: Both("指派{}条告警", "assigned {} alarms"),
    AlarmVerb.CLOSE: Both("关闭{}条告警", "closed {} alarms"),
    AlarmVerb.SHELVE: Both("搁置{}条告警", "shelved {} alarms"),
    AlarmVerb.UNSHELVE: Both("取消搁置{}条告警", "unshelved {} alarms"),
    AlarmVerb.PURGE: Both("清理已清除的告警", "purged cleared alarms"),
    AlarmVerb.MAINTAIN: Both("登记维护窗口“{}”", "entered the maintenance window “{}”"),
    AlarmVerb.END: Both("结束维护窗口 {}", "ended the maintenance window {}"),
}
ASKED: Final = {
    AlarmVerb.ACK: Both("确认告警", "acknowledge alarms of"),
    AlarmVerb.UNACK: Both("取消确认告警", "take back an acknowledgement of"),
    AlarmVerb.NOTE: Both("备注告警", "make a note on"),
    AlarmVerb.ASSIGN: Both("指派告警", "assign alarms of"),
    AlarmVerb.CLOSE: Both("关闭告警", "close alarms of"),
    AlarmVerb.SHELVE: Both("搁置告警", "shelve alarms of"),
    AlarmVerb.UNSHELVE: Both("取消搁置告警", "unshelve alarms of"),
    AlarmVerb.PURGE: Both("清理告警", "purge alarms of"),
    AlarmVerb.MAINTAIN: Both("登记维护窗口", "enter the maintenance window"),
    AlarmVerb.END: Both("结束维护窗口", "end the maintenance window"),
}
AFTER: Final = {
    AlarmVerb.SHELVE: Both(
        "搁置期间照常监测，影响照常计入，仅不发设备通知；到期自动恢复并告知",
        "it is watched and its impact counted as ever; only device news is not told. It ends by "
        "itself, and says so",
    ),
    AlarmVerb.MAINTAIN: Both(
        "窗口内照常监测，不计入影响、不发通知，重点单位除外；结束时重新研判并告知",
        "it is watched, not counted and not told, key units excepted; judged anew and told at its "
        "end",
    ),
    AlarmVerb.END: Both(
        "即刻重新计入；未恢复的将按故障通知", "it counts from now; what is still wrong is told"
    ),
}


def deed(word: AlarmAction) -> Both:
    """What was done, in a few words."""
    said = DEEDS[word.verb]
    of: str | int = len(word.alarms)
    if word.window is not None:
        of = word.window.name
    elif word.target is not None:
        of = word.target
    return Both(said.zh.format(of), said.en.format(of))


def answer(view: View, command: Command, who: Both, rest: Sequence[Both]) -> Rendered:
    """What a person did to alarms or windows, until when, and what follows."""
    word = command.word
    assert word is not None
    done = deed(word)
    lines = [Both(f"{who.zh}{done.zh}", f"{who.en} {done.en}"), _term(word)]
    if word.text:
        lines.append(Both(f"理由：{word.text}", f"reason: {word.text}"))
    return finish(
        Both(f"决定：{done.zh}", f"Decision: {done.en}"),
        sentences([line for line in lines if line]),
        facts.unknowns(view),
        sentence(AFTER.get(word.verb, Both("无需处置", "nothing"))),
        list(rest),
        footer=EMPTY,
    )


def _term(word: AlarmAction) -> Both:
    """From when to when, where it has a term."""
    if word.window is not None:
        begins, ends = moment(word.window.start_ms), moment(word.window.end_ms)
        again = f"，按 {word.window.rrule} 重复" if word.window.rrule else ""
        anew = f", repeated by {word.window.rrule}" if word.window.rrule else ""
        return Both(f"自{begins.zh}至{ends.zh}{again}", f"from {begins.en} to {ends.en}{anew}")
    if word.valid_s is not None:
        ends = moment(word.at_ms + word.valid_s * 1000)
        return Both(f"至{ends.zh}止", f"until {ends.en}")
    return EMPTY
