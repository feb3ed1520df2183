"""What a run of the county in a box tells: happenings on the way, a report at the end. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from drill.chain import TITLES, Chain, Link
from drill.farm import Where
from drill.play import State, Told, kinds_heard
from drill.story import clock
from wire.notice import Notice


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the timeline. ``kind``: ``box``, ``link``, ``step``, ``notice``, ``end``.

    ``at_ms`` is domain time, ``real_s`` real seconds since the box was opened.
    """

    kind: str
    at_ms: int
    real_s: float
    zh: str
    en: str
    good: bool | None = None


@dataclass
class Report:
    """What became of everything; ``faults`` is empty when every link and step held."""

    story: str
    scale: float
    broker: str
    where: Where
    real_s: float
    chain: Chain
    links: list[Link]
    steps: list[Told]
    start_ms: int
    notices: list[Notice]
    faults: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.faults

    def verdict(self) -> tuple[str, str]:
        """One sentence, Chinese and English."""
        if self.good:
            return "故事讲完，每一环都成立", "the story is told, every link held"
        count = len(self.faults)
        return f"有 {count} 处没有成立", f"{count} things did not hold"

    def to_json(self) -> dict[str, Any]:
        """For machines: links and steps with their times, what did not hold."""
        return {
            "story": self.story,
            "good": self.good,
            "faults": self.faults,
            "scale": self.scale,
            "broker": self.broker,
            "icmp": "looked" if self.where is Where.TUN else "could_not_look",
            "real_s": round(self.real_s, 1),
            "links": [self._link(link) for link in Link],
            "steps": [self._step(told) for told in self.steps],
            "notices": {kind.value: count for kind, count in kinds_heard(self.notices).items()},
        }

    def _link(self, link: Link) -> dict[str, Any]:
        seen = self.chain.seen[link]
        first = None if seen.first_s is None else round(seen.first_s, 2)
        return {
            "link": link.value,
            "needed": link in self.links,
            "title": TITLES[link][0],
            "first_s": first,
            "count": seen.count,
            "who": sorted(seen.who),
        }

    def _step(self, told: Told) -> dict[str, Any]:
        step = told.step
        done = told.at_ms is not None and told.state in {State.DONE, State.FAILED}
        return {
            "at": clock(step.at),
            "kind": step.kinds[0],
            "say": step.say.zh if step.say else "",
            "state": told.state.value,
            "happened": clock(((told.at_ms or 0) - self.start_ms) / 1000) if done else None,
            "why": told.why,
        }
