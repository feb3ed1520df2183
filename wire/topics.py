"""The topic tree, separable by ACL from the start (DESIGN "Topics").

::

    wanglou/1/{live|drill-ID}/{county}/{operator}/{agent}/{state|sample|ack|request|birth|alive}
    wanglou/1/…/{county}/office/{office}/{notice|receipt|command|ack|alive}
    wanglou/1/…/{county}/office/heartbeat            signed, retained
    wanglou/1/…/{county}/view/index                  retained, as all that follow
    wanglou/1/…/{county}/view/{operator}/{summary|index|index/{page}}
    wanglou/1/…/{county}/view/{operator}/{sites/{site}|devices/{device}}
    wanglou/1/…/{county}/warning/{open|index}

``office``, ``view`` and ``warning`` are reserved: no operator may carry these ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wire.base import AgentId, OfficeId, OperatorId

ROOT: Final = "wanglou/1"
RESERVED: Final = frozenset({"office", "view", "warning"})
LEVELS: Final = 7
"""Levels of an agent's or office client's leaf topic."""

AGENT_UP: Final = ("state", "sample", "birth", "alive")
AGENT_DOWN: Final = ("ack", "request")
OFFICE_UP: Final = ("receipt", "command", "alive")
OFFICE_DOWN: Final = ("notice", "ack")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A parsed leaf topic: whose branch (operator or ``office``), which peer, which leaf."""

    realm: str
    peer: str
    leaf: str


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics of one county in one tree (``live`` or ``drill-ID``)."""

    county: str
    tree: str = "live"

    @property
    def base(self) -> str:
        return f"{ROOT}/{self.tree}/{self.county}"

    def agent(self, operator: OperatorId, agent: AgentId, leaf: str) -> str:
        return f"{self.base}/{operator}/{agent}/{leaf}"

    def office(self, office: OfficeId, leaf: str) -> str:
        return f"{self.base}/office/{office}/{leaf}"

    @property
    def heartbeat(self) -> str:
        return f"{self.base}/office/heartbeat"

    def view(self, operator: OperatorId, rest: str) -> str:
        return f"{self.base}/view/{operator}/{rest}"

    def warning(self, rest: str) -> str:
        return f"{self.base}/warning/{rest}"

    def view_site(self, operator: str, site: str) -> str:
        return f"{self.base}/view/{operator}/sites/{site}"

    def view_device(self, operator: str, device: str) -> str:
        return f"{self.base}/view/{operator}/devices/{device}"

    def view_summary(self, operator: str) -> str:
        return f"{self.base}/view/{operator}/summary"

    def view_index(self, operator: str) -> str:
        return f"{self.base}/view/{operator}/index"

    def view_page(self, operator: str, page: int | str) -> str:
        """A page of an operator's index; ``+`` for all of them, of all operators likewise."""
        return f"{self.base}/view/{operator}/index/{page}"

    @property
    def view_county(self) -> str:
        return f"{self.base}/view/index"

    def collector_subscriptions(self) -> tuple[str, ...]:
        """What the collector listens to: every agent's and office client's upward leaves.

        One level stands for operator and ``office`` alike, so each leaf is one filter.
        """
        leaves = sorted({*AGENT_UP, *OFFICE_UP})
        return tuple(f"{self.base}/+/+/{leaf}" for leaf in leaves)

    def parse(self, topic: str) -> Leaf | None:
        """The leaf that ``topic`` names, or None when it is none of ours."""
        prefix = self.base + "/"
        if not topic.startswith(prefix):
            return None
        parts = topic[len(prefix) :].split("/")
        if len(parts) != LEVELS - 4:
            return None
        realm, peer, leaf = parts
        return Leaf(realm, peer, leaf) if realm and peer and leaf else None
