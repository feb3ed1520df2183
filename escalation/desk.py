"""The office's desk at the county: what to tell whom, which warning stands, who may order what.

Pure and serialisable: no clock, no file, no socket. The World calls it and carries out the
effects in the same transaction as its own state. Whatever is drafted here is a draft; nothing is
proposed onwards, issued, withdrawn or lifted without a person's command (PLAN section 1).
"""

from __future__ import annotations

from escalation.charter import Charter
from escalation.effects import Effect
from escalation.situation import Situation
from wire.notice import Command


class Desk:
    """One county's desk.

    ::

        desk = Desk(charter)  # or Desk.from_json(charter, raw)
        effects = desk.assess(now_ms, situation)  # whenever the situation changed
        effects = desk.command(now_ms, command, verified_key_id="li.key")
        effects = desk.due(now_ms)  # at or after desk.next_deadline()

    All stamps are domain milliseconds UTC. Effects are in the order in which they must happen.
    """

    def __init__(self, charter: Charter) -> None:
        self._charter = charter

    def assess(self, now_ms: int, situation: Situation) -> list[Effect]:
        """The situation changed. Calling it again with the same one tells nothing twice."""
        raise NotImplementedError

    def command(self, now_ms: int, command: Command, verified_key_id: str) -> list[Effect]:
        """A person's order, whose signature by ``verified_key_id`` the caller has checked.

        Never raises: an order that is refused gives a ``command`` record and a decision notice
        that says why. The same command id again changes nothing and tells nothing.
        """
        raise NotImplementedError

    def due(self, now_ms: int) -> list[Effect]:
        """Do what has fallen due by ``now_ms``: each thing once, however late (FAULTS F17)."""
        raise NotImplementedError

    def next_deadline(self) -> int | None:
        """The earliest moment (ms) at which ``due`` has something to do, or None."""
        raise NotImplementedError

    @property
    def open_warning(self) -> str | None:
        """The id of the open warning (for heartbeat and board), or None."""
        raise NotImplementedError

    def to_json(self) -> bytes:
        """The whole state of the desk, without the charter; the exact counterpart of from_json."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, charter: Charter, raw: bytes) -> Desk:
        """The desk that ``to_json`` wrote, under the charter now in force. Raises ValueError."""
        raise NotImplementedError
