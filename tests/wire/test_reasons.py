"""Every reason that the agent gives for a refusal has words in both languages."""

from __future__ import annotations

import pytest

from agent import session
from agent.conversation import EMPTY_VIEW
from agent.io.pysnmp_engine import REFUSALS
from agent.trials import KNOWN_TO_IT
from wire.reasons import REASONS, SNMP_SILENT, reason_words

GIVEN = {
    *session._REPORTS.values(),
    session.WRONG_PRIVACY,
    session.SILENT,
    EMPTY_VIEW,
    *REFUSALS.values(),
    *KNOWN_TO_IT,
}


@pytest.mark.parametrize("reason", sorted(GIVEN))
def test_a_reason_has_words(reason: str) -> None:
    words = reason_words(reason)
    assert words is REASONS[reason]
    assert any(ord(char) > 0x4E00 for char in words.zh)
    assert words.en.isascii()
    assert len(reason) <= 64  # what a look may carry


def test_an_unknown_reason_stands_for_itself_and_silence_is_not_told_apart() -> None:
    assert reason_words("noSuchThing") == ("noSuchThing", "noSuchThing")
    assert "无法区分" in SNMP_SILENT.zh
    assert "cannot be told apart" in SNMP_SILENT.en
