"""Attested (电话核实): what a person states stands in for what is not measured.

The state of an operator or an information system, or a fact that only people can enter (the
plan's facts, the spread): with name, source and expiry (PLAN section 1). A state never stands
against a measurement: what is measured supersedes it for good. Expiry or withdrawal brings back
what is known without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeGuard

from escalation.authority import Outcome
from escalation.charter import Clocks
from escalation.clerk import Clerk
from escalation.effects import Record
from escalation.facts import FACT
from escalation.picture import AFFECTED
from escalation.situation import AttestedFact, Situation
from escalation.state import Attestation, DeskState
from wire.notice import Attested, Command, Verb

UNSEEN: Final = frozenset({"unknown", "absent"})
"""States that nobody measured (PLAN section 2)."""


class Review(NamedTuple):
    """What stands in now, what has just expired unmeasured, and the journal's lines."""

    facts: dict[str, AttestedFact]
    expired: tuple[str, ...]
    records: list[Record]

    def entered(self, fact: str) -> str | None:
        """The value of a fact that people entered, or None."""
        row = self.facts.get(FACT + fact)
        return row.state if row else None


def key_of(command: Command) -> str:
    """Under what the desk keeps the statement."""
    return FACT + command.target if command.verb is Verb.FACT else command.target


def until(clocks: Clocks, now_ms: int, command: Command) -> int:
    """The end (ms) of what is stated, counted from the signing but never from the future."""
    valid_s = clocks.attested_s if command.valid_s is None else command.valid_s
    return min(command.at_ms, now_ms) + valid_s * 1000


def judge(clerk: Clerk, now_ms: int, command: Command) -> Outcome:
    """What becomes of a permitted order to attest or to enter; changes nothing."""
    charter, state = clerk.charter, clerk.state
    fact = charter.facts.get(command.target) if command.verb is Verb.FACT else None
    networks = charter.operators.keys() | charter.systems.keys()
    if fact is None and (command.verb is Verb.FACT or command.target not in networks):
        return Outcome.UNKNOWN_TARGET
    if command.state == Attested.WITHDRAWN:
        live = _live(state.attested.get(key_of(command)), now_ms)
        return Outcome.ACCEPTED if live else Outcome.NOT_ATTESTED
    if fact is not None and command.state not in fact.values:
        return Outcome.NO_SUCH_VALUE
    if until(charter.clocks, now_ms, command) <= now_ms:
        return Outcome.TOO_LATE
    if fact is None and state.situation is not None and _measured(state.situation, command.target):
        return Outcome.MEASURED
    return Outcome.ACCEPTED


def apply(clerk: Clerk, now_ms: int, command: Command) -> Record:
    """Keep what was stated, or drop it; the journal's line."""
    attested, said, key = clerk.state.attested, command.state, key_of(command)
    assert said is not None
    if said == Attested.WITHDRAWN:
        return _record("withdrawn", key, attested.pop(key), by=command.account)
    before, since_ms = attested.get(key), now_ms
    if _live(before, now_ms) and (before.state in AFFECTED) is (said in AFFECTED):
        since_ms = before.since_ms
    row = attested[key] = Attestation(
        state=str(said),
        source=command.source,
        account=command.account,
        at_ms=now_ms,
        until_ms=until(clerk.charter.clocks, now_ms, command),
        since_ms=since_ms,
        reason=command.reason[:200],
    )
    return _record("said", key, row)


def review(state: DeskState, now_ms: int, measured: Mapping[str, str]) -> Review:
    """End what has expired, supersede what is measured again; what stands in for the rest.

    ``measured`` has the states of operators and systems without anybody's word.
    """
    found = Review({}, (), [])
    expired = []
    for key, row in list(state.attested.items()):
        seen = measured.get(key, "absent")
        if now_ms >= row.until_ms:
            del state.attested[key]
            if row.superseded_ms is None:
                expired.append(key)
                found.records.append(_record("expired", key, row))
        elif row.superseded_ms is None and seen not in UNSEEN:
            row.superseded_ms, row.superseded_by = now_ms, seen
            found.records.append(_record("superseded", key, row))
        elif row.superseded_ms is None and (key in measured or key.startswith(FACT)):
            found.facts[key] = AttestedFact(
                key, row.state, row.source, row.account, row.at_ms, row.until_ms, row.since_ms
            )
    return found._replace(expired=tuple(expired))


def _live(row: Attestation | None, now_ms: int) -> TypeGuard[Attestation]:
    return row is not None and row.superseded_ms is None and now_ms < row.until_ms


def _measured(situation: Situation, target: str) -> bool:
    """Whether the state in the verdict is measured, and not itself a person's word."""
    verdict = situation.verdict
    word = verdict.operators.get(target) or verdict.systems.get(target, "unknown")
    return word not in UNSEEN and all(fact.target != target for fact in situation.attested)


def _record(event: str, key: str, row: Attestation, *, by: str = "") -> Record:
    data = {
        "event": event,
        "id": key,
        "state": row.state,
        "source": row.source,
        "by": by or row.account,
        "at_ms": row.at_ms,
        "until_ms": row.until_ms,
    }
    if row.superseded_by:
        data["measured"] = row.superseded_by
    return Record("attested", data)
