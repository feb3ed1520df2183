"""What became of an order, in words for the person who gave it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from collector.web.source import Outcome
from escalation.answers import REFUSALS as ANSWERS
from escalation.authority import Outcome as Word
from escalation.effects import Effect, EmitNotice
from wire.codec import Refused
from wire.notice import Bilingual

REFUSALS: Final = {
    "unknown_key": Bilingual(zh="本县不认识这把密钥", en="this key is not trusted here"),
    "bad_signature": Bilingual(zh="签名不对", en="the signature is wrong"),
    "wrong_tree": Bilingual(zh="指令不属于本县或本演练", en="an order for another county or drill"),
    "wrong_county": Bilingual(zh="指令不属于本县", en="an order for another county"),
    "unknown_account": Bilingual(zh="登记册中没有此人", en="nobody of that account"),
    "wrong_key": Bilingual(zh="不是本人的密钥", en="not this person's own key"),
    "not_valid": Bilingual(zh="此人现不在任", en="this person is not in office today"),
    "unknown_target": Bilingual(
        zh="告警、对象或维护窗口不存在", en="no such alarm, target or maintenance window"
    ),
    **{
        outcome.value: Bilingual(zh=said.zh, en=said.en)
        for outcome in (
            Word.NO_ROLE,
            Word.KEY_UNIT,
            Word.TOO_LONG,
            Word.TOO_MUCH,
            Word.TOO_LATE,
            Word.TAKEN,
        )
        for said in (ANSWERS[outcome],)
    },
}


def refused_outcome(refused: Refused) -> Outcome:
    """A signed order that is none: wrong key, signature or county."""
    text = REFUSALS.get(refused.reason) or Bilingual(zh=f"拒绝：{refused}", en=str(refused))
    return Outcome(accepted=False, word=refused.reason, text=text)


def outcome_of(word: str) -> Outcome:
    """A word of ``escalation.authority.Outcome``."""
    if word == "accepted":
        return Outcome(accepted=True, word=word, text=Bilingual(zh="已记录", en="recorded"))
    text = REFUSALS.get(word) or Bilingual(zh=word, en=word)
    return Outcome(accepted=False, word=word, text=text)


def answered(effects: Iterable[Effect], command: str) -> Outcome:
    """The desk's decision on this command, in its own words."""
    for effect in effects:
        if isinstance(effect, EmitNotice):
            decision = effect.notice.decision
            if decision is not None and decision.command == command:
                return Outcome(
                    accepted=decision.accepted,
                    word=decision.outcome,
                    text=effect.notice.subject,
                )
    text = Bilingual(zh="这条指令已经收到过", en="this order had been received before")
    return Outcome(accepted=False, word="repeated", text=text)
