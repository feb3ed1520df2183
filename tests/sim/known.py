"""What the checker keeps: the agents' rows, the notices, and what the county's store says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from collector.io.journal import GENESIS


@dataclass
class Written:
    """A row that an agent's outbox was given; not ``sure``: it said an error, or lost it later.

    ``copied``: it stood in an outbox that was put back or cloned, so it may come twice, and late.
    """

    body: bytes
    sure: bool
    copied: bool = False


@dataclass
class Told:
    """A notice of the journal; not ``sure``: its store was lost before the office had it."""

    number: int
    at_ms: int
    sure: bool = True
    heard: bool = False


@dataclass
class Evidence:
    """What the county's inputs say of one device: numbers of inputs, last words."""

    spoken: int = 0
    looks: dict[str, tuple[str, int]] = field(default_factory=dict)
    mains: tuple[float | None, int] = (None, 0)


@dataclass
class Known:
    """What the county's store says: gone with it, and with a copy as it was then.

    ``number`` is the last notice's, ``told`` the places of its notices among all of the run;
    ``applied``: by agent's machine the places of the rows that were applied; ``holders``: by agent
    the lives that spoke for it, in turn, ``refused`` those turned away; ``behind``: the greatest
    number that the office may hold and the store does not know; ``met`` the devices that it has.
    """

    inputs: int = 0
    journal: tuple[int, str] = (0, GENESIS)
    number: int = 0
    told: set[int] = field(default_factory=set)
    behind: int = 0
    lane_at: tuple[int, int] = (0, 0)
    next: Counter[tuple[str, str]] = field(default_factory=Counter)
    applied: dict[str, set[int]] = field(default_factory=dict)
    orders: set[str] = field(default_factory=set)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    raised: dict[tuple[str, str], int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)
    impact: dict[str, str] = field(default_factory=dict)
    holders: dict[str, list[int]] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
