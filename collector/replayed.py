"""A finished replay for people and machines: headlines, and the notices of either side. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from collector.county import County
from collector.replay import Coarse, Difference, Replay, difference
from escalation.moments import shown


@dataclass(frozen=True, slots=True)
class Found:
    """What a replay from ``begin`` to ``end`` (ms) found.

    ``equal``: its unedited side told what the journal has. ``counties``: as it was, as edited.
    """

    begin: int
    end: int
    equal: bool
    counties: tuple[County, County]
    difference: Difference
    coarse: list[Coarse] = field(default_factory=list)

    def name(self, of: str) -> tuple[str, str]:
        """What a scenario or level is called, in Chinese and in English."""
        for county in reversed(self.counties):
            for item in (*county.plan.scenarios, *county.plan.levels):
                if item.id == of:
                    return item.name.zh, item.name.en
        return of, of

    def as_json(self) -> dict[str, Any]:
        """For machines; stamps are milliseconds UTC."""
        found = self.difference
        return {
            "format": 1,
            "from_ms": self.begin,
            "to_ms": self.end,
            "was_config": self.counties[0].hash,
            "now_config": self.counties[1].hash,
            "differs": bool(found),
            "equals_journal": self.equal,
            "reached": [one._asdict() for one in found.reached],
            "notices": {"was": found.was, "now": found.now},
            "rows": [
                {
                    "kind": row.key[0],
                    "of": row.key[1],
                    "number": row.key[2],
                    "subject": row.subject.model_dump(),
                    "was_ms": row.was_ms,
                    "now_ms": row.now_ms,
                }
                for row in found.rows
            ],
            "orders_left_out": found.left_out,
            "coarse": [one._asdict() for one in self.coarse],
        }


def found(run: Replay, begin: int, end: int, *, equal: bool) -> Found:
    """The finished ``run``, held against each other."""
    counties = run.base.world.county, run.edited.world.county
    return Found(begin, end, equal, counties, difference(run))


def headlines(found: Found) -> Iterator[str]:
    """情形2：14:03，原为 14:11 / scenario 2 at 14:03 instead of 14:11; 3 notices fewer."""
    for one in found.difference.reached:
        if one.was_ms == one.now_ms:
            continue
        zh, en = found.name(one.id)
        was = shown(one.was_ms)[6:] if one.was_ms is not None else None
        now = shown(one.now_ms)[6:] if one.now_ms is not None else None
        if was and now:
            yield f"{zh}：{now}，原为 {was} / {en} at {now} instead of {was}"
        elif now:
            yield f"{zh}：{now}，原来没有 / {en} at {now}; it was not reached before"
        else:
            yield f"{zh}：不再出现，原为 {was} / {en} no longer; it was at {was}"
    more = found.difference.now - found.difference.was
    if more:
        zh, en = ("多", "more") if more > 0 else ("少", "fewer")
        noun = "notice" if abs(more) == 1 else "notices"
        yield f"{zh}{abs(more)}条通知 / {abs(more)} {noun} {en}"
    elif not found.difference:
        yield "没有差别 / nothing differs"
    if found.difference.left_out:
        count = found.difference.left_out
        yield f"{count}条指令没有对象，未执行 / {count} orders have nothing to speak of, left out"
