"""The links of the chain as they are seen at the broker and at the office's end. Pure.

Whoever plays a story learns from it which link did not hold: an agent that never came, a row that
was never committed, a notice that was never receipted, an order that was never answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from wire.topics import Topics


class Link(StrEnum):
    """In the order in which a reading becomes an order."""

    BORN = "born"
    POLLED = "polled"
    COMMITTED = "committed"
    BEATING = "beating"
    DRAFTED = "drafted"
    VERIFIED = "verified"
    RECEIPTED = "receipted"
    COMMANDED = "commanded"
    ANSWERED = "answered"
    REPORTED = "reported"


TITLES: Final = {
    Link.BORN: ("采集代理上线", "agents have said what they look at"),
    Link.POLLED: ("轮询结果已发出", "state rows have left the agents"),
    Link.COMMITTED: ("县级已入库并确认", "the collector has committed and acknowledged"),
    Link.BEATING: ("县级签名心跳", "the collector's signed heartbeat"),
    Link.DRAFTED: ("通知已发往指挥部办公室", "notices have left for the office"),
    Link.VERIFIED: ("通知已验签入库", "the office has verified and stored them"),
    Link.RECEIPTED: ("签名回执", "signed receipts have come back"),
    Link.COMMANDED: ("人员指令已签名发出", "people's signed commands have left"),
    Link.ANSWERED: ("指令已处理", "the county has answered the commands"),
    Link.REPORTED: ("结案报告", "the closing report tells it all"),
}

PEOPLE_LINKS: Final = frozenset({Link.COMMANDED, Link.ANSWERED})
NOTICE_LINKS: Final = frozenset({Link.DRAFTED, Link.VERIFIED, Link.RECEIPTED})
PER_AGENT: Final = {"birth": Link.BORN, "state": Link.POLLED, "ack": Link.COMMITTED}
PER_OFFICE: Final = {
    "notice": Link.DRAFTED,
    "receipt": Link.RECEIPTED,
    "command": Link.COMMANDED,
}


@dataclass(slots=True)
class Seen:
    """How often a link was seen, and when first: real seconds since the start."""

    count: int = 0
    first_s: float | None = None
    who: set[str] = field(default_factory=set)


@dataclass
class Chain:
    """All links of one run; ``agents`` must each be seen at the first three."""

    topics: Topics
    agents: frozenset[str]
    seen: dict[Link, Seen] = field(default_factory=lambda: {link: Seen() for link in Link})

    def filters(self) -> tuple[str, ...]:
        """The MQTT topic filters of everything that shows a link."""
        leaves = sorted({*PER_AGENT, *PER_OFFICE})
        return (self.topics.heartbeat, *(f"{self.topics.base}/+/+/{leaf}" for leaf in leaves))

    def topic(self, topic: str, at_s: float) -> Link | None:
        """A message was seen at the broker; the link that it shows, if any."""
        if topic == self.topics.heartbeat:
            return self.mark(Link.BEATING, "collector", at_s)
        leaf = self.topics.parse(topic)
        if leaf is None:
            return None
        office = leaf.realm == "office"
        link = (PER_OFFICE if office else PER_AGENT).get(leaf.leaf)
        return self.mark(link, leaf.peer, at_s) if link else None

    def mark(self, link: Link, who: str, at_s: float) -> Link | None:
        """``who`` was seen at the link; the link when it is for the first time, else None."""
        seen = self.seen[link]
        first = who not in seen.who
        seen.count += 1
        seen.who.add(who)
        if seen.first_s is None:
            seen.first_s = at_s
        return link if first else None

    def ready(self) -> bool:
        """Whether the county is watched: every agent born, polled and committed."""
        return not any(self.missing((Link.BORN, Link.POLLED, Link.COMMITTED)))

    def missing(self, links: Iterable[Link]) -> list[str]:
        """What did not happen, a sentence per link."""
        said = []
        for link in links:
            seen = self.seen[link]
            if link in PER_AGENT.values() and not self.agents <= seen.who:
                absent = ", ".join(sorted(self.agents - seen.who))
                said.append(f"{TITLES[link][0]} / {link}: {absent}")
            elif seen.first_s is None:
                said.append(f"{TITLES[link][0]} / {link}")
        return said
