"""Numbering and writing: from a rendered page to one notice per recipient office.

Notices go to the offices named in the settings and to nobody else. Numbers rise by one; every
recipient gets the same number, so that a hole in them is a missing notice (FAULTS S6).
"""

from __future__ import annotations

import re
from typing import Final

from escalation import load, reminders, words
from escalation.charter import NONE, Charter
from escalation.effects import Effect, EmitNotice, Record
from escalation.facts import View
from escalation.page import Rendered
from escalation.picture import picture
from escalation.situation import Situation
from escalation.state import Awaiting, DeskState
from wire.notice import AwaitingFact, Decision, Notice, NoticeKind, Verdict

MOST_FACTS: Final = 2000
"""Sites, and devices, in one notice, so that it fits its envelope; the text has the count."""

FULL: Final = frozenset(
    {NoticeKind.INCIDENT, NoticeKind.WARNING_DRAFT, NoticeKind.LEVEL_DRAFT, NoticeKind.RECOVERY}
)
"""Kinds that carry the whole picture: after one of these, it has been told."""

UNCOUNTED: Final = frozenset(
    {NoticeKind.WARNING_DRAFT, NoticeKind.LEVEL_DRAFT, NoticeKind.DECISION}
)
"""Kinds that the flood limit never holds back (FAULTS F27)."""


_CHINA_S: Final = 28_800
WARNING_ID: Final = re.compile(r"^W-(\d{8})-(\d{3,6})$")


def nothing_known(at_ms: int) -> Situation:
    """The situation before the first assessment."""
    return Situation(
        at_ms=at_ms,
        verdict=Verdict(
            operators={},
            systems={},
            spread="unknown",
            warning=NONE,
            level=NONE,
            warning_range=(NONE, NONE),
            level_range=(NONE, NONE),
            pending=False,
            literal_warning=True,
            literal_level=True,
            rules=(),
            clauses=(),
        ),
    )


class Clerk:
    """Writes notices for one desk; owns nothing, changes the desk's state."""

    def __init__(self, charter: Charter, state: DeskState) -> None:
        self.charter = charter
        self.state = state

    def view(self, now_ms: int) -> View:
        state = self.state
        situation = state.situation or nothing_known(now_ms)
        return View(self.charter, now_ms, situation, state.case, state.known, state.threats)

    def next_notice(self) -> str:
        return f"N-{self.state.number + 1:06d}"

    def warning_id(self, now_ms: int) -> str:
        state, today = self.state, words.day(now_ms)
        state.serial = state.serial + 1 if state.day == today else 1
        state.day = today
        return f"W-{today}-{state.serial:03d}"

    def resume(self, number: int, warning: str) -> None:
        """Number on after these, which were given by a store that is lost."""
        state, found = self.state, WARNING_ID.match(warning)
        state.number = max(state.number, number)
        if found is not None and (found[1], int(found[2])) > (state.day, state.serial):
            state.day, state.serial = found[1], int(found[2])

    def jump(self, now_ms: int, number: int) -> None:
        """Number notices above ``number``; warnings and incidents above the day's seconds."""
        state, today = self.state, words.day(now_ms)
        state.number = max(state.number, number)
        serial = (now_ms // 1000 + _CHINA_S) % 86_400
        least = today, serial
        state.day, state.serial = max((state.day, state.serial), least)
        state.incident_day, state.incident_serial = max(
            (state.incident_day, state.incident_serial), least
        )

    def incident_id(self, now_ms: int) -> str:
        state, today = self.state, words.day(now_ms)
        state.incident_serial = state.incident_serial + 1 if state.incident_day == today else 1
        state.incident_day = today
        return f"E-{today}-{state.incident_serial:03d}"

    def tell(
        self,
        now_ms: int,
        kind: NoticeKind,
        page: Rendered,
        *,
        decision: Decision | None = None,
        awaiting: tuple[AwaitingFact, ...] = (),
    ) -> list[Effect]:
        """Number the page and address it to every recipient; remember that it was told."""
        state = self.state
        ident = self.next_notice()
        state.number += 1
        state.sent = load.sent(state.sent, now_ms)
        if kind not in UNCOUNTED:
            state.recent = [*state.recent, now_ms][-self.charter.clocks.flood_most :]
        notice = self._notice(now_ms, kind, page, ident).model_copy(
            update={"decision": decision, "awaiting": awaiting}
        )
        reminders.told(state, state.number, kind)
        if kind in FULL and state.incident is not None:
            self._told(now_ms, kind)
        told: list[Effect] = [
            EmitNotice(notice.model_copy(update={"recipient": office}))
            for office in self.charter.recipients
        ]
        data = {
            "id": ident,
            "number": state.number,
            "kind": kind.value,
            "subject": page.subject.zh,
            "warning": notice.warning_id,
            "recipients": list(self.charter.recipients),
        }
        return [*told, Record("notice", data)]

    def tell_and_wait(
        self,
        now_ms: int,
        topic: str,
        page: Rendered,
        *,
        limit_s: int,
        of: str = NONE,
    ) -> list[Effect]:
        """Tell what a person has to acknowledge within ``limit_s`` seconds."""
        effects = self.tell(now_ms, reminders.KINDS[topic], page)
        state = self.state
        ident = f"N-{state.number:06d}"
        reminders.wait(state, Awaiting(topic, ident, state.number, now_ms, limit_s, of))
        return effects

    def room_at(self) -> int:
        """The moment (ms) from which the flood limit allows one more notice; 0: at once."""
        clocks = self.charter.clocks
        recent = self.state.recent
        if len(recent) < clocks.flood_most:
            return 0
        return recent[-clocks.flood_most] + clocks.flood_window_s * 1000

    def _told(self, now_ms: int, kind: NoticeKind) -> None:
        incident = self.state.incident
        assert incident is not None
        assert self.state.situation is not None
        incident.followups = 0 if kind in UNCOUNTED else incident.followups + 1
        incident.told = picture(self.charter, incident, self.state.situation)
        incident.told_ms = now_ms

    def _notice(self, now_ms: int, kind: NoticeKind, page: Rendered, ident: str) -> Notice:
        state = self.state
        situation = state.situation or nothing_known(now_ms)
        full = kind in FULL
        return Notice(
            id=ident,
            number=state.number,
            county=self.charter.county,
            tree=self.charter.tree,
            notice_kind=kind,
            at_ms=now_ms,
            recipient=self.charter.recipients[0],
            warning_id=state.case.id if state.case else None,
            subject=page.subject,
            text=page.text,
            verdict=situation.verdict,
            sites=situation.sites[:MOST_FACTS] if full else (),
            devices=situation.devices[:MOST_FACTS] if full else (),
            policy=situation.policy,
            evidence=tuple(line[:500] for line in situation.evidence),
            config_hash=situation.config_hash,
        )
