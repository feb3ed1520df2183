"""Which rules are in force, by which ones it is judged, and who signed for them: in words. Pure.

Everywhere a version of the rules (plan, policy and profiles) has the same name, the first digits
of its hash: in ``wanglou status``, ``rules show``, ``explain``, and on the pages.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from collector.base import World
from collector.county import County
from escalation.moments import shown
from escalation.state import RulesAct
from wire.notice import Bilingual

DIGITS: Final = 12
"""Hex digits by which people know a version of the rules."""

UNSIGNED: Final = Bilingual(zh="未署名", en="unsigned")
PARTS: Final = {
    "plan": Bilingual(zh="预案", en="plan"),
    "policy": Bilingual(zh="参数", en="policy"),
    "register": Bilingual(zh="名册", en="register"),
    "profiles": Bilingual(zh="设备模板", en="profiles"),
    "settings": Bilingual(zh="设置", en="settings"),
}


class Rules(NamedTuple):
    """The rules by which everything is judged, those in force, and who brought these there.

    ``keeps``: the open warning or incident that keeps other rules than those in force, or empty.
    """

    judged: str
    in_force: str
    keeps: str
    unsigned: bool
    said: Bilingual


NO_RULES: Final = Rules("", "", "", unsigned=False, said=Bilingual(zh="", en=""))


def named(county: County) -> str:
    """The name of a version of the rules."""
    return county.rules[:DIGITS]


def rules(world: World) -> Rules:
    act = world.desk.act
    return Rules(
        named(world.county),
        named(world.newest),
        world.desk.pinned,
        act is not None and not act.by,
        who(act),
    )


def who(act: RulesAct | None) -> Bilingual:
    """Who last changed the configuration, when and why; loudly where nobody signed for it."""
    if act is None:
        return Bilingual(zh="建库以来没有变更记录", en="no change on record since the store began")
    zh = "、".join(PARTS[one].zh for one in act.parts)
    en = ", ".join(PARTS[one].en for one in act.parts)
    at = shown(act.at_ms)
    if not act.by:
        return Bilingual(
            zh=f"{at} 变更（{zh}），【{UNSIGNED.zh}】：没有人签署，理由不详",
            en=f"changed {at} ({en}), UNSIGNED: nobody signed for it, its reason is not known",
        )
    seconded = Bilingual(
        zh=f"、{act.approved} 批准" if act.approved else "",
        en=f", approved by {act.approved}" if act.approved else "",
    )
    return Bilingual(
        zh=f"{at} 变更（{zh}），{act.by} 提交{seconded.zh}：{act.reason}",
        en=f"changed {at} ({en}) by {act.by}{seconded.en}: {act.reason}",
    )


def remarks(world: World) -> tuple[Bilingual, ...]:
    """For the pages: what keeps older rules; who signed for those in force."""
    own, other = named(world.county), named(world.newest)
    keeps, act = world.desk.pinned, world.desk.act
    found: list[Bilingual] = []
    if keeps:
        warning = world.desk.open_warning == keeps
        zh, en = ("预警", "Warning") if warning else ("事件", "Incident")
        found.append(
            Bilingual(
                zh=f"{zh} {keeps} 仍按规则版本 {own} 研判；现行版本 {other}，"
                "可下达“改按现行规则研判”。",
                en=f"{en} {keeps} is still judged by rules {own}; in force are {other}: a "
                "person may have it follow them (office adopt).",
            )
        )
    if act is not None:
        said = who(act)
        found.append(
            Bilingual(zh=f"规则版本 {other}：{said.zh}。", en=f"Rules {other}: {said.en}.")
        )
    return tuple(found)
