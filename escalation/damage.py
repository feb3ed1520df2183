"""The county's own memory was damaged: the office hears it at once, and what it may rest on now."""

from __future__ import annotations

from typing import Final

from escalation import facts
from escalation.desk import Desk
from escalation.effects import Effect
from escalation.facts import View
from escalation.page import Rendered, case_line, finish
from escalation.words import Both, sentence, sentences

_SINCE_S: Final = 1_577_836_800
"""2020-01-01 00:00:00 UTC."""


def damaged(desk: Desk, now_ms: int, *, anew: bool) -> list[Effect]:
    """Tell that the store was restored with losses, or (``anew``) begun again with nothing."""
    return desk.health(now_ms, lambda view: page(view, anew=anew))


def page(view: View, *, anew: bool) -> Rendered:
    """What happened to our own store, what that leaves open, and what people have to do."""
    what = (
        Both(
            "汇聚端存储损坏，已另存备查并重新开始，此前的状态和未结预警已不在系统中",
            "the county's store was damaged; it is kept aside and a new one begun: what stood "
            "before, open warnings too, is not in the system any more",
        )
        if anew
        else Both(
            "汇聚端存储部分损坏，已尽量恢复，个别状态可能缺失",
            "the county's store was damaged in part and restored as far as possible: "
            "some of the state may be missing",
        )
    )
    todo = [
        Both(
            "请对照已收通知核对未结预警和事件，必要时按人工记录继续办理",
            "compare open warnings and incidents with the notices you have; if need be, go on "
            "by hand",
        ),
        Both("请通知系统维护人员", "tell whoever maintains the system"),
    ]
    unknown = [
        Both(
            "设备和站点的当前状态须待各采集代理重新报送",
            "what sites and devices are like until their agents have reported again",
        ),
        *facts.unknowns(view),
    ]
    subject = (
        Both("汇聚端存储已重新开始，请人工核对", "The county's store was begun anew, please check")
        if anew
        else Both("汇聚端存储有损失，请人工核对", "The county's store has losses, please check")
    )
    return finish(subject, sentence(what), unknown, sentences(todo), [case_line(view)])


def floor_of(now_ms: int) -> int:
    """The number below which every store begun before ``now_ms`` has stayed: seconds since 2020.

    So it is while a store gives fewer than one notice a second of its life, and a day's warnings
    have fewer than one a second (``Clerk.jump``).
    """
    return max(0, now_ms // 1000 - _SINCE_S)


def resume(desk: Desk, now_ms: int, span: tuple[int, int], warning: str) -> list[Effect]:
    """Number notices and warnings on after what an office holds, and tell it what is not here.

    ``span`` are the first and the last of the notices of which the store knows nothing. Orders
    given before now may have been carried out unknown to us: they are refused by name.
    """
    first, last = span
    desk.resume(now_ms, last, warning)
    return desk.health(now_ms, lambda view: _gap(view, first, last, warning))


def _gap(view: View, first: int, last: int, warning: str) -> Rendered:
    which = f"N-{first:06d}", f"N-{last:06d}"
    what = Both(
        f"{which[0]} 号至 {which[1]} 号通知不在县级存储中，编号自其后继续",
        f"notices {which[0]} to {which[1]} are not in the county's store; numbers go on after them",
    )
    todo = [
        Both(
            "请以贵处留存的上述通知为准，此前下达的指令如仍需办理请重新下达",
            "rely on those notices as you hold them; give orders from before again if they still "
            "stand",
        ),
        Both("请通知系统维护人员", "tell whoever maintains the system"),
    ]
    unknown = [
        Both("上述通知所述事件和预警的后续", "what became of what those notices speak of"),
        *facts.unknowns(view),
    ]
    details = [case_line(view)]
    if warning:
        details.insert(
            0,
            Both(
                f"贵处留存的最新预警：{warning}，其状态请人工核对。",
                f"Your newest warning is {warning}; check by hand how it stands.",
            ),
        )
    subject = Both(
        f"{which[0]} 号至 {which[1]} 号通知不在县级存储中",
        f"Notices {which[0]} to {which[1]} are not in the county's store",
    )
    return finish(subject, sentence(what), unknown, sentences(todo), details)
