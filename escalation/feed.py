"""From a CAP message to a threat: what it means here, by the policy's rules and nothing else.

Pure. A message that is not for us, not in earnest or over is not taken, and the reason is said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from config.policy import CapRule, ThreatPolicy
from escalation.cap import Alert, Info, best_info, towns_of
from escalation.situation import Threat

LONGEST_MS: Final = 30 * 86_400_000
"""However long a message wants to stand."""


class Word(StrEnum):
    """What became of a message."""

    ENTERED = "entered"
    PROPOSED = "proposed"
    CANCELLED = "cancelled"
    NOT_ACTUAL = "not_actual"
    NOT_OURS = "not_ours"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    NO_WARNING = "no_warning"


@dataclass(frozen=True, slots=True)
class Place:
    """Where we are: the county's name, its towns by code, the statuses that count here."""

    county: str
    towns: Mapping[str, str]
    statuses: Collection[str] = ("Actual",)


@dataclass(frozen=True, slots=True)
class Read:
    """What a message does: a threat or none, and the threats that it ends."""

    word: Word
    threat: Threat | None = None
    gone: tuple[str, ...] = ()


def threat_id(sender: str, identifier: str) -> str:
    """The threat's id: the message's own words may be no id of ours."""
    return f"cap-{hashlib.sha256(f'{sender},{identifier}'.encode()).hexdigest()[:16]}"


def read(policy: ThreatPolicy, place: Place, alert: Alert, now_ms: int) -> Read:
    """What the message means at ``now_ms``."""
    gone = tuple(threat_id(*one) for one in alert.references)
    if alert.status not in place.statuses:
        return Read(Word.NOT_ACTUAL)
    if alert.kind == "Cancel":
        return Read(Word.CANCELLED, gone=gone)
    info = best_info(alert.infos)
    if info is None or alert.kind not in {"Alert", "Update"}:
        return Read(Word.NO_WARNING)
    return _threat(policy, place, alert, info, now_ms, gone if alert.kind == "Update" else ())


def _threat(
    policy: ThreatPolicy, place: Place, alert: Alert, info: Info, now_ms: int, gone: tuple[str, ...]
) -> Read:
    """The threat in a message that is in earnest, where it is ours and not over."""
    areas = [area for one in alert.infos for area in one.areas]
    towns = towns_of(areas, place.county, place.towns)
    if not towns:
        return Read(Word.NOT_OURS, gone=gone)
    until = info.expires_ms or alert.sent_ms + policy.valid_s * 1000
    until = min(until, alert.sent_ms + LONGEST_MS)
    if until <= now_ms:
        return Read(Word.EXPIRED, gone=gone)
    rule = rule_for(policy, info)
    threat = Threat(
        id=threat_id(alert.sender, alert.identifier),
        what=info.headline[:200] or info.event or alert.identifier[:200],
        source=f"cap:{alert.sender},{alert.identifier}"[:200],
        account="",
        degree=rule.degree if rule else "partial",
        at_ms=alert.sent_ms,
        until_ms=until,
        from_ms=info.onset_ms or info.effective_ms or 0,
        towns=towns,
        spread=rule.spread if rule else False,
        entered=rule.enters if rule else False,
        areas=" ".join([*(one.name for one in areas), info.severity, info.description])[:500],
    )
    return Read(Word.ENTERED if threat.entered else Word.PROPOSED, threat, gone)


def rule_for(policy: ThreatPolicy, info: Info) -> CapRule | None:
    """The first rule whose words the event (or headline) holds, and whose severity it has."""
    said = f"{info.event} {info.headline}".casefold()
    return next(
        (
            rule
            for rule in policy.rules
            if (not rule.event or any(word.casefold() in said for word in rule.event))
            and (not rule.severity or info.severity in rule.severity)
        ),
        None,
    )
