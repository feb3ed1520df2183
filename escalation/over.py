"""The words for shelves and maintenance windows that are over, folded into one notice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from escalation import facts
from escalation.facts import View
from escalation.page import Rendered, case_line, finish
from escalation.words import EMPTY, Both, join, listed, plural, same, sentence, sentences

MOST_NAMED: Final = 5
MOST_LINES: Final = 20


class Over(NamedTuple):
    """One that is over: ``kind`` shelf, window or refused; ``still`` what is not in order, by name.

    ``account`` set it (none: the register), ``devices`` is how many it was about.
    """

    kind: str
    name: str
    account: str
    devices: int
    still: tuple[str, ...] = ()


def over(view: View, ended: Sequence[Over]) -> Rendered:
    """One line each: what is over, whose it was, what of it is still wrong."""
    lines = [_line(view, one) for one in ended[:MOST_LINES]]
    if len(ended) > MOST_LINES:
        rest = len(ended) - MOST_LINES
        lines.append(Both(f"另有{rest}项同时到期", f"{rest} more are over"))
    wrong = any(one.still for one in ended)
    refused = any(one.kind == "refused" for one in ended)
    todo = [
        Both(
            "请核对未恢复的设备，属实的按故障处置；仍需静默的重新登记",
            "look at what is still wrong and treat it as faults; enter anew what has to stay quiet",
        )
        if wrong
        else EMPTY,
        Both("未生效的维护窗口请分批安排", "split the window that did not open into smaller ones")
        if refused
        else EMPTY,
    ]
    return finish(
        _subject(ended),
        sentences(lines),
        facts.unknowns(view),
        sentences([line for line in todo if line]) if wrong or refused else sentence(NOTHING),
        [case_line(view)],
    )


NOTHING: Final = Both("无需处置", "nothing")


def _subject(ended: Sequence[Over]) -> Both:
    wrong = sum(len(one.still) for one in ended)
    kinds = [one.kind for one in ended]
    if len(ended) == 1:
        what = _title(ended[0])
    else:
        named = [
            Both(word.zh.format(kinds.count(kind)), word.en.format(kinds.count(kind)))
            for kind, word in MANY.items()
            if kind in kinds
        ]
        what = join(named, "，", ", ")
    if set(kinds) == {"refused"}:
        return what
    if wrong:
        return Both(f"{what.zh}，仍有{wrong}项未恢复", f"{what.en}, {wrong} still wrong")
    return Both(f"{what.zh}，均已正常", f"{what.en}, all in order")


MANY: Final = {
    "window": Both("{}个维护窗口结束", "{} maintenance windows over"),
    "shelf": Both("{}项告警搁置到期", "{} shelves expired"),
    "refused": Both("{}个维护窗口未生效", "{} maintenance windows not opened"),
}


def _title(one: Over) -> Both:
    return {
        "window": Both(f"维护窗口“{one.name}”结束", f"Maintenance window “{one.name}” is over"),
        "shelf": Both(f"告警搁置“{one.name}”到期", f"Shelf “{one.name}” has expired"),
        "refused": Both(
            f"维护窗口“{one.name}”未生效：遮蔽范围超过上限",
            f"Maintenance window “{one.name}” was not opened: it would hide too much",
        ),
    }[one.kind]


def _line(view: View, one: Over) -> Both:
    title, who = _title(one), _who(view, one)
    if one.kind == "refused":
        return Both(
            f"{title.zh}{who.zh}，照常监测和通知", f"{title.en}{who.en}; all is told as ever"
        )
    if not one.still:
        return Both(f"{title.zh}{who.zh}，已全部正常", f"{title.en}{who.en}; all is in order")
    names = listed([same(name) for name in one.still], MOST_NAMED)
    count = len(one.still)
    unit = ("条告警", "alarm") if one.kind == "shelf" else ("台设备", "device")
    return Both(
        f"{title.zh}{who.zh}，仍有{count}{unit[0]}未恢复：{names.zh}",
        f"{title.en}{who.en}; {plural(count, unit[1])} still wrong: {names.en}",
    )


def _who(view: View, one: Over) -> Both:
    if not one.account:
        return Both("（登记册）", " (register)")
    person = view.charter.member(one.account)
    name = person.name if person else one.account
    return Both(f"（{name}登记）", f" (entered by {name})")
