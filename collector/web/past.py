"""What happened lately, for the pages: kept in memory, bounded, begun from the journal's tail.

The journal is the record; this is a window on its newest rows.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from collector.county import UNREACHABLE
from collector.web.source import LogLine, NoticeState, State, Transition
from escalation.effects import Effect, EmitNotice, Record
from escalation.report import ENDED
from wire.notice import STATING, Bilingual, NoticeKind, Verb

MOST_NOTICES: Final = 200
MOST_LOG: Final = 200
MOST_OVER: Final = 20
TRANSITIONS: Final = 20
"""State changes kept of one device."""

MOST_DEVICES: Final = 20_000
EVENTS: Final = {
    "draft": Bilingual(zh="起草", en="drafted"),
    "redraft": Bilingual(zh="改拟", en="redrafted"),
    "propose": Bilingual(zh="提请", en="proposed"),
    "issue": Bilingual(zh="发布", en="issued"),
    "withdraw": Bilingual(zh="撤回", en="withdrawn"),
    "lift": Bilingual(zh="解除", en="lifted"),
}


@dataclass
class Past:
    """Feed it every effect once, in order, with the turn's stamp."""

    notices: deque[NoticeState] = field(default_factory=lambda: deque(maxlen=MOST_NOTICES))
    log: deque[tuple[str, LogLine]] = field(default_factory=lambda: deque(maxlen=MOST_LOG))
    _transitions: OrderedDict[str, deque[Transition]] = field(default_factory=OrderedDict)
    _over: dict[str, None] = field(default_factory=dict)
    _reasons: dict[str, str] = field(default_factory=dict)

    def take(self, at_ms: int, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case EmitNotice(notice):
                    if not self.notices or self.notices[-1].number != notice.number:
                        self.notices.append(
                            NoticeState(
                                notice.id, notice.number, notice.notice_kind, notice.at_ms,
                                notice.recipient, notice.subject, notice.text, notice.warning_id,
                            )
                        )  # fmt: skip
                case Record(kind, data):
                    self.record(at_ms, kind, data)

    def replay(self, rows: Iterable[tuple[int, str, str]]) -> None:
        """The journal's rows (stamp, kind, JSON) before this process began, in order.

        A device's states are told from its alarms then; from here on they are seen.
        """
        for at_ms, kind, text in rows:
            data = json.loads(text)
            if kind == "notice":
                subject = Bilingual(zh=data["subject"], en=data["subject"])
                self.notices.append(
                    NoticeState(
                        data["id"], data["number"], NoticeKind(data["kind"]), at_ms,
                        ", ".join(data["recipients"]), subject, subject, data["warning"],
                    )
                )  # fmt: skip
            else:
                self.record(at_ms, kind, data)
            if kind == "alarm":
                bad = State.DOWN if data["type"] == UNREACHABLE else State.ALARM
                raised = data["word"] == "raised"
                before, after = (State.OK, bad) if raised else (bad, State.OK)
                self.moved(data["device"], Transition(at_ms, before, after))

    def record(self, at_ms: int, kind: str, data: dict[str, Any]) -> None:
        match kind:
            case "command":
                self._command(at_ms, data)
            case "warning":
                self._warning(at_ms, data)

    def moved(self, device: str, change: Transition) -> None:
        """A device changed its state."""
        kept = self._transitions.setdefault(device, deque(maxlen=TRANSITIONS))
        kept.append(change)
        self._transitions.move_to_end(device)
        if len(self._transitions) > MOST_DEVICES:
            self._transitions.popitem(last=False)

    def transitions(self, device: str) -> tuple[Transition, ...]:
        """The device's changes, newest first."""
        return tuple(reversed(self._transitions.get(device, ())))

    def of(self, warning: str) -> tuple[LogLine, ...]:
        """What was done about this warning, in order."""
        return tuple(line for name, line in self.log if name == warning)

    @property
    def over(self) -> tuple[str, ...]:
        """Warnings that were lifted or withdrawn, newest first."""
        return tuple(reversed(self._over))

    def _command(self, at_ms: int, data: dict[str, Any]) -> None:
        command = data["command"]
        if data["outcome"] != "accepted":
            return
        if command["verb"] == "ack":
            self.notices = deque(
                (
                    replace(one, acked_ms=at_ms, acked_by=command["account"])
                    if one.id == command["target"] and one.acked_ms is None
                    else one
                    for one in self.notices
                ),
                maxlen=MOST_NOTICES,
            )
            return
        if command["verb"] in STATING or command["verb"] == Verb.ALARM:
            return
        # The warning's own record came before in the turn's order, or comes next: both are met.
        self._reasons[command["account"]] = command["reason"]

    def _warning(self, at_ms: int, data: dict[str, Any]) -> None:
        if data["to"] in ENDED:
            self._over[data["id"]] = None
            while len(self._over) > MOST_OVER:
                del self._over[next(iter(self._over))]
        what = EVENTS.get(data["event"], Bilingual(zh=data["event"], en=data["event"]))
        machine = data["by"] == "machine"
        account = None if machine else data["by"]
        reason = "" if machine else self._reasons.pop(data["by"], "")
        self.log.append((data["id"], LogLine(at_ms, what, account, reason)))
