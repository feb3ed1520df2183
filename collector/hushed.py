"""Shelves and maintenance windows as the World remembers them: rows of ``collector.state``."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Shelved:
    """An alarm that a person shelved: judged on, told to nobody, until ``until_ms``."""

    name: str
    reason: str
    account: str
    at_ms: int
    until_ms: int


@dataclass(slots=True)
class Entered:
    """A maintenance window that a person entered (``wire.maintenance.Window``)."""

    targets: list[str]
    start_ms: int
    end_ms: int
    name: str
    reason: str
    account: str
    at_ms: int
    rrule: str = ""


@dataclass(slots=True)
class Ended:
    """A shelf or a window that is over, and of which the office is still to be told.

    ``kind`` is shelf, window, or refused (a window that would have hidden too much); ``name`` its
    name, ``account`` who set it (none: the register), ``ids`` its alarms or its devices.
    """

    kind: str
    name: str
    account: str
    at_ms: int
    ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Hush:
    """``shelf`` by an alarm's name (``device|type|qualifier``); ``windows`` those entered, by id.

    ``open`` are the occurrences that run now, by window id: [start, end); ``names`` their name and
    account, ``covers`` their devices. ``cut`` are the beginnings of occurrences that people ended,
    or that hid too much. ``over_ms`` is when a device last came out of a window, kept while it is
    out of order.
    """

    shelf: dict[str, Shelved] = field(default_factory=dict)
    windows: dict[str, Entered] = field(default_factory=dict)
    open: dict[str, tuple[int, int]] = field(default_factory=dict)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)
    covers: dict[str, list[str]] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    over_ms: dict[str, int] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)
